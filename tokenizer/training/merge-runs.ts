import { type WordList, WordListBuilder } from "./word-list.ts";
import { WordRunReader } from "./word-run.ts";

/** Words after which `mergeWordRuns` lets its caller breathe: about 20 ms. */
const WORDS_A_STEP = 1 << 17;

/**
 * Merges sorted runs into one sorted list, adding up the counts of equal words. The result does not depend on the
 * order of the runs. Each run is read with a fixed buffer; the list is held in memory.
 *
 * @param paths runs; each costs an open file and 256 KiB
 * @yields the number of words so far, for progress and for stopping
 */
export function* mergeWordRuns(paths: readonly string[]): Generator<number, WordList, undefined> {
  const readers = paths.map((path) => new WordRunReader(path));
  try {
    const heap = readers.filter((reader) => reader.next());
    for (let at = (heap.length >> 1) - 1; at >= 0; at--) siftDown(heap, at);
    const merged = new WordListBuilder();
    let words = 0;
    for (let first = heap[0]; first !== undefined; first = heap[0]) {
      const word = first.bytes.slice(first.start, first.end);
      let count = 0;
      do {
        count += first.count;
        advanceFirst(heap);
        first = heap[0];
      } while (
        first !== undefined &&
        compare(first.bytes, first.start, first.end, word, 0, word.length) === 0
      );
      merged.add(word, 0, word.length, count);
      words += 1;
      if (words % WORDS_A_STEP === 0) yield words;
    }
    return merged.build();
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
