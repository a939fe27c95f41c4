import { basename, dirname, join } from "node:path";
import { type CorpusFile, openCorpus } from "../../pipeline/corpus.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { hashFile, writeFileAtomic } from "../../pipeline/runtime/files.ts";
import { apt3Version } from "../../pipeline/runtime/installation.ts";
import { openJobFolder } from "../../pipeline/runtime/job-folder.ts";
import { fingerprint } from "../../pipeline/runtime/manifest.ts";
import { byteToken } from "../engine/byte-level.ts";
import { DEFAULT_PRE_TOKENIZATION, type Digits } from "../engine/pre-tokenizer.ts";
import { loadTokenizer } from "../load.ts";
import { Tokenizer } from "../node.ts";
import { SPECIAL_TOKENS } from "../special-tokens.ts";
import { runToEnd } from "../steps.ts";
import { type TokenizerDesign, tokenizerFiles } from "../tokenizer-files.ts";
import { type BpeVocabulary, trainBpe } from "./bpe-trainer.ts";
import { measure } from "./measure.ts";
import { sharesForMix } from "./mix.ts";
import {
  type FinishedTokenizer,
  type StartedTokenizer,
  TOKENIZER_FORMAT,
  tokenizerManifestSchema,
} from "./tokenizer-manifest.ts";
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
  /** Memory for everything, in bytes. */
  readonly memoryBytes: number;
  /** Further special tokens, with the ids after the usual ones. */
  readonly specialTokens?: readonly string[];
  /** Stop when the best pair occurs less often; 0 when left out. */
  readonly minFrequency?: number;
  /** Make tokens shorter than this many characters only; no limit when left out. */
  readonly maxTokenLength?: number | undefined;
  /** A token for each byte, so that no character is lost; only for `metaspace`. */
  readonly byteFallback?: boolean;
  readonly preTokenizer?: "metaspace" | "byte-level";
  readonly digits?: Digits;
  /** Draw documents so that groups are in the proportions of the corpus's mix; all when left out. */
  readonly mix?: boolean;
  /** Other tokenizers to measure on the same text: paths of a tokenizer.json or its folder. */
  readonly compare?: readonly string[];
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
  const corpus = await openCorpus(options.input);
  const inputs = corpus.files;
  const design = designOf(options);
  const keptShares = options.mix ? sharesForMix(corpus) : {};
  const start = await describeJob(inputs, options, design, keptShares);
  const others = await Promise.all((options.compare ?? []).map(loadOther));
  const folder = await openJobFolder(options.out, {
    fingerprint: start.fingerprint,
    schema: tokenizerManifestSchema,
    settings: "input or settings",
  });
  try {
    const { found } = folder;
    if (found?.complete) return { ...found, reused: true };
    await folder.save(start);

    // 2. Count words
    const { words, counts } = await countWords(
      inputs,
      { ...options, preTokenization: design.preTokenization, keptShares, workFolder: folder.work },
      context,
    );

    // 3. Merge pairs
    const vocabulary = await train(words, options, design, context);

    // 4. Write the tokenizer, and measure what was written
    const contents = tokenizerFiles(vocabulary, design);
    const files: FinishedTokenizer["files"] = {};
    for (const [name, text] of Object.entries(contents)) {
      files[name] = await writeFileAtomic(join(options.out, name), text);
    }
    const tokenizer = Tokenizer.fromJson(contents["tokenizer.json"] as string);
    const report = await measure({
      tokenizer,
      vocabulary,
      words,
      counts,
      inputs,
      others,
      givenTokens: firstTokens(design).length,
    });

    // 5. Mark it done
    const { heldOut: _texts, runs: _runs, ...counted } = counts;
    const manifest: FinishedTokenizer = {
      ...start,
      complete: true,
      corpus: { ...counted, differentWords: words.differentWords, ...words.pruning },
      report,
      files,
    };
    await folder.save(manifest);
    return { ...manifest, reused: false };
  } finally {
    await folder.release();
  }
}

function designOf(options: TrainTokenizerOptions): TokenizerDesign {
  const { preTokenizer = "metaspace", digits = "joined", byteFallback = false } = options;
  const specialTokens = [...new Set([...SPECIAL_TOKENS, ...(options.specialTokens ?? [])])];
  if (preTokenizer === "byte-level") {
    if (byteFallback) {
      throw new UserError(
        "--byte-fallback: a byte-level tokenizer has all bytes already; leave one of the two out",
      );
    }
    return {
      preTokenization: { kind: "byte-level", pattern: "gpt2", prepend: "never", digits },
      byteFallback,
      specialTokens,
    };
  }
  // With a space put before texts, one of " a" and "a" would be lost; byte fallback is there to lose nothing.
  const prepend = byteFallback ? "never" : DEFAULT_PRE_TOKENIZATION.prepend;
  return { preTokenization: { ...DEFAULT_PRE_TOKENIZATION, prepend, digits }, byteFallback, specialTokens };
}

/** A tokenizer given to compare with, under the path it was given by. */
async function loadOther(path: string): Promise<{ path: string; tokenizer: Tokenizer }> {
  const folder = basename(path) === "tokenizer.json" ? dirname(path) : path;
  return { path, tokenizer: (await loadTokenizer(folder)).tokenizer };
}

async function describeJob(
  inputs: readonly CorpusFile[],
  options: TrainTokenizerOptions,
  { preTokenization, byteFallback, specialTokens }: TokenizerDesign,
  keptShares: Readonly<Record<string, number>>,
): Promise<StartedTokenizer> {
  const settings: StartedTokenizer["settings"] = {
    vocabSize: options.vocabSize,
    limitAlphabet: options.limitAlphabet,
    heldOutShare: options.heldOutShare,
    specialTokens: [...specialTokens],
    preTokenization: { ...preTokenization },
    minFrequency: options.minFrequency ?? 0,
    ...(options.maxTokenLength === undefined ? {} : { maxTokenLength: options.maxTokenLength }),
    byteFallback,
    keptShares: { ...keptShares },
    compare: [...(options.compare ?? [])],
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

/** Tokens that are given, not found by training: their ids come first. */
function firstTokens({ specialTokens, byteFallback }: Omit<TokenizerDesign, "preTokenization">): string[] {
  const bytes = byteFallback ? Array.from({ length: 256 }, (_, byte) => byteToken(byte)) : [];
  return [...specialTokens, ...bytes];
}

async function train(
  words: WordList,
  { vocabSize, limitAlphabet, minFrequency, maxTokenLength }: TrainTokenizerOptions,
  { preTokenization, byteFallback, specialTokens }: TokenizerDesign,
  { progress, signal }: JobContext,
): Promise<BpeVocabulary> {
  const task = progress.start({ label: "training", unit: "merges", total: vocabSize });
  const first = firstTokens({ specialTokens, byteFallback });
  const byteLevel = preTokenization.kind === "byte-level";
  const steps = trainBpe(words, {
    vocabSize,
    limitAlphabet,
    minFrequency,
    maxTokenLength,
    byteLevel,
    specialTokens: first,
  });
  const vocabulary = await runToEnd(steps, signal, task);
  const { tokens, merges } = vocabulary;
  task.done(`${tokens.length} tokens, ${merges.length} merges`);
  if (tokens.length > vocabSize) {
    const alphabet = `${byteFallback ? "256 bytes and " : ""}an alphabet of ${tokens.length - first.length}`;
    throw new UserError(
      `--vocab-size ${vocabSize}: too small for ${specialTokens.length} special tokens and ${alphabet}; raise it${byteLevel ? "" : " or lower --limit-alphabet"}`,
    );
  }
  return vocabulary;
}
