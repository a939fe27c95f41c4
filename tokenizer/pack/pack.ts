import { mkdir } from "node:fs/promises";
import { type Corpus, openCorpus } from "../../pipeline/corpus.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { type FreeBytes, freeBytes, requireSpace } from "../../pipeline/runtime/disk-space.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { removePartialFiles } from "../../pipeline/runtime/files.ts";
import { apt3Version } from "../../pipeline/runtime/installation.ts";
import { openJobFolder } from "../../pipeline/runtime/job-folder.ts";
import { encodeUnits, type FinishedUnit } from "./encode/encode-units.ts";
import { Encoders } from "./encode/encoders.ts";
import { type HashedCorpus, hashCorpus, usefulWorkers } from "./encode/units.ts";
import {
  countsOf,
  encodeOptions,
  metadataOf,
  type PackJob,
  type PackOptions,
  preparePack,
  textBytesOf,
} from "./pack-options.ts";
import { mixRows, refuseEmptyGroups } from "./rows/mix.ts";
import { countByGroup, ShuffledRows } from "./rows/shuffled-rows.ts";
import { packTails } from "./rows/tails.ts";
import {
  PACKED_FORMAT,
  type PackedManifest,
  packedManifestSchema,
  SPLITS,
  type Split,
} from "./shards/packed-manifest.ts";
import { writeShards } from "./write-shards.ts";

const NEAR_DUPLICATES =
  "near-duplicates were not looked for in these texts (ingest does): unless they state a common meta.cluster, a text may be in training and one nearly like it in validation";

/**
 * Encodes a corpus and packs its tokens into shuffled rows of `seqLen` tokens in Arrow shards. Two passes over the
 * disk, memory for one bucket of rows: units of text are encoded into rows sorted by bucket, then each bucket is
 * collected from all units, shuffled and written. The same call after a kill continues and ends with the same bytes.
 *
 * @throws UserError for a corpus, tokenizer or output folder that do not fit, and for a disk that is too small
 */
export async function pack(options: PackOptions, context: JobContext): Promise<PackedManifest> {
  const opened = await openCorpus(options.input);
  const encoders = new Encoders(encodeOptions(options), usefulWorkers(opened, options.workers));
  try {
    return await packWith(encoders, opened, options, context);
  } finally {
    await encoders.close();
  }
}

async function packWith(
  encoders: Encoders,
  opened: Corpus,
  options: PackOptions,
  context: JobContext,
): Promise<PackedManifest> {
  // 1. The tokenizer, the texts, and the folder to write to
  const facts = await encoders.tokenizer();
  const corpus = await hashCorpus(opened, context);
  const job = preparePack(options, corpus, facts);
  const folder = await openJobFolder(options.out, {
    fingerprint: job.fingerprint,
    schema: packedManifestSchema,
    settings: "texts, tokenizer, mix or settings that decide the rows",
  });
  try {
    if (folder.found?.complete) return folder.found;
    if (!corpus.nearDeduplicated && options.validationShare > 0) context.print(NEAR_DUPLICATES);
    const free = options.freeBytes ?? freeBytes;
    const manifest = emptyManifest(job);
    if (folder.found === undefined) await requireSpaceForAll(corpus, encoders, job, options.out, free);
    await folder.save(manifest); // before anything else: it says whose the folder is
    const { work } = folder;
    await mkdir(work, { recursive: true });
    await removePartialFiles(work);

    // 2. Encode every unit into rows sorted by bucket
    const { out } = options;
    const { shuffle } = job;
    const units = await encodeUnits(corpus, encoders, { out, work, shuffle, free }, context);
    await encoders.close(); // what they hold the buckets need
    manifest.inputs = describeInputs(corpus, units);
    const tails = await packTails(units, work, shuffle);
    const scratch = [...units, ...tails];

    // 3. Mix the groups and shuffle the buckets into shards
    for (const split of SPLITS) {
      const mix = split === "train" ? job.mix : undefined;
      const available = countByGroup(split, scratch);
      refuseEmptyGroups(available, mix);
      const mixes = mixRows(available, mix, job.maxEpochs);
      const rows = new ShuffledRows(split, scratch, mixes, shuffle);
      if (split === "train") {
        refuseNoRows(rows, units, options);
        manifest.groups = [...mixes.values()].map(({ base: _base, extra: _extra, ...group }) => group);
      }
      const counts = { ...sumSplit(units, split), rows: rows.rows };
      const metadata = { ...metadataOf(job.settings), ...countsOf(split, counts) };
      const target = { ...job, out, work, split, metadata, freeBytes: free };
      const { shards, rowsHash } = await writeShards(rows, target, context);
      manifest.shards.push(...shards);
      const droppedTokens = tails.reduce((sum, { tails }) => sum + tails[split], 0);
      manifest.splits[split] = { ...counts, droppedTokens, rowsHash };
    }

    // 4. Publish
    const complete = { ...manifest, complete: true };
    await folder.save(complete);
    return complete;
  } finally {
    await folder.release();
  }
}

async function requireSpaceForAll(
  corpus: HashedCorpus,
  encoders: Encoders,
  { shuffle }: PackJob,
  out: string,
  free: FreeBytes,
): Promise<void> {
  const idBytes = shuffle.wide ? 4 : 2;
  if ((await free(out)) > 2 * idBytes * textBytesOf(corpus)) return; // enough even for a token a byte
  const { tokens } = await encoders.estimate(corpus.files);
  await requireSpace(out, 2 * idBytes * tokens, "scratch files and shards", free);
}

function emptyManifest({ fingerprint, settings }: PackJob): PackedManifest {
  const empty = {
    documents: 0,
    textBytes: 0,
    tokens: 0,
    rows: 0,
    droppedTokens: 0,
    paddingTokens: 0,
    rowsHash: "",
  };
  return {
    format: PACKED_FORMAT,
    version: apt3Version(),
    fingerprint,
    complete: false,
    ...settings,
    inputs: [],
    groups: [],
    splits: { train: empty, validation: empty },
    shards: [],
  };
}

/** What was found in each file of the corpus, added up from its units. */
function describeInputs({ files }: HashedCorpus, units: readonly FinishedUnit[]): PackedManifest["inputs"] {
  const inputs = files.map(({ name, group, bytes, sha256 }) => {
    return { file: name, group, bytes, sha256, documents: 0, tokens: 0, rejectedLines: 0 };
  });
  for (const { fileIndex, rejectedLines, splits } of units) {
    const input = inputs[fileIndex]!;
    input.rejectedLines += rejectedLines;
    for (const split of SPLITS) {
      input.documents += splits[split].documents;
      input.tokens += splits[split].tokens;
    }
  }
  return inputs;
}

function sumSplit(units: readonly FinishedUnit[], split: Split) {
  const total = { documents: 0, textBytes: 0, tokens: 0, paddingTokens: 0 };
  for (const { splits } of units) {
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += splits[split][key];
  }
  return total;
}

function refuseNoRows(
  rows: ShuffledRows,
  units: readonly FinishedUnit[],
  { input, seqLen }: PackOptions,
): void {
  if (rows.rows > 0) return;
  const { documents, tokens } = sumSplit(units, "train");
  throw new UserError(
    `${input}: ${documents} documents give ${tokens} tokens, less than one row of --seq-len ${seqLen}`,
  );
}
