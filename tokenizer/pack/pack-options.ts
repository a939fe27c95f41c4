import type { FreeBytes } from "../../pipeline/runtime/disk-space.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { canonicalJson, fingerprint } from "../../pipeline/runtime/manifest.ts";
import type { EncodeOptions } from "./encode/encode-unit.ts";
import type { TokenizerFacts } from "./encode/encoders.ts";
import type { HashedCorpus } from "./encode/units.ts";
import { chooseMix, type Mix } from "./rows/mix.ts";
import type { ShuffleOptions } from "./rows/unit-rows.ts";
import type { ArrowRowOptions } from "./shards/arrow-rows.ts";
import { PACKED_FORMAT, type PackedManifest, type Split, type Strategy } from "./shards/packed-manifest.ts";

export interface PackOptions {
  /** Folder made by ingest, or texts made elsewhere. */
  readonly input: string;
  /** Folder with a tokenizer.json. */
  readonly tokenizer: string;
  readonly out: string;
  /** Tokens a row. */
  readonly seqLen: number;
  readonly seed: number;
  /** Share of documents held out for validation. */
  readonly validationShare: number;
  readonly workers: number;
  /** Default `concat`. */
  readonly strategy?: Strategy;
  /** Put `<s>` before and `</s>` behind each document. Default true. */
  readonly bos?: boolean;
  readonly eos?: boolean;
  /** Add a column with the places where documents start. Default false. */
  readonly documentStarts?: boolean;
  /** Weights of groups, or `none` to take every row once; those of the corpus by default. */
  readonly mix?: Readonly<Record<string, number>> | "none" | undefined;
  /** Passes over a group at most, to reach its weight. */
  readonly maxEpochs?: number;
  /** Bytes of ids after which a shard is closed. */
  readonly shardBytes?: number;
  /** Instead of the disk's own answer, for tests. */
  readonly freeBytes?: FreeBytes;
}

/** Half of the 1 GiB that readers handle well; a reader's error costs half as much to mend. */
const SHARD_BYTES = 512 << 20;
/** Up to 4 passes over the same text teach about as much as new text (Muennighoff et al. 2023, figure 1). */
const MAX_EPOCHS = 4;
/** Bytes of ids in a bucket, which is shuffled in memory. */
const BUCKET_BYTES = 256 << 20;
/** Bytes of ids a byte of Polish text gives, at most: 2 a token, and seldom a token under 3 bytes. */
const ID_BYTES_PER_TEXT_BYTE = 0.7;
/** Text bytes a compressed byte gives, for files that no manifest describes. */
const ASSUMED_COMPRESSION = 4;

/** Raised whenever the same settings come to give other units or rows, so that no work of an older version is continued. */
const ROWS_VERSION = 3;

/** What decides the bytes of the rows; part of the manifest. */
export type PackSettings = Pick<
  PackedManifest,
  | "seqLen"
  | "dtype"
  | "seed"
  | "strategy"
  | "bos"
  | "eos"
  | "documentStarts"
  | "validationShare"
  | "tokenizer"
  | "corpus"
>;

/** The settings a manifest holds. */
export function settingsOf(manifest: PackedManifest): PackSettings {
  const { seqLen, dtype, seed, strategy, bos, eos, documentStarts, validationShare, tokenizer, corpus } =
    manifest;
  return { seqLen, dtype, seed, strategy, bos, eos, documentStarts, validationShare, tokenizer, corpus };
}

/** What every shard says of the folder it belongs to, for readers that have no manifest: a key for each setting. */
export function metadataOf(settings: PackSettings): Record<string, string> {
  const entries = Object.entries(settings).map(([key, value]) => {
    return [`apt3.${key}`, typeof value === "object" ? canonicalJson(value) : String(value)];
  });
  return { "apt3.format": PACKED_FORMAT, ...Object.fromEntries(entries) };
}

/** What every shard says of the split it is a part of: its documents, tokens and rows, those of all its shards. */
export function countsOf(
  split: Split,
  { documents, tokens, rows }: Pick<PackedManifest["splits"][Split], "documents" | "tokens" | "rows">,
): Record<string, string> {
  return {
    "apt3.split": split,
    "apt3.splitDocuments": String(documents),
    "apt3.splitTokens": String(tokens),
    "apt3.splitRows": String(rows),
  };
}

/** What the threads that encode must know. */
export function encodeOptions({
  tokenizer,
  bos = true,
  eos = true,
  validationShare,
}: PackOptions): EncodeOptions {
  return { tokenizer, bos, eos, validationShare };
}

/** Options checked against texts and tokenizer, and sorted by who needs them. */
export interface PackJob {
  readonly fingerprint: string;
  readonly settings: PackSettings;
  readonly mix: Mix;
  readonly maxEpochs: number;
  readonly shardBytes: number;
  readonly shuffle: ShuffleOptions;
  readonly arrow: Omit<ArrowRowOptions, "metadata">;
}

/** @throws UserError when the tokenizer lacks a token that is asked for, or the mix does not fit the texts */
export function preparePack(
  options: PackOptions,
  corpus: HashedCorpus,
  { sha256, vocabSize, bosId, eosId, padId }: TokenizerFacts,
): PackJob {
  const { strategy = "concat", documentStarts = false } = options;
  const { bos, eos } = encodeOptions(options);
  const settings: PackSettings = {
    seqLen: options.seqLen,
    dtype: vocabSize > 1 << 16 ? "uint32" : "uint16",
    seed: options.seed,
    strategy,
    bos,
    eos,
    documentStarts,
    validationShare: options.validationShare,
    tokenizer: { sha256, vocabSize, ...defined({ bosId, eosId, padId }) },
    corpus: corpus.fingerprint,
  };
  refuseMissingTokens(settings, options.tokenizer);
  const groups = new Set(corpus.files.map(({ group }) => group));
  const { maxEpochs = MAX_EPOCHS, shardBytes = SHARD_BYTES } = options;
  const mix = chooseMix(corpus.mix, options.mix, groups);
  const shuffle = shuffleOptions(settings, corpus);
  return {
    fingerprint: fingerprint({
      format: PACKED_FORMAT,
      rows: ROWS_VERSION,
      settings,
      mix: mix ?? "none",
      maxEpochs,
      shardBytes,
    }),
    settings,
    mix,
    maxEpochs,
    shardBytes,
    shuffle,
    arrow: {
      seqLen: options.seqLen,
      wide: shuffle.wide,
      ...(documentStarts
        ? { documentMarks: { bosId: bos ? bosId : undefined, eosId: eos ? eosId : undefined, padId } }
        : {}),
    },
  };
}

/** Bytes of text in a corpus: known where ingest wrote it, else assumed by the size of the files. */
export function textBytesOf({ files }: HashedCorpus): number {
  return files.reduce((sum, file) => {
    const compressed = file.name.endsWith(".zst") || file.name.endsWith(".gz");
    return sum + (file.textBytes ?? file.bytes * (compressed ? ASSUMED_COMPRESSION : 1));
  }, 0);
}

/** How rows are made and sorted, by the settings and the size of the texts. */
export function shuffleOptions(settings: PackSettings, corpus: HashedCorpus): ShuffleOptions {
  return {
    seqLen: settings.seqLen,
    wide: settings.dtype === "uint32",
    strategy: settings.strategy,
    padId: settings.tokenizer.padId,
    buckets: Math.max(1, Math.ceil((textBytesOf(corpus) * ID_BYTES_PER_TEXT_BYTE) / BUCKET_BYTES)),
    seed: settings.seed,
  };
}

function refuseMissingTokens(
  { bos, eos, strategy, documentStarts, tokenizer }: PackSettings,
  folder: string,
): void {
  const missing = (token: string, why: string) =>
    new UserError(`${folder}: the tokenizer has no ${token}, ${why}`);
  if (bos && tokenizer.bosId === undefined) throw missing("<s>", "which begins documents; give --no-bos");
  if (eos && tokenizer.eosId === undefined) throw missing("</s>", "which ends documents; give --no-eos");
  if (strategy === "best-fit" && tokenizer.padId === undefined)
    throw missing("<pad>", "which fills rows; use --strategy concat");
  if (documentStarts && !bos && !eos)
    throw new UserError(
      "--document-starts: with --no-bos and --no-eos nothing shows where a document starts",
    );
}

/** The members that are not undefined. */
function defined<T extends Record<string, number | undefined>>(members: T): { [K in keyof T]?: number } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: number;
  };
}
