import { z } from "zod";

export const PACKED_FORMAT = "apt3.packed/1";

/** Rows are for training or for measuring; a document is never in both. */
export const SPLITS = ["train", "validation"] as const;
export type Split = (typeof SPLITS)[number];

/**
 * How documents become rows. `concat`: one stream cut every `seqLen` tokens, nothing wasted. `best-fit`: documents
 * kept whole where they fit a row, which is filled up with padding.
 */
export const STRATEGIES = ["concat", "best-fit"] as const;
export type Strategy = (typeof STRATEGIES)[number];

const count = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hex digits");
const id = z.number().int().nonnegative().optional();

const splitSchema = z.strictObject({
  documents: count,
  /** UTF-8 bytes of the documents' text. */
  textBytes: count,
  /** Tokens of the documents, `<s>` and `</s>` included. */
  tokens: count,
  rows: count,
  /** Tokens left over at the end, fewer than a row for each group. */
  droppedTokens: count,
  /** Tokens of `<pad>` in the rows. */
  paddingTokens: count,
  /** Sum of the rows' xxHash64 modulo 2^64, 16 hex digits: the same whatever the order of the rows. */
  rowsHash: z.string(),
});

const groupSchema = z.strictObject({
  group: z.string(),
  /** As asked for; absent when groups are not mixed. */
  weight: z.number().optional(),
  /** Training rows its documents give. */
  rowsAvailable: count,
  /** Training rows written. */
  rows: count,
  /** How often each of its rows was written, on average. */
  epochs: z.number(),
  /** Its part of the written training rows, 0 to 1. */
  share: z.number(),
  /** Rows left out to keep to the weights. */
  droppedRows: count,
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
  strategy: z.enum(STRATEGIES),
  /** Whether each document begins with `<s>` and ends with `</s>`. */
  bos: z.boolean(),
  eos: z.boolean(),
  /** Whether shards have the column `document_starts`. */
  documentStarts: z.boolean(),
  /** Share of documents held out, by the hash of their text or of the near-duplicate cluster they state. */
  validationShare: z.number(),
  tokenizer: z.strictObject({
    sha256: z.string(),
    vocabSize: z.number().int().positive(),
    bosId: id,
    eosId: id,
    padId: id,
  }),
  /** Hash of the texts' content. */
  corpus: z.string(),
  inputs: z.array(
    z.strictObject({
      file: z.string(),
      group: z.string(),
      bytes: count,
      sha256: z.string(),
      documents: count,
      tokens: count,
      /** Lines that were no document: not JSON, not UTF-8, or without text. */
      rejectedLines: count,
    }),
  ),
  groups: z.array(groupSchema),
  splits: z.strictObject({ train: splitSchema, validation: splitSchema }),
  shards: z.array(
    z.strictObject({
      file: z.string(),
      split: z.enum(SPLITS),
      rows: count,
      bytes: count,
      sha256,
      /** Of the file beside it that holds the xxHash64 of every row. */
      rowHashesSha256: sha256,
    }),
  ),
});

export type PackedManifest = z.infer<typeof packedManifestSchema>;
export type PackedShard = PackedManifest["shards"][number];
export type PackedGroup = PackedManifest["groups"][number];

/** Name of the file with a shard's row hashes: 8 bytes a row, little-endian, in the order of the rows. */
export const rowHashesFile = (shard: string): string => shard.replace(/\.arrow$/, ".xxh64");
