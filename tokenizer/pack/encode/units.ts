import { createHash } from "node:crypto";
import type { Corpus, CorpusFile } from "../../../pipeline/corpus.ts";
import { openBytes } from "../../../pipeline/readers/open.ts";
import type { JobContext } from "../../../pipeline/runtime/command.ts";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { hashFile } from "../../../pipeline/runtime/files.ts";
import { fingerprint } from "../../../pipeline/runtime/manifest.ts";
import { formatBytes } from "../../../pipeline/runtime/sizes.ts";
import type { BlockPool } from "./block-pool.ts";
import { cutLines, type LinesOfUnit } from "./cut-lines.ts";
import { asUserError, checkHash, type UnitTexts } from "./encode-unit.ts";

/** A foreign file up to this size is one unit; a larger one is cut, so that all workers have a part in it. */
const WHOLE_FILE_BYTES = 16_000_000;
/** Most bytes of lines in a unit of a large file, one longer line excepted; a kill loses as much a worker. */
export const UNIT_BYTES = 16 << 20;
/** A `.txt` file is one document and is encoded in memory. */
const MAX_TEXT_BYTES = 256_000_000;

export interface Unit extends UnitTexts {
  /** Index in the corpus, whatever was done before. */
  readonly unit: number;
  /** Index of its file. */
  readonly fileIndex: number;
  /** Lines too long to be held in memory; they count as rejected. */
  readonly oversizedLines: number;
}

/** A corpus whose every file is known by its content. */
export interface HashedCorpus extends Corpus {
  readonly files: readonly (CorpusFile & { readonly sha256: string })[];
}

/** Hashes files that no manifest describes, since equal names and sizes prove nothing. */
export async function hashCorpus(corpus: Corpus, { progress, signal }: JobContext): Promise<HashedCorpus> {
  const foreign = corpus.files.filter(({ sha256 }) => sha256 === undefined);
  const total = foreign.reduce((sum, { bytes }) => sum + bytes, 0);
  const task = total === 0 ? undefined : progress.start({ label: "reading inputs", unit: "bytes", total });
  const files: (CorpusFile & { sha256: string })[] = [];
  for (const file of corpus.files) {
    signal.throwIfAborted();
    if (file.name.endsWith(".txt") && file.bytes > MAX_TEXT_BYTES) {
      throw new UserError(
        `${file.path}: one document of ${formatBytes(file.bytes)}, at most ${formatBytes(MAX_TEXT_BYTES)} are read from a .txt file; cut it, or write its documents as .jsonl`,
      );
    }
    const sha256 = file.sha256 ?? (await hashFile(file.path)).sha256;
    if (file.sha256 === undefined) task?.advance(file.bytes);
    files.push({ ...file, sha256 });
  }
  task?.done();
  const content = files.map(({ name, group, sha256 }) => ({ name, group, sha256 }));
  return { ...corpus, files, fingerprint: fingerprint(content) };
}

/** Whether a file is one unit; larger ones are cut. */
const isOneUnit = ({ name, bytes, textBytes }: CorpusFile): boolean =>
  textBytes !== undefined || name.endsWith(".txt") || bytes <= WHOLE_FILE_BYTES;

/** As many workers as are asked for and find work: small texts need not wait for threads that would get none. */
export function usefulWorkers({ files }: Corpus, workers: number): number {
  return files.every(isOneUnit) ? Math.min(workers, files.length) : workers;
}

/** What the reading of a corpus tells whoever asked for its units. */
export interface UnitListener {
  /** Number of units of a file that need not be read again; undefined where it must. */
  skip?(fileIndex: number, firstUnit: number): Promise<number | undefined>;
  /** A file was read to its end and had so many units. */
  onFile?(fileIndex: number, units: number): Promise<void>;
  /** So many more bytes of the corpus' files are on their way. */
  onBytes(bytes: number): void;
}

/**
 * Cuts a corpus into bounded units, in an order that depends on its content alone.
 *
 * @param blocks of `UNIT_BYTES`, which the lines of units lie in; whoever is done with a unit gives its lines back
 */
export async function* listUnits(
  { files }: HashedCorpus,
  blocks: BlockPool,
  listener: UnitListener,
): AsyncGenerator<Unit> {
  let unit = 0;
  for (const [fileIndex, file] of files.entries()) {
    const known = await listener.skip?.(fileIndex, unit);
    if (known !== undefined) {
      unit += known;
      listener.onBytes(file.bytes);
      continue;
    }
    const first = unit;
    if (isOneUnit(file)) {
      yield { unit: unit++, fileIndex, file, oversizedLines: 0 };
      listener.onBytes(file.bytes);
    } else {
      for await (const { lines, oversizedLines } of cutFile(file, blocks, listener)) {
        yield { unit: unit++, fileIndex, file, lines, oversizedLines };
      }
    }
    await listener.onFile?.(fileIndex, unit - first);
  }
}

async function* cutFile(
  file: CorpusFile,
  blocks: BlockPool,
  listener: UnitListener,
): AsyncGenerator<LinesOfUnit> {
  const hash = createHash("sha256");
  const onRead = (chunk: Uint8Array) => {
    hash.update(chunk);
    listener.onBytes(chunk.length);
  };
  try {
    yield* cutLines(openBytes(file.path, { onRead, freeChunks: true }), blocks);
  } catch (error) {
    throw asUserError(file, error);
  }
  checkHash(file, hash.digest("hex"));
}
