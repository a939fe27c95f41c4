import type { Backend, DeviceBuffer } from "../backend.ts";
import { expectAlike, expectProduct, expectShape } from "./shapes.ts";

/** Operations that do several at once, where native code has them (model/backends/complete.ts has them for the others). */
export interface FusedOperations<Device, Matrix> {
  matmulSwiglu(device: Device, x: Matrix, weight: Matrix, gateUp: Matrix, out: Matrix): void;
  matmulSwigluBackward(
    device: Device,
    dOut: Matrix,
    weight: Matrix,
    gateUp: Matrix,
    dHidden: Matrix,
    dGateUp: Matrix,
  ): void;
}

/** The contract's fused operations on a native device, behind checks of their shapes, which throw at once. */
export function fusedOperations<Device, Matrix>(
  addon: FusedOperations<Device, Matrix>,
  device: Device,
  nativeOf: (buffer: DeviceBuffer) => Matrix,
): Pick<Backend, keyof FusedOperations<never, never>> {
  return {
    matmulSwiglu({ x, weight, gateUp, out }) {
      expectProduct({ a: x, b: weight, out: gateUp, transposition: "nt" });
      expectShape(gateUp, out.rows, 2 * out.columns, out.dtype);
      addon.matmulSwiglu(device, nativeOf(x), nativeOf(weight), nativeOf(gateUp), nativeOf(out));
    },
    matmulSwigluBackward({ dOut, weight, gateUp, dHidden, dGateUp }) {
      expectProduct({ a: dOut, b: weight, out: dHidden, transposition: "nn" });
      expectAlike(gateUp, dGateUp);
      expectShape(gateUp, dHidden.rows, 2 * dHidden.columns, dHidden.dtype);
      const [gradient, matrix, forward] = [nativeOf(dOut), nativeOf(weight), nativeOf(gateUp)];
      addon.matmulSwigluBackward(device, gradient, matrix, forward, nativeOf(dHidden), nativeOf(dGateUp));
    },
  };
}
