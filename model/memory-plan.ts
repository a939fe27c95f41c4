import type { Backend, BufferSpec, DType } from "./backend.ts";
import { buildTrainingState } from "./training-layout.ts";
import { attentionShape, type MemoryKind, type TrainingShape } from "./training-state.ts";

/** Bytes of one element. */
const elementBytes: Readonly<Record<DType, number>> = { f32: 4, bf16: 2, i32: 4 };

const elements = ({ rows, columns }: BufferSpec): number => rows * columns;

/** Bytes of an unpadded buffer. */
export const unpaddedBytes = (spec: BufferSpec): number => elements(spec) * elementBytes[spec.dtype];

export interface MemoryPlan {
  /** Bytes by use, largest uses first. */
  readonly byKind: ReadonlyMap<MemoryKind, number>;
  readonly totalBytes: number;
  readonly buffers: number;
}

/** Adds up every buffer that training will allocate on a backend, before anything is allocated. */
export function planMemory(
  shape: TrainingShape,
  { bufferBytes, workspaceBytes }: Pick<Backend, "bufferBytes" | "workspaceBytes">,
): MemoryPlan {
  const bytes = new Map<MemoryKind, number>();
  let buffers = 0;
  let largest: BufferSpec | undefined;
  const add = (kind: MemoryKind, amount: number) => bytes.set(kind, (bytes.get(kind) ?? 0) + amount);
  buildTrainingState(shape, (kind, spec) => {
    buffers += 1;
    add(kind, bufferBytes(spec));
    if (largest === undefined || elements(spec) > elements(largest)) largest = spec;
  });
  if (largest !== undefined) add("workspace", workspaceBytes(attentionShape(shape), largest));
  const byKind = new Map([...bytes].sort((a, b) => b[1] - a[1]));
  return { byKind, totalBytes: [...byKind.values()].reduce((sum, amount) => sum + amount, 0), buffers };
}
