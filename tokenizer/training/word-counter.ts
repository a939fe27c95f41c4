import {
  DEFAULT_PRE_TOKENIZATION,
  isMetaspace,
  type PreTokenization,
  prependsSpace,
  SPACE,
  wordScanner,
} from "../engine/pre-tokenizer.ts";
import type { WordScanner } from "../engine/split-pattern.ts";
import {
  ABSENT,
  MAX_WORDS,
  makeWordBatch,
  OWNER_PAYLOAD,
  READ_AHEAD,
  RECORD_FIELDS,
  WordTable,
} from "../engine/word-table.ts";
import { sortWords, type WordList } from "./word-list.ts";

/** Bytes a word takes while words are sorted: itself twice, its start and count twice, its place and its key. */
const SORTING_BYTES = 2 * (12 + 8 + 8) + 4 + 8;

/** Words looked up together: enough to overlap their memory accesses, few enough to stay in the first-level cache. */
const BATCH = 256;

// Names of this module's own: an imported constant is looked up in its module each time it is used.
const NOT_FOUND = ABSENT;
const PAYLOAD = OWNER_PAYLOAD;

/**
 * Counts the words of texts. A word is kept as its bytes in the text, a leading "▁" always as one space, so the
 * same word is the same bytes wherever it stands. Counts are doubles: exact up to 2^53.
 */
export class WordCounter {
  readonly #preTokenization: PreTokenization;
  readonly #scan: WordScanner;
  #table = new WordTable();
  #counts = countsOf(this.#table);
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  readonly #batch = makeWordBatch(BATCH);

  constructor(preTokenization: PreTokenization = DEFAULT_PRE_TOKENIZATION) {
    this.#preTokenization = preTokenization;
    this.#scan = wordScanner(preTokenization);
  }

  /** Number of different words so far. */
  get size(): number {
    return this.#table.size;
  }

  /** Whether the words should be written and cleared: not many more have room, whatever the memory. */
  get isNearlyFull(): boolean {
    return this.#table.size > MAX_WORDS / 2;
  }

  /** Bytes of memory the counts take at most until the next word is added, and while they are sorted. */
  get peakBytes(): number {
    return this.#table.peakByteSize + this.#table.size * SORTING_BYTES;
  }

  /** Counts the words of one document, given in UTF-8. */
  add(text: Uint8Array): void {
    if (text.length === 0) return;
    const room = 1 + text.length + READ_AHEAD;
    if (room > this.#bytes.length) {
      this.#bytes = new Uint8Array(room * 2);
      this.#view = new DataView(this.#bytes.buffer);
    }
    const bytes = this.#bytes; // the text from byte 1 on; byte 0 is free for the "▁" put before it
    bytes.set(text, 1);
    bytes[0] = SPACE;
    const prepended = prependsSpace(this.#preTokenization, bytes, 1, true);
    const isMetaspaced = this.#preTokenization.kind === "metaspace";
    const end = text.length + 1;
    const { starts, ends } = this.#batch;
    for (let start = prepended ? 0 : 1; start < end; ) {
      let words = 0;
      for (; start < end && words < BATCH; words++) {
        const wordEnd = this.#scan(bytes, start, end);
        if (isMetaspaced && isMetaspace(bytes, start)) {
          start += 2; // a literal "▁" counts as the space it is taken for
          bytes[start] = SPACE;
        }
        starts[words] = start;
        ends[words] = wordEnd;
        start = wordEnd;
      }
      this.#countBatch(words);
    }
  }

  /** Counts the first words of the batch. */
  #countBatch(words: number): void {
    const { starts, ends, found } = this.#batch;
    this.#table.find(this.#bytes, this.#view, this.#batch, words);
    for (let i = 0; i < words; i++) {
      let slot = found[i] as number;
      if (slot === NOT_FOUND) {
        slot = this.#table.locate(this.#bytes, this.#view, starts[i] as number, ends[i] as number);
        if (this.#counts.buffer !== this.#table.slots.buffer) this.#counts = countsOf(this.#table);
      }
      const at = (slot + PAYLOAD) >> 1;
      this.#counts[at] = (this.#counts[at] as number) + 1;
    }
  }

  /** All words with their counts, sorted by their bytes. */
  sorted(): WordList {
    const table = this.#table;
    let total = 0;
    for (let i = 0; i < table.size; i++) total += table.lengthAt((i + 1) * RECORD_FIELDS);

    const bytes = new Uint8Array(total);
    const starts = new Float64Array(table.size + 1);
    const counts = new Float64Array(table.size);
    let at = 0;
    for (let i = 0; i < table.size; i++) {
      const slot = (i + 1) * RECORD_FIELDS;
      table.copyTo(slot, bytes, at);
      at += table.lengthAt(slot);
      starts[i + 1] = at;
      counts[i] = this.#counts[(slot + PAYLOAD) >> 1] as number;
    }
    return sortWords({ size: table.size, bytes, starts, counts });
  }

  /** Starts again from nothing. */
  clear(): void {
    this.#table.clear();
  }
}

/** The table's memory as doubles: a count lies in each slot's payload. */
function countsOf(table: WordTable): Float64Array {
  return new Float64Array(table.slots.buffer);
}
