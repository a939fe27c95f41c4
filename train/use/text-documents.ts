import { basename } from "node:path";
import { CorruptInput } from "../../pipeline/readers/corrupt-input.ts";
import { readLineBlocks } from "../../pipeline/readers/lines.ts";
import { openBytes } from "../../pipeline/readers/open.ts";
import { parseRecord } from "../../pipeline/readers/record.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { exists } from "../../pipeline/runtime/files.ts";

/** A plain text is one document and has to fit a string. */
const maxTextBytes = 2 ** 28;

/**
 * The documents of a file: one for each line of a `.jsonl` (`{"text": …}`), the whole of any other; both may be
 * compressed (`.zst`, `.gz`).
 *
 * @throws UserError naming file and line of what is no document
 */
export async function* readDocuments(path: string): AsyncGenerator<string> {
  if (!(await exists(path))) throw new UserError(`${path}: no such file; give a text file with --text`);
  try {
    const isJsonLines = /\.jsonl(\.zst|\.gz)?$/.test(basename(path));
    yield* isJsonLines ? readJsonLines(path) : readPlainText(path);
  } catch (error) {
    if (error instanceof CorruptInput) throw new UserError(`${path}: ${error.message}`);
    throw error;
  }
}

async function* readJsonLines(path: string): AsyncGenerator<string> {
  for await (const { bytes, firstLine } of readLineBlocks(openBytes(path))) {
    let start = 0;
    for (let line = firstLine; start < bytes.length; line++) {
      const newline = bytes.indexOf(10, start);
      const end = newline < 0 ? bytes.length : newline;
      const parsed = parseRecord(bytes.subarray(start, end));
      if (!parsed.ok) throw new UserError(`${path} line ${line}: ${parsed.reason}; expected {"text": "…"}`);
      yield parsed.record.text;
      start = end + 1;
    }
  }
}

async function* readPlainText(path: string): AsyncGenerator<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of openBytes(path)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxTextBytes) {
      throw new UserError(
        `${path}: more than ${maxTextBytes} bytes of text in one document; split it into the lines of a .jsonl`,
      );
    }
  }
  try {
    yield new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new UserError(`${path}: is not UTF-8; convert it first`);
  }
}
