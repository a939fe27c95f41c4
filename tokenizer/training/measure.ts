import { type CorpusFile, readTexts } from "../../pipeline/corpus.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { BpeVocabulary } from "./bpe-trainer.ts";
import type { CorpusCounts } from "./corpus-counts.ts";
import type { TokenizerReport } from "./tokenizer-manifest.ts";
import { coverageCurve, longestTokens, measureFit } from "./tokenizer-report.ts";
import type { WordList } from "./word-list.ts";

/** Text to measure on when no document was held out, in UTF-16 units. */
const TRAINING_SAMPLE = 1_000_000;

/** What training ended with, and what it was given. */
export interface Trained {
  readonly tokenizer: Tokenizer;
  readonly vocabulary: BpeVocabulary;
  readonly words: WordList;
  readonly counts: CorpusCounts;
  readonly inputs: readonly CorpusFile[];
  readonly others: readonly { readonly path: string; readonly tokenizer: Tokenizer }[];
  /** Tokens at the beginning of the vocabulary that were given, not found. */
  readonly givenTokens: number;
}

/** Measures a tokenizer on text it has not seen, if any was held out, else on a sample of its training text. */
export async function measure(trained: Trained): Promise<TokenizerReport> {
  const { tokenizer, vocabulary, words, counts, inputs, others } = trained;
  const isHeldOut = counts.heldOut.length > 0;
  const texts = isHeldOut ? counts.heldOut : await sampleTexts(inputs, TRAINING_SAMPLE);
  return {
    vocabSize: vocabulary.tokens.length,
    merges: vocabulary.merges.length,
    measuredOn: isHeldOut ? "held-out" : "training",
    fit: measureFit(tokenizer, texts),
    longestTokens: longestTokens(vocabulary.tokens.slice(trained.givenTokens), 20),
    coverage: coverageCurve(words),
    comparisons: others.map(({ path, tokenizer: other }) => ({
      path,
      vocabSize: other.vocabSize,
      engine: other.engine,
      fit: measureFit(other, texts),
    })),
  };
}

async function sampleTexts(inputs: readonly CorpusFile[], units: number): Promise<string[]> {
  const texts: string[] = [];
  let sampled = 0;
  for (const file of inputs) {
    for await (const batch of readTexts(file)) {
      for (const text of batch.texts) {
        texts.push(text);
        sampled += text.length;
        if (sampled >= units) return texts;
      }
    }
  }
  return texts;
}
