import type { DType } from "../../backend.ts";
import type { FusedOperations } from "../fused-operations.ts";
import type { NativeOperations } from "../native-operations.ts";

/** Handles to native objects; only the addon can look inside. */
declare const deviceBrand: unique symbol;
export interface CudaHandle {
  readonly [deviceBrand]: true;
}
declare const matrixBrand: unique symbol;
export interface CudaMatrix {
  readonly [matrixBrand]: true;
}

/** A GPU as the driver describes it. */
export interface CudaDeviceFacts {
  readonly name: string;
  readonly capabilityMajor: number;
  readonly capabilityMinor: number;
  readonly multiprocessors: number;
  readonly memoryBytes: number;
}

export interface CudaProbe {
  /** 12040 for 12.4. */
  readonly driverVersion: number;
  readonly devices: readonly CudaDeviceFacts[];
}

/** What model/native/cuda/host/cuda_addon.cpp exports. */
export interface CudaAddon
  extends NativeOperations<CudaHandle, CudaMatrix>,
    FusedOperations<CudaHandle, CudaMatrix> {
  /** @throws Error whose message says why there is no driver that could be used */
  probe(library: string): CudaProbe;
  /**
   * @param cublasLt a path, or empty for the installed one, or `none`
   * @param choicesFile start of the name of the file in which measured choices are kept; empty for none
   */
  open(
    library: string,
    index: number,
    images: readonly Uint8Array[],
    cublasLt: string,
    choicesFile: string,
  ): CudaHandle;
  create(device: CudaHandle, dtype: DType, rows: number, columns: number): CudaMatrix;
  /** Waits for all earlier work; tells free and allocated bytes of the device's memory, and cuBLASLt's version or 0. */
  finish(device: CudaHandle, facts: Float64Array): Promise<void>;
  shutdown(device: CudaHandle): void;
  beginRecording(device: CudaHandle): void;
  endRecording(device: CudaHandle): void;
  replay(device: CudaHandle): void;
}
