import { z } from "zod";
import { REJECTS } from "./evidence/evidence.ts";
import { PROFILE_NAMES, profileSchema } from "./profiles.ts";
import { statisticsSchema } from "./statistics.ts";

export const CLEAN_FORMAT = "apt3.clean/2";

const shardSchema = z.strictObject({
  file: z.string(),
  dataset: z.string(),
  group: z.string(),
  documents: z.number(),
  /** UTF-8 bytes and UTF-16 units of the texts alone. */
  textBytes: z.number(),
  characters: z.number(),
  /** Of the file. */
  bytes: z.number(),
  sha256: z.string(),
});

const datasetSchema = z.strictObject({
  name: z.string(),
  source: z.string(),
  group: z.string(),
  profile: z.enum(PROFILE_NAMES),
  /** What the documents were selected by: the profile, with what datasets.yaml says otherwise. */
  thresholds: profileSchema,
  licence: z.string(),
  inputs: z.array(
    z.strictObject({
      file: z.string(),
      bytes: z.number(),
      lines: z.number(),
      /** Absent when the input was not read to its end (`--limit`). */
      sha256: z.string().optional(),
    }),
  ),
  statistics: statisticsSchema,
});

/** `data/clean/manifest.json`: what the clean texts were made of, how, and where they lie. */
export const cleanManifestSchema = z.strictObject({
  format: z.literal(CLEAN_FORMAT),
  version: z.string(),
  fingerprint: z.string(),
  complete: z.boolean(),
  /** The job's data sets in the order they are done, each with the fingerprint of all that decides its texts. */
  planned: z.array(z.strictObject({ name: z.string(), fingerprint: z.string() })),
  settings: z.strictObject({
    limitBytes: z.number().optional(),
    shardTextBytes: z.number(),
    nearDedup: z.boolean(),
    traces: z.number(),
    rejects: z.enum(REJECTS),
    steps: z.array(z.strictObject({ name: z.string(), version: z.number() })),
  }),
  /** Weights of the groups in the training mix, as datasets.yaml states them. */
  mix: z.record(z.string(), z.number()),
  datasets: z.array(datasetSchema),
  /** Inputs that could not be read to their end; nothing of them is published. */
  failed: z.array(z.strictObject({ dataset: z.string(), message: z.string() })),
  shards: z.array(shardSchema),
});

export type CleanManifest = z.infer<typeof cleanManifestSchema>;
export type CleanShard = z.infer<typeof shardSchema>;
export type CleanDataset = z.infer<typeof datasetSchema>;
