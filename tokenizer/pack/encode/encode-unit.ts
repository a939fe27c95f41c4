import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { CorpusFile } from "../../../pipeline/corpus.ts";
import { CorruptInput } from "../../../pipeline/readers/corrupt-input.ts";
import { type LineBlock, readLineBlocks } from "../../../pipeline/readers/lines.ts";
import { openBytes } from "../../../pipeline/readers/open.ts";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { DocumentReader } from "../../documents.ts";
import { heldOutRule } from "../../held-out.ts";
import { loadTokenizer } from "../../load.ts";
import type { Tokenizer } from "../../tokenizer.ts";
import type { UnitRows } from "../rows/unit-rows.ts";

/** What every worker needs for all units. */
export interface EncodeOptions {
  /** Folder of the tokenizer. */
  readonly tokenizer: string;
  readonly bos: boolean;
  readonly eos: boolean;
  readonly validationShare: number;
}

/** A bounded piece of work: a small file read by the worker, or lines of a large one that was read for it. */
export interface UnitTexts {
  readonly file: CorpusFile;
  /** Whole JSON lines; the file itself is read when absent. */
  readonly lines?: Uint8Array<SharedArrayBuffer>;
}

/** What the encoding of documents needs; made once a worker. */
export interface DocumentEncoder {
  readonly tokenizer: Tokenizer;
  /** Hash of the tokenizer's file. */
  readonly sha256: string;
  readonly options: EncodeOptions;
  readonly reader: DocumentReader;
  /** Decides by a document's text, or by the cluster of near-duplicates it states. */
  readonly isHeldOut: (key: Uint8Array) => boolean;
}

export async function createDocumentEncoder(options: EncodeOptions): Promise<DocumentEncoder> {
  const { tokenizer, sha256 } = await loadTokenizer(options.tokenizer);
  const isHeldOut = await heldOutRule(options.validationShare);
  return { tokenizer, sha256, options, reader: new DocumentReader(), isHeldOut };
}

/**
 * Encodes the documents of a unit into rows.
 *
 * @returns lines that held no document
 * @throws UserError when the file is cut off, damaged, or not what its manifest states
 */
export async function encodeUnit(
  { file, lines }: UnitTexts,
  { tokenizer, options, reader, isHeldOut }: DocumentEncoder,
  rows: UnitRows,
): Promise<number> {
  const addDocument = (text: Uint8Array, cluster: Uint8Array | undefined) => {
    const ids = tokenizer.encodeUtf8(text, { addBos: options.bos, addEos: options.eos });
    rows.add(isHeldOut(cluster ?? text) ? "validation" : "train", ids, text.length);
  };
  if (lines !== undefined) return reader.read(lines, addDocument);
  let rejected = 0;
  for await (const block of readUnit(file)) {
    if ("oversizedBytes" in block) rejected += 1;
    if (!file.name.endsWith(".txt")) rejected += reader.read(block.bytes, addDocument);
    else if (block.bytes.length > 0) addDocument(block.bytes, undefined);
    else rejected += 1;
  }
  return rejected;
}

/** The lines of a whole file, or the text of a `.txt` file; compared with the file's hash at its end. */
async function* readUnit(file: CorpusFile): AsyncGenerator<{ bytes: Uint8Array } | LineBlock> {
  const hash = createHash("sha256");
  try {
    if (file.name.endsWith(".txt")) {
      const text = await readFile(file.path);
      hash.update(text);
      yield { bytes: Buffer.from(text.toString("utf8")) }; // what is not UTF-8 becomes U+FFFD
    } else {
      const bytes = openBytes(file.path, { onRead: (chunk) => void hash.update(chunk), freeChunks: true });
      yield* readLineBlocks(bytes);
    }
  } catch (error) {
    throw asUserError(file, error);
  }
  checkHash(file, hash.digest("hex"));
}

/** A damaged file is the user's business. */
export function asUserError(file: CorpusFile, error: unknown): unknown {
  if (!(error instanceof CorruptInput)) return error;
  return new UserError(`${file.path}: ${error.message}; make or fetch it again`);
}

export function checkHash(file: CorpusFile, sha256: string): void {
  if (file.sha256 === undefined || sha256 === file.sha256) return;
  throw new UserError(
    `${file.path}: its content is not what its manifest describes, or it changed while it was read; run ingest into a new folder, or pack again`,
  );
}
