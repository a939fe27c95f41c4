import { z } from "zod";

export const PACKED_FORMAT = "apt3.packed/1";

/** Rows are for training or for measuring; a document is never in both. */
export const SPLITS = ["train", "validation"] as const;
export type Split = (typeof SPLITS)[number];

const id = z.number().int().nonnegative().optional();

const splitSchema = z.strictObject({
  documents: z.number(),
  /** UTF-8 bytes of the documents' text. */
  textBytes: z.number(),
  /** Tokens of the documents, `<s>` and `</s>` included. */
  tokens: z.number(),
  rows: z.number(),
  /** Tokens left over at the end, fewer than a row. */
  droppedTokens: z.number(),
});

/** `data/packed/manifest.json`: what the rows were made of, and where they lie. */
export const packedManifestSchema = z.strictObject({
  format: z.literal(PACKED_FORMAT),
  version: z.string(),
  fingerprint: z.string(),
  complete: z.boolean(),
  seqLen: z.number().int().positive(),
  dtype: z.enum(["uint16", "uint32"]),
  seed: z.number(),
  strategy: z.literal("concat"),
  /** Share of documents held out, by the hash of their text. */
  validationShare: z.number(),
  tokenizer: z.strictObject({
    sha256: z.string(),
    vocabSize: z.number().int().positive(),
    bosId: id,
    eosId: id,
    padId: id,
  }),
  inputs: z.array(
    z.strictObject({
      file: z.string(),
      group: z.string(),
      bytes: z.number(),
      sha256: z.string(),
      documents: z.number(),
      tokens: z.number(),
      /** Lines that were no document: not JSON, not UTF-8, or without text. */
      rejectedLines: z.number(),
    }),
  ),
  splits: z.strictObject({ train: splitSchema, validation: splitSchema }),
  shards: z.array(
    z.strictObject({
      file: z.string(),
      split: z.enum(SPLITS),
      rows: z.number(),
      bytes: z.number(),
      sha256: z.string(),
    }),
  ),
});

export type PackedManifest = z.infer<typeof packedManifestSchema>;
export type PackedShard = PackedManifest["shards"][number];
