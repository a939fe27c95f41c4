import { createHash } from "node:crypto";
import { type Corpus, type CorpusFile, openCorpus } from "../../pipeline/corpus.ts";
import { readLineBlocks } from "../../pipeline/readers/lines.ts";
import { openBytes } from "../../pipeline/readers/open.ts";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { hashFile } from "../../pipeline/runtime/files.ts";
import { fingerprint } from "../../pipeline/runtime/manifest.ts";
import { formatBytes } from "../../pipeline/runtime/sizes.ts";
import type { BlockPool } from "./block-pool.ts";
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

/** Opens a corpus; files that no manifest describes are hashed, since equal names and sizes prove nothing. */
export async function openHashedCorpus(
  path: string,
  { progress, signal }: JobContext,
): Promise<HashedCorpus> {
  const corpus = await openCorpus(path);
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
    const isShard = file.textBytes !== undefined;
    if (isShard || file.name.endsWith(".txt") || file.bytes <= WHOLE_FILE_BYTES) {
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
): AsyncGenerator<{ lines: Uint8Array<SharedArrayBuffer>; oversizedLines: number }> {
  let block = blocks.take();
  let length = 0;
  let oversizedLines = 0;
  const hash = createHash("sha256");
  try {
    const onRead = (chunk: Uint8Array) => {
      hash.update(chunk);
      listener.onBytes(chunk.length);
    };
    const bytes = openBytes(file.path, { onRead });
    for await (const part of readLineBlocks(bytes)) {
      if (length + part.bytes.length > block.length) {
        yield { lines: block.subarray(0, length), oversizedLines };
        block = blocks.take(part.bytes.length);
        [length, oversizedLines] = [0, 0];
      }
      block.set(part.bytes, length);
      length += part.bytes.length;
      if (part.oversizedBytes !== undefined) oversizedLines += 1;
    }
    yield { lines: block.subarray(0, length), oversizedLines };
  } catch (error) {
    throw asUserError(file, error);
  }
  checkHash(file, hash.digest("hex"));
}
