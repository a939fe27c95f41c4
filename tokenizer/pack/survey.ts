import type { CorpusFile } from "../../pipeline/corpus.ts";
import { WorkerPool, workerEntry } from "../../pipeline/runtime/workers.ts";
import type { EncodeOptions } from "./encode-unit.ts";
import type { Estimate } from "./estimate.ts";

/** What packing must know of a tokenizer besides how it encodes. */
export interface TokenizerFacts {
  readonly sha256: string;
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
}

export type SurveyTask =
  | { readonly about: "tokenizer"; readonly folder: string }
  | { readonly about: "texts"; readonly files: readonly CorpusFile[]; readonly encode: EncodeOptions };

export type SurveyResult = TokenizerFacts | Estimate;

/**
 * Looks at a tokenizer, and at samples of texts, in a thread that ends with it: parsing a vocabulary of 32,000 takes
 * 130 MB that V8 would keep for as long as the main thread lives.
 */
async function survey<Result extends SurveyResult>(task: SurveyTask): Promise<Result> {
  const entry = workerEntry(import.meta.url, "./survey.worker");
  const pool = new WorkerPool<SurveyTask, Result>({ entry, workers: 1 });
  try {
    return await pool.run(task);
  } finally {
    await pool.close();
  }
}

/** @throws UserError when the folder's tokenizer.json is missing or damaged */
export const surveyTokenizer = (folder: string): Promise<TokenizerFacts> =>
  survey({ about: "tokenizer", folder });

/** Reads and encodes the beginning of some files, and extrapolates by the size of the files. */
export const surveyTexts = (files: readonly CorpusFile[], encode: EncodeOptions): Promise<Estimate> =>
  survey({ about: "texts", files, encode });
