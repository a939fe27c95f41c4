import type { Backend } from "../backend.ts";
import { unpaddedBytes } from "../memory-plan.ts";

/** What a backend need not have itself: fused and recorded operations, padding. */
type Completed = "repeat" | "bufferBytes" | "matmulSwiglu" | "matmulSwigluBackward";

/** A backend without them. */
export type BasicBackend = Omit<Backend, Completed>;

/** Completes a backend that neither fuses nor records operations nor pads buffers. */
export function completeBackend(base: BasicBackend): Backend {
  return {
    ...base,
    repeat: (_key, enqueue) => enqueue(),
    bufferBytes: unpaddedBytes,
    matmulSwiglu({ x, weight, gateUp, out }) {
      base.matmul({ a: x, b: weight, out: gateUp, transposition: "nt" });
      base.swiglu({ gateUp, out });
    },
    matmulSwigluBackward({ dOut, weight, gateUp, dHidden, dGateUp }) {
      base.matmul({ a: dOut, b: weight, out: dHidden, transposition: "nn" });
      base.swigluBackward({ gateUp, dOut: dHidden, dGateUp });
    },
  };
}
