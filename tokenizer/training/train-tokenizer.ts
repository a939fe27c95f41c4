import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type CorpusFile, openCorpus, readTexts } from "../../pipeline/corpus.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { hashFile, writeFileAtomic } from "../../pipeline/runtime/files.ts";
import { apt3Version } from "../../pipeline/runtime/installation.ts";
import { openJobFolder } from "../../pipeline/runtime/job-folder.ts";
import { fingerprint } from "../../pipeline/runtime/manifest.ts";
import { DEFAULT_PRE_TOKENIZATION } from "../engine/pre-tokenizer.ts";
import { SPECIAL_TOKENS } from "../special-tokens.ts";
import { runToEnd } from "../steps.ts";
import { Tokenizer } from "../tokenizer.ts";
import { tokenizerFiles } from "../tokenizer-files.ts";
import { type BpeVocabulary, trainBpe } from "./bpe-trainer.ts";
import type { CorpusCounts } from "./corpus-counts.ts";
import {
  type FinishedTokenizer,
  type StartedTokenizer,
  TOKENIZER_FORMAT,
  type TokenizerReport,
  tokenizerManifestSchema,
} from "./tokenizer-manifest.ts";
import { longestTokens, measureFit } from "./tokenizer-report.ts";
import { countWords } from "./word-counts.ts";
import type { WordList } from "./word-list.ts";

export interface TrainTokenizerOptions {
  /** Folder or file of texts; see `openCorpus`. */
  readonly input: string;
  /** Output folder. */
  readonly out: string;
  readonly vocabSize: number;
  readonly limitAlphabet: number;
  /** Share of documents kept out of training and measured on afterwards; 0 trains on all. */
  readonly heldOutShare: number;
  readonly workers: number;
  /** Memory for word counts, in bytes. */
  readonly memoryBytes: number;
}

/** What training ended with; `reused` when the folder had been finished before. */
export type TrainedTokenizer = FinishedTokenizer & { readonly reused: boolean };

/**
 * Trains the tokenizer of a corpus and writes it as Hugging Face files, with a report in manifest.json. The same
 * call after a kill continues and ends with the same bytes; so does any other number of workers.
 *
 * @throws UserError for what is wrong with the input, the settings or the output folder
 */
export async function trainTokenizer(
  options: TrainTokenizerOptions,
  context: JobContext,
): Promise<TrainedTokenizer> {
  // 1. What there is to read, and the folder with what an earlier run left in it
  const { files: inputs } = await openCorpus(options.input);
  const start = await describeJob(inputs, options);
  const folder = await openJobFolder(options.out, {
    fingerprint: start.fingerprint,
    schema: tokenizerManifestSchema,
    settings: "input, --vocab-size, --limit-alphabet or --held-out",
  });
  try {
    const { found } = folder;
    if (found?.complete) return { ...found, reused: true };
    await folder.save(start);

    // 2. Count words
    const workFolder = join(options.out, "work");
    const { words, counts } = await countWords(inputs, { ...options, workFolder }, context);

    // 3. Merge pairs
    const vocabulary = await train(words, options, context);

    // 4. Write the tokenizer, and measure what was written
    const contents = tokenizerFiles(vocabulary);
    const files: FinishedTokenizer["files"] = {};
    for (const [name, text] of Object.entries(contents)) {
      files[name] = await writeFileAtomic(join(options.out, name), text);
    }
    const tokenizer = Tokenizer.fromJson(contents["tokenizer.json"] as string);
    const report = await measure(tokenizer, vocabulary, counts, inputs);

    // 5. Mark it done
    const { heldOut: _texts, runs: _runs, ...corpus } = counts;
    const manifest: FinishedTokenizer = {
      ...start,
      complete: true,
      corpus: { ...corpus, differentWords: words.size },
      report,
      files,
    };
    await folder.save(manifest);
    await rm(workFolder, { recursive: true, force: true });
    return { ...manifest, reused: false };
  } finally {
    await folder.release();
  }
}

async function describeJob(
  inputs: readonly CorpusFile[],
  options: TrainTokenizerOptions,
): Promise<StartedTokenizer> {
  const settings = {
    vocabSize: options.vocabSize,
    limitAlphabet: options.limitAlphabet,
    heldOutShare: options.heldOutShare,
    specialTokens: [...SPECIAL_TOKENS],
    preTokenization: { ...DEFAULT_PRE_TOKENIZATION },
  };
  // Files made elsewhere are hashed, so that an edited one of the same size is never taken for the old one.
  const files: StartedTokenizer["inputs"] = [];
  for (const { path, name, bytes, sha256 } of inputs) {
    files.push({ file: name, bytes, sha256: sha256 ?? (await hashFile(path)).sha256 });
  }
  return {
    format: TOKENIZER_FORMAT,
    version: apt3Version(),
    fingerprint: fingerprint({ format: TOKENIZER_FORMAT, settings, files }),
    complete: false,
    settings,
    inputs: files,
  };
}

async function train(
  words: WordList,
  { vocabSize, limitAlphabet }: TrainTokenizerOptions,
  { progress, signal }: JobContext,
): Promise<BpeVocabulary> {
  const task = progress.start({ label: "training", unit: "merges", total: vocabSize });
  const steps = trainBpe(words, { vocabSize, limitAlphabet, specialTokens: SPECIAL_TOKENS });
  const vocabulary = await runToEnd(steps, signal, task);
  const { tokens, merges } = vocabulary;
  task.done(`${tokens.length} tokens, ${merges.length} merges`);
  if (tokens.length > vocabSize) {
    throw new UserError(
      `--vocab-size ${vocabSize}: too small for ${SPECIAL_TOKENS.length} special tokens and an alphabet of ${tokens.length - SPECIAL_TOKENS.length}; raise it or lower --limit-alphabet`,
    );
  }
  return vocabulary;
}

/** Text to measure on when no document was held out, in UTF-16 units. */
const TRAINING_SAMPLE = 1_000_000;

async function measure(
  tokenizer: Tokenizer,
  { tokens, merges }: BpeVocabulary,
  counts: CorpusCounts,
  inputs: readonly CorpusFile[],
): Promise<TokenizerReport> {
  const isHeldOut = counts.heldOut.length > 0;
  const texts = isHeldOut ? counts.heldOut : await sampleTexts(inputs, TRAINING_SAMPLE);
  return {
    vocabSize: tokens.length,
    merges: merges.length,
    measuredOn: isHeldOut ? "held-out" : "training",
    fit: measureFit(tokenizer, texts),
    longestTokens: longestTokens(tokens, 20),
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
