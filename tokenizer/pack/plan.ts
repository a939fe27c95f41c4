import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { openCorpus } from "../../pipeline/corpus.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { freeBytes } from "../../pipeline/runtime/disk-space.ts";
import { exists } from "../../pipeline/runtime/files.ts";
import { Encoders } from "./encode/encoders.ts";
import type { Estimate } from "./encode/estimate.ts";
import { type HashedCorpus, hashCorpus } from "./encode/units.ts";
import { encodeOptions, type PackJob, type PackOptions, preparePack } from "./pack-options.ts";
import { shardRows } from "./write-shards.ts";

/** What packing will take, extrapolated from a sample of the texts. */
export interface PackPlan {
  readonly files: number;
  readonly textBytes: number;
  readonly documents: number;
  readonly tokens: number;
  readonly rows: number;
  readonly shards: number;
  readonly shardBytes: number;
  /** Scratch files, removed in the end. */
  readonly scratchBytes: number;
  readonly freeBytes: number;
  readonly seconds: number;
}

/** Bytes of ids a second in the second pass: 230 to 480 MB/s measured with 64 and 191 MB of them on two cores (2026-11). */
const SHUFFLE_BYTES_PER_SECOND = 250e6;

/** Looks at the texts and the disk; writes nothing. Padding and mixing are not foreseen: they keep the total. */
export async function planPack(options: PackOptions, context: JobContext): Promise<PackPlan> {
  const opened = await openCorpus(options.input);
  const encoders = new Encoders(encodeOptions(options), 1);
  try {
    const facts = await encoders.tokenizer();
    const corpus = await hashCorpus(opened, context);
    const estimate = await encoders.estimate(corpus.files);
    return await extrapolate(options, corpus, preparePack(options, corpus, facts), estimate);
  } finally {
    await encoders.close();
  }
}

async function extrapolate(
  options: PackOptions,
  corpus: HashedCorpus,
  { shuffle, shardBytes }: PackJob,
  { textBytes, documents, tokens, seconds }: Estimate,
): Promise<PackPlan> {
  const idBytes = tokens * (shuffle.wide ? 4 : 2);
  const rows = Math.floor(tokens / options.seqLen);
  return {
    files: corpus.files.length,
    textBytes,
    documents,
    tokens,
    rows,
    shards: Math.ceil(rows / shardRows(shardBytes, options.seqLen, shuffle.wide)),
    shardBytes: idBytes,
    scratchBytes: idBytes,
    freeBytes: await freeBytes(await existingFolder(options.out)),
    seconds: seconds / Math.min(options.workers, availableParallelism()) + idBytes / SHUFFLE_BYTES_PER_SECOND,
  };
}

/** The folder itself, or the nearest one above it that is there. */
async function existingFolder(folder: string): Promise<string> {
  return (await exists(folder)) || dirname(folder) === folder
    ? folder
    : await existingFolder(dirname(folder));
}
