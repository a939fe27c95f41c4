import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { CLEAN_FORMAT, cleanManifestSchema } from "../pipeline/clean-manifest.ts";
import { CorruptInput } from "../pipeline/readers/corrupt-input.ts";
import { readLineBlocks } from "../pipeline/readers/lines.ts";
import { openBytes } from "../pipeline/readers/open.ts";
import { parseRecord } from "../pipeline/readers/record.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { exists, hashFile } from "../pipeline/runtime/files.ts";
import { readJson } from "../pipeline/runtime/manifest.ts";

/** A file of texts. */
export interface CorpusFile {
  readonly path: string;
  /** Name within its folder. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

const EXTENSIONS = [".jsonl", ".txt"].flatMap((extension) =>
  ["", ".gz", ".zst"].map((end) => extension + end),
);

/**
 * The files of a corpus, sorted by name: the shards of a folder `ingest` wrote, or the .jsonl and .txt files
 * (plain, .gz or .zst) of any folder, or one such file.
 *
 * @throws UserError when there is nothing to read, or the folder of `ingest` is not finished
 */
export async function listCorpus(path: string): Promise<CorpusFile[]> {
  if (!(await exists(path)))
    throw new UserError(`${path}: no such file or folder; run \`ingest\` first or give another --input`);
  if (!(await stat(path)).isDirectory()) {
    if (!isText(path))
      throw new UserError(`${path}: not a text file I know; expected ${EXTENSIONS.join(", ")}`);
    return [{ path, name: basename(path), ...(await hashFile(path)) }];
  }
  const manifestPath = join(path, "manifest.json");
  const files = (await exists(manifestPath))
    ? await listCleanShards(path, manifestPath)
    : await Promise.all(
        (await readdir(path)).filter(isText).map(async (name) => {
          const file = join(path, name);
          return { path: file, name, ...(await hashFile(file)) };
        }),
      );
  if (files.length === 0) throw new UserError(`${path}: no ${EXTENSIONS.join(", ")} files in it`);
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function listCleanShards(folder: string, manifestPath: string): Promise<CorpusFile[]> {
  const manifest = await readJson(manifestPath, cleanManifestSchema);
  if (!manifest.complete) {
    throw new UserError(
      `${folder}: \`ingest\` has not finished this folder (${CLEAN_FORMAT}); run it again first`,
    );
  }
  return manifest.shards.map(({ file, bytes, sha256 }) => ({
    path: join(folder, file),
    name: file,
    bytes,
    sha256,
  }));
}

const isText = (name: string) => EXTENSIONS.some((extension) => name.endsWith(extension));

/** A text, or a piece of one too long to be held whole. */
export interface CorpusText {
  readonly text: string;
  /** Whether a document begins here. */
  readonly begins: boolean;
  /** Whether it is a whole document. */
  readonly whole: boolean;
}

/** Why a line is not a text. */
export type RejectedLine = "not-utf8" | "not-json" | "no-text" | "too-long";

/**
 * The texts of a corpus file. A line of a .jsonl file is a document; a .txt file is one document, its line feeds
 * included, and comes in pieces cut where no word can span the cut.
 *
 * @param onRejected called for each line that is no text
 * @param onRead called with the number of bytes read from the file, before decompression
 * @throws UserError when the file is damaged
 */
export async function* readTexts(
  path: string,
  onRejected: (reason: RejectedLine, line: number) => void,
  onRead: (bytes: number) => void = () => {},
): AsyncGenerator<CorpusText, void, undefined> {
  const bytes = openBytes(path, { onRead: (chunk) => onRead(chunk.length) });
  const isPlain = /\.txt(\.\w+)?$/.test(path);
  try {
    yield* isPlain ? readPlainText(bytes, onRejected) : readJsonLines(bytes, onRejected);
  } catch (error) {
    if (!(error instanceof CorruptInput)) throw error;
    throw new UserError(`${path}: ${error.message}; fetch or make the file again`);
  }
}

async function* readJsonLines(
  bytes: AsyncIterable<Uint8Array>,
  onRejected: (reason: RejectedLine, line: number) => void,
): AsyncGenerator<CorpusText, void, undefined> {
  for await (const block of readLineBlocks(bytes)) {
    let line = block.firstLine;
    for (let start = 0; start < block.bytes.length; line++) {
      const newline = block.bytes.indexOf(NEWLINE, start);
      const end = newline < 0 ? block.bytes.length : newline;
      const parsed = parseRecord(block.bytes.subarray(start, end));
      if (parsed.ok) yield { text: parsed.record.text, begins: true, whole: true };
      else if (end > start) onRejected(parsed.reason, line);
      start = end + 1;
    }
    if (block.oversizedBytes !== undefined) onRejected("too-long", line);
  }
}

const NEWLINE = 0x0a;

async function* readPlainText(
  bytes: AsyncIterable<Uint8Array>,
  onRejected: (reason: RejectedLine, line: number) => void,
): AsyncGenerator<CorpusText, void, undefined> {
  const utf8 = new TextDecoder(); // takes a byte order mark away
  let heldBack = ""; // line feeds at a block's end: more may follow, and a run of them is one word
  let begins = true;
  for await (const block of readLineBlocks(bytes)) {
    const text = heldBack + utf8.decode(block.bytes, { stream: true });
    const end = text.trimEnd().length;
    const cut = text.slice(end).search(/\n+$/);
    heldBack = cut < 0 ? "" : text.slice(end + cut);
    const piece = text.slice(0, text.length - heldBack.length);
    if (piece !== "") {
      yield { text: piece, begins, whole: false };
      begins = false;
    }
    if (block.oversizedBytes !== undefined) onRejected("too-long", block.firstLine + block.lines);
  }
  if (heldBack !== "") yield { text: heldBack, begins, whole: false };
}
