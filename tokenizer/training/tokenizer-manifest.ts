import { z } from "zod";
import { corpusCountsSchema } from "./corpus-counts.ts";
import { coverageSchema, textFitSchema } from "./tokenizer-report.ts";

/** Changes with anything that changes the output for the same input and settings. */
export const TOKENIZER_FORMAT = "apt3.tokenizer/3";

const started = {
  format: z.literal(TOKENIZER_FORMAT),
  version: z.string(),
  fingerprint: z.string(),
  settings: z.strictObject({
    vocabSize: z.number(),
    limitAlphabet: z.number(),
    heldOutShare: z.number(),
    specialTokens: z.array(z.string()),
    preTokenization: z.record(z.string(), z.string()),
    minFrequency: z.number(),
    maxTokenLength: z.number().optional(),
    byteFallback: z.boolean(),
    /** Share of each group's documents that was counted, where the mix asks less than there is. */
    keptShares: z.record(z.string(), z.number()),
    compare: z.array(z.string()),
  }),
  inputs: z.array(z.strictObject({ file: z.string(), bytes: z.number(), sha256: z.string() })),
};

const reportSchema = z.strictObject({
  vocabSize: z.number(),
  merges: z.number(),
  /** What the fit was measured on: text the tokenizer has not seen, if any was held out. */
  measuredOn: z.enum(["held-out", "training"]),
  fit: textFitSchema,
  longestTokens: z.array(z.string()),
  coverage: coverageSchema,
  /** The same measured of other tokenizers (`--compare`). */
  comparisons: z.array(
    z.strictObject({ path: z.string(), vocabSize: z.number(), engine: z.string(), fit: textFitSchema }),
  ),
});

const startedSchema = z.strictObject({ ...started, complete: z.literal(false) });

const finishedSchema = z.strictObject({
  ...started,
  complete: z.literal(true),
  corpus: corpusCountsSchema.omit({ heldOut: true, runs: true }).extend({
    differentWords: z.number(),
    /** Words that occur less often were left out of training to stay within the memory; 1: none were. */
    threshold: z.number(),
    prunedWords: z.number(),
    prunedOccurrences: z.number(),
  }),
  report: reportSchema,
  files: z.record(z.string(), z.strictObject({ bytes: z.number(), sha256: z.string() })),
});

/** `data/tokenizer/manifest.json`: what the tokenizer was trained on and how, and how well it fits. */
export const tokenizerManifestSchema = z.discriminatedUnion("complete", [startedSchema, finishedSchema]);

export type StartedTokenizer = z.infer<typeof startedSchema>;
export type FinishedTokenizer = z.infer<typeof finishedSchema>;
export type TokenizerReport = z.infer<typeof reportSchema>;
