import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { cleanManifestSchema } from "./clean-manifest.ts";
import { CorruptInput } from "./readers/corrupt-input.ts";
import { readLineBlocks } from "./readers/lines.ts";
import { openBytes } from "./readers/open.ts";
import { parseRecord } from "./readers/record.ts";
import { UserError } from "./runtime/errors.ts";
import { exists } from "./runtime/files.ts";
import { fingerprint, readJson } from "./runtime/manifest.ts";

/** One file of texts. Plain data, so that it can be sent to a worker. */
export interface CorpusFile {
  readonly path: string;
  /** Name without folder, unique in its corpus. */
  readonly name: string;
  readonly group: string;
  /** Size of the file on disk. */
  readonly bytes: number;
  /** UTF-8 bytes of the texts; for files made elsewhere, not known before they are read. */
  readonly textBytes: number | undefined;
  /** As the manifest states it; checked while the file is read. */
  readonly sha256: string | undefined;
}

/** Texts to train on: a folder made by `ingest`, or files made elsewhere. */
export interface Corpus {
  readonly path: string;
  /** Changes when any file of it changes. */
  readonly fingerprint: string;
  readonly files: readonly CorpusFile[];
  /** Weights of the groups in the training mix; empty when none are stated. */
  readonly mix: Readonly<Record<string, number>>;
  /** Near-duplicates were looked for and dropped. */
  readonly nearDeduplicated: boolean;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

const ENDINGS = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".txt"];

/**
 * Opens the output folder of `ingest`, or any folder or file of `.jsonl`, `.jsonl.gz`, `.jsonl.zst`
 * (records `{"text": …}`) or `.txt` (one document a file).
 *
 * @throws UserError when nothing is there, ingest has not finished, or a shard's size is not the manifest's
 */
export async function openCorpus(path: string): Promise<Corpus> {
  if (!(await exists(path)))
    throw new UserError(`${path}: no such file or folder; run \`npm run ingest\` first`);
  const manifestPath = join(path, "manifest.json");
  if (await exists(manifestPath)) return await openCleanFolder(path, manifestPath);
  const files = await findFiles(path);
  if (files.length === 0) throw new UserError(`${path}: holds no ${ENDINGS.join(", ")} file`);
  const described = files.map(({ name, bytes }) => ({ name, bytes }));
  return { path, files, fingerprint: fingerprint(described), mix: {}, nearDeduplicated: false };
}

async function openCleanFolder(path: string, manifestPath: string): Promise<Corpus> {
  const manifest = await readJson(manifestPath, cleanManifestSchema);
  if (!manifest.complete)
    throw new UserError(`${path}: ingest has not finished; run the same \`npm run ingest\` again`);
  const files = manifest.shards.map(({ file, group, bytes, textBytes, sha256 }) => ({
    path: join(path, file),
    name: file,
    group,
    bytes,
    textBytes,
    sha256,
  }));
  for (const file of files) {
    const found = (await exists(file.path)) ? (await stat(file.path)).size : 0;
    if (found !== file.bytes) {
      throw new UserError(
        `${file.path}: ${found} bytes, its manifest states ${file.bytes}; run ingest into a new folder`,
      );
    }
  }
  const { mix, settings, shards } = manifest;
  return { path, files, mix, fingerprint: fingerprint(shards), nearDeduplicated: settings.nearDedup };
}

async function findFiles(path: string): Promise<CorpusFile[]> {
  const isFolder = (await stat(path)).isDirectory();
  const names = isFolder ? (await readdir(path)).sort() : [""];
  const files: CorpusFile[] = [];
  for (const name of names) {
    const filePath = isFolder ? join(path, name) : path;
    if (!ENDINGS.some((ending) => filePath.endsWith(ending))) continue;
    const { size } = await stat(filePath);
    files.push({
      path: filePath,
      name: basename(filePath),
      group: "all",
      bytes: size,
      textBytes: undefined,
      sha256: undefined,
    });
  }
  return files;
}

/** Some texts of a file, in order, and the lines that held none. */
export interface TextBatch {
  readonly texts: readonly string[];
  /** Lines that are not JSON, not UTF-8, hold no text or are far too long: counted, so that nothing is lost unseen. */
  readonly rejected: number;
  /** Texts of bytes that are not UTF-8; these bytes are U+FFFD in them. */
  readonly damaged: number;
  /** Bytes of the file's decompressed content in this batch, for progress. */
  readonly bytes: number;
}

/** A piece of a file that holds whole texts, not parsed yet; its buffer may be transferred to a worker. */
export interface TextBlock {
  readonly kind: "lines" | "document";
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of a line that was left out because it is far too long. */
  readonly oversizedBytes?: number;
}

/**
 * Reads a file's texts in batches of about 1 MB.
 *
 * @param onEnd is told the file's SHA-256 when it was read to its end
 * @throws UserError when the file is cut off or damaged, or is not the one its manifest describes
 */
export async function* readTexts(
  file: CorpusFile,
  onEnd: (sha256: string) => void = () => undefined,
): AsyncGenerator<TextBatch> {
  for await (const block of readTextBlocks(file, onEnd)) yield parseTextBlock(block);
}

/** `readTexts` without the parsing, for a worker to do. */
export async function* readTextBlocks(
  file: CorpusFile,
  onEnd: (sha256: string) => void = () => undefined,
): AsyncGenerator<TextBlock> {
  const hash = createHash("sha256");
  const bytes = openBytes(file.path, { onRead: (chunk) => void hash.update(chunk) });
  try {
    if (file.name.endsWith(".txt")) yield { kind: "document", bytes: await readWhole(file, bytes) };
    else for await (const block of readLineBlocks(bytes)) yield { kind: "lines", ...block };
  } catch (error) {
    if (error instanceof CorruptInput)
      throw new UserError(`${file.path}: ${error.message}; make or fetch it again`);
    throw error;
  }
  const sha256 = hash.digest("hex");
  if (file.sha256 !== undefined && sha256 !== file.sha256) {
    throw new UserError(
      `${file.path}: its content is not what its manifest describes; run ingest into a new folder`,
    );
  }
  onEnd(sha256);
}

/** The texts of a block. */
function parseTextBlock(block: TextBlock): TextBatch {
  if (block.kind === "lines") return parseBlock(block);
  const { bytes } = block;
  return { texts: [utf8.decode(bytes)], rejected: 0, damaged: isUtf8(bytes) ? 0 : 1, bytes: bytes.length };
}

function parseBlock({ bytes: lines, oversizedBytes }: Omit<TextBlock, "kind">): TextBatch {
  const texts: string[] = [];
  let rejected = oversizedBytes === undefined ? 0 : 1;
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf(10, start);
    const end = newline < 0 ? lines.length : newline;
    if (end > start) {
      const parsed = parseRecord(lines.subarray(start, end));
      if (parsed.ok) texts.push(parsed.record.text);
      else rejected += 1;
    }
    start = end + 1;
  }
  return { texts, rejected, damaged: 0, bytes: lines.length + (oversizedBytes ?? 0) };
}

/** A string cannot hold more (V8: 2^29 - 24 units). */
const MAX_DOCUMENT_BYTES = 2 ** 29 - 24;

async function readWhole(
  file: CorpusFile,
  source: AsyncIterable<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (file.bytes > MAX_DOCUMENT_BYTES) {
    throw new UserError(
      `${file.path}: a .txt file is one document, and this one is over 512 MiB; cut it up or make it .jsonl`,
    );
  }
  const whole = new Uint8Array(file.bytes);
  let used = 0;
  for await (const chunk of source) {
    whole.set(chunk, used);
    used += chunk.length;
  }
  return whole.subarray(0, used);
}
