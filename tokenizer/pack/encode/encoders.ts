import type { CorpusFile } from "../../../pipeline/corpus.ts";
import { WorkerPool, workerEntry } from "../../../pipeline/runtime/workers.ts";
import type { ShuffleOptions, UnitIndex } from "../rows/unit-rows.ts";
import type { EncodeOptions, UnitTexts } from "./encode-unit.ts";
import type { Estimate } from "./estimate.ts";
import { UNITS_AHEAD, YOUNG_HEAP_MEGABYTES } from "./memory.ts";

/** What packing must know of a tokenizer besides how it encodes. */
export interface TokenizerFacts {
  readonly sha256: string;
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
}

/** Encode the documents of a unit and leave them as rows, sorted by bucket, in a scratch file. */
export interface PackUnitTask extends UnitTexts {
  /** The unit's index in the corpus. */
  readonly unit: number;
  readonly shuffle: ShuffleOptions;
  /** Where its rows go. */
  readonly path: string;
}

export interface PackUnitResult {
  readonly index: UnitIndex;
  readonly rejectedLines: number;
}

export type EncoderTask =
  | { readonly about: "tokenizer" }
  | { readonly about: "sample"; readonly files: readonly CorpusFile[] }
  | { readonly about: "unit"; readonly unit: PackUnitTask };

export type EncoderResult = TokenizerFacts | Estimate | PackUnitResult;

/**
 * The threads that encode. Each begins to load the tokenizer when they are made, so that this, the larger part of a
 * short run, is done while the texts are opened; what is asked of the tokenizer, they are asked, since parsing a
 * vocabulary of 32,000 takes 130 MB that V8 would keep for as long as the main thread lives.
 */
export class Encoders {
  readonly #pool: WorkerPool<EncoderTask, EncoderResult>;

  constructor(encode: EncodeOptions, workers: number) {
    this.#pool = new WorkerPool({
      entry: workerEntry(import.meta.url, "./encoder.worker"),
      workers,
      workerData: encode,
      ahead: UNITS_AHEAD,
      youngHeapMegabytes: YOUNG_HEAP_MEGABYTES,
    });
  }

  /** @throws UserError when the folder's tokenizer.json is missing or damaged */
  async tokenizer(): Promise<TokenizerFacts> {
    return (await this.#pool.run({ about: "tokenizer" })) as TokenizerFacts;
  }

  /** Reads and encodes the beginning of some files, and extrapolates by the size of the files. */
  async estimate(files: readonly CorpusFile[]): Promise<Estimate> {
    return (await this.#pool.run({ about: "sample", files })) as Estimate;
  }

  /** The results of the units in their order. */
  async *encode(units: AsyncIterable<PackUnitTask>, signal: AbortSignal): AsyncGenerator<PackUnitResult> {
    async function* tasks(): AsyncGenerator<EncoderTask> {
      for await (const unit of units) yield { about: "unit", unit };
    }
    for await (const result of this.#pool.map(tasks(), { signal })) yield result as PackUnitResult;
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}
