import { WordRunReader } from "./word-run.ts";

/** A word of the merged runs, `bytes[start, end)`, valid until the next one. */
export interface MergedWord {
  bytes: Uint8Array;
  end: number;
  count: number;
}

/**
 * Merges sorted runs, adding up the counts of equal words. What comes out does not depend on the order of the runs.
 *
 * @param paths runs; each costs an open file and 256 KiB
 * @yields the words in order; always the same object
 */
export function* mergeWordRuns(paths: readonly string[]): Generator<MergedWord, void, undefined> {
  const readers: WordRunReader[] = [];
  try {
    for (const path of paths) readers.push(new WordRunReader(path));
    const heap = readers.filter((reader) => reader.next());
    for (let at = (heap.length >> 1) - 1; at >= 0; at--) siftDown(heap, at);
    const word: MergedWord = { bytes: new Uint8Array(1 << 10), end: 0, count: 0 };
    for (let first = heap[0]; first !== undefined; first = heap[0]) {
      const { start, end } = first;
      word.end = end - start;
      if (word.end > word.bytes.length) word.bytes = new Uint8Array(word.end * 2);
      for (let i = 0; i < word.end; i++) word.bytes[i] = first.bytes[start + i] as number;
      word.count = 0;
      do {
        word.count += first.count;
        advanceFirst(heap);
        first = heap[0];
      } while (
        first !== undefined &&
        compare(first.bytes, first.start, first.end, word.bytes, 0, word.end) === 0
      );
      yield word;
    }
  } finally {
    for (const reader of readers) reader.close();
  }
}

/** Moves the reader with the smallest word on, and out of the heap after its last one. */
function advanceFirst(heap: WordRunReader[]): void {
  if (!(heap[0] as WordRunReader).next()) {
    const last = heap.pop() as WordRunReader;
    if (heap.length === 0) return;
    heap[0] = last;
  }
  siftDown(heap, 0);
}

function siftDown(heap: WordRunReader[], from: number): void {
  let at = from;
  const moving = heap[at] as WordRunReader;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as WordRunReader, heap[child] as WordRunReader))
      child += 1;
    if (!isBefore(heap[child] as WordRunReader, moving)) break;
    heap[at] = heap[child] as WordRunReader;
    at = child;
  }
  heap[at] = moving;
}

function isBefore(a: WordRunReader, b: WordRunReader): boolean {
  return compare(a.bytes, a.start, a.end, b.bytes, b.start, b.end) < 0;
}

function compare(
  a: Uint8Array,
  startA: number,
  endA: number,
  b: Uint8Array,
  startB: number,
  endB: number,
): number {
  const common = Math.min(endA - startA, endB - startB);
  for (let i = 0; i < common; i++) {
    const difference = (a[startA + i] as number) - (b[startB + i] as number);
    if (difference !== 0) return difference;
  }
  return endA - startA - (endB - startB);
}
