import type { AttentionShape, BufferSpec } from "../../backend.ts";

/*
 * How much memory buffers and scratch take on a GPU. The native side (model/native/cuda/host) allocates by the same
 * rules; a test compares the two on the emulated device.
 */

/** Long sides take whole tiles of products: a vocabulary of 31,980 is 32,000 on the device, as columns and as rows. */
const paddedSide = (side: number): number => (side < 1024 ? side : 128 * Math.ceil(side / 128));

/** Rows begin at multiples of 8 elements, so that 16-byte accesses stay inside a row; integers are packed. */
export function cudaBufferBytes({ dtype, rows, columns }: BufferSpec): number {
  if (dtype === "i32") return Math.max(16, 4 * rows * columns);
  const width = dtype === "bf16" ? 2 : 4;
  return Math.max(16, paddedSide(rows) * 8 * Math.ceil(paddedSide(columns) / 8) * width);
}

/** 16 slots of 256 KiB through which data is uploaded. */
const stagingBytes = 16 * 256 * 1024;

/** Workspace of cuBLASLt, where it is used. */
const cublasLtBytes = 32 * 2 ** 20;

/** Partial sums of the global norm. */
const normBytes = 4 * 65_536;

/** Keys that a block of attention's backward pass owns, by the widest head that it takes (`attentionTiles`). */
const backwardKeyRows = [
  { maxHeadSize: 64, rows: 128 },
  { maxHeadSize: 128, rows: 64 },
];

/**
 * Parts in which attention's backward pass sums gradients of queries: as many as end first, with a block a
 * multiprocessor at a time, each part taking key blocks there and back again.
 */
function backwardSplits(multiprocessors: number, heads: number, keyBlocks: number): number {
  const most = Math.min(keyBlocks, 2 * Math.ceil(multiprocessors / heads));
  let [best, bestTime] = [1, Number.POSITIVE_INFINITY];
  for (let splits = 1; splits <= most; splits++) {
    const time = Math.ceil((heads * splits) / multiprocessors) * longestPart(splits, keyBlocks);
    if (time < bestTime) [best, bestTime] = [splits, time];
  }
  return best;
}

/** Blocks of queries, as long as those of keys, that see the keys of the part with most of them. */
function longestPart(splits: number, keyBlocks: number): number {
  const parts = new Array<number>(splits).fill(0);
  for (let block = 0; block < keyBlocks; block++) {
    const [round, place] = [Math.floor(block / splits), block % splits];
    parts[round % 2 === 0 ? place : splits - 1 - place]! += keyBlocks - block;
  }
  return Math.max(...parts);
}

/**
 * Scratch memory for a micro-batch in bf16: float32 gradients of queries in as many parts as keep every multiprocessor
 * busy, parts of the gradients of norm gains, losses of rows.
 */
export function cudaWorkspaceBytes(
  { multiprocessors, cublasLt }: { readonly multiprocessors: number; readonly cublasLt: boolean },
  shape: AttentionShape,
): number {
  const { sequences, sequenceLength, heads, kvHeads, headSize } = shape;
  const tokens = sequences * sequenceLength;
  const width = heads * headSize;
  const tile = headSize % 8 === 0 ? backwardKeyRows.find((one) => headSize <= one.maxHeadSize) : undefined;
  const splits =
    tile === undefined
      ? 0
      : backwardSplits(multiprocessors, sequences * kvHeads, Math.ceil(sequenceLength / tile.rows));
  const gainParts = Math.ceil(tokens / Math.ceil(tokens / (2 * multiprocessors)));
  const floats = splits * tokens * width + gainParts * 8 * Math.ceil(width / 8) + 2 * tokens;
  return stagingBytes + normBytes + (cublasLt ? cublasLtBytes : 0) + 4 * floats;
}
