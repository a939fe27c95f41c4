import type { AdamWArguments, AttentionShape, DType, Transposition } from "../../backend.ts";

/** Handles to native objects; only the addon can look inside. */
declare const deviceBrand: unique symbol;
export interface CudaHandle {
  readonly [deviceBrand]: true;
}
declare const matrixBrand: unique symbol;
export interface CudaMatrix {
  readonly [matrixBrand]: true;
}

type Optional = CudaMatrix | undefined;

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

/** What model/native/cuda/host/cuda_addon.cpp exports. Shapes are checked on this side, contents on the native one. */
export interface CudaAddon {
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
  free(matrix: CudaMatrix): void;
  write(device: CudaHandle, matrix: CudaMatrix, values: Float32Array | Int32Array): void;
  read(device: CudaHandle, matrix: CudaMatrix, into: Float32Array): Promise<void>;
  /** Waits for all earlier work; tells free and allocated bytes of the device's memory, and cuBLASLt's version or 0. */
  finish(device: CudaHandle, facts: Float64Array): Promise<void>;
  shutdown(device: CudaHandle): void;
  zero(device: CudaHandle, matrix: CudaMatrix): void;
  beginRecording(device: CudaHandle): void;
  endRecording(device: CudaHandle): void;
  replay(device: CudaHandle): void;
  copy(
    device: CudaHandle,
    from: CudaMatrix,
    fromRow: number,
    to: CudaMatrix,
    toRow: number,
    rows: number,
  ): void;
  embedding(device: CudaHandle, ids: CudaMatrix, weight: CudaMatrix, out: CudaMatrix): void;
  embeddingBackward(device: CudaHandle, ids: CudaMatrix, dOut: CudaMatrix, dWeight: CudaMatrix): void;
  rmsNorm(
    device: CudaHandle,
    x: CudaMatrix,
    gain: CudaMatrix,
    epsilon: number,
    out: CudaMatrix,
    scale: CudaMatrix,
  ): void;
  rmsNormBackward(
    device: CudaHandle,
    x: CudaMatrix,
    gain: CudaMatrix,
    scale: CudaMatrix,
    dOut: CudaMatrix,
    dX: CudaMatrix,
    dGain: CudaMatrix,
  ): void;
  matmul(
    device: CudaHandle,
    transposition: Transposition,
    a: CudaMatrix,
    b: CudaMatrix,
    out: CudaMatrix,
    plus: Optional,
  ): void;
  matmulSwiglu(
    device: CudaHandle,
    x: CudaMatrix,
    weight: CudaMatrix,
    gateUp: CudaMatrix,
    out: CudaMatrix,
  ): void;
  matmulSwigluBackward(
    device: CudaHandle,
    dOut: CudaMatrix,
    weight: CudaMatrix,
    gateUp: CudaMatrix,
    dHidden: CudaMatrix,
    dGateUp: CudaMatrix,
  ): void;
  rope(
    device: CudaHandle,
    x: CudaMatrix,
    heads: number,
    headSize: number,
    positions: CudaMatrix,
    table: CudaMatrix,
    direction: 1 | -1,
  ): void;
  attention(
    device: CudaHandle,
    shape: AttentionShape,
    qkv: CudaMatrix,
    documentStarts: Optional,
    out: CudaMatrix,
    logSumExp: CudaMatrix,
  ): void;
  attentionBackward(
    device: CudaHandle,
    shape: AttentionShape,
    qkv: CudaMatrix,
    documentStarts: Optional,
    out: CudaMatrix,
    logSumExp: CudaMatrix,
    dOut: CudaMatrix,
    dQkv: CudaMatrix,
    rowSums: CudaMatrix,
  ): void;
  cachedAttention(
    device: CudaHandle,
    shape: AttentionShape,
    capacity: number,
    positions: CudaMatrix,
    qkv: CudaMatrix,
    cache: CudaMatrix,
    out: CudaMatrix,
  ): void;
  swiglu(device: CudaHandle, gateUp: CudaMatrix, out: CudaMatrix): void;
  swigluBackward(device: CudaHandle, gateUp: CudaMatrix, dOut: CudaMatrix, dGateUp: CudaMatrix): void;
  /** `gradientScale` 0 leaves the logits alone. */
  crossEntropy(
    device: CudaHandle,
    logits: CudaMatrix,
    targets: CudaMatrix,
    sums: CudaMatrix,
    gradientScale: number,
  ): void;
  squaredNorm(device: CudaHandle, buffers: CudaMatrix[], out: CudaMatrix): void;
  adamw(
    device: CudaHandle,
    weight: CudaMatrix,
    master: Optional,
    gradient: CudaMatrix,
    firstMoment: CudaMatrix,
    secondMoment: CudaMatrix,
    squaredNorm: CudaMatrix,
    step: Omit<AdamWArguments, "tensors" | "squaredNorm"> & { weightDecay: number; roundingSeed: number },
  ): void;
}
