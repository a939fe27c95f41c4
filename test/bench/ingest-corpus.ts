import { once } from "node:events";
import { createWriteStream, existsSync } from "node:fs";
import { join } from "node:path";
import { constants, createZstdCompress } from "node:zlib";
import { readLineBlocks } from "../../pipeline/readers/lines.ts";
import { openBytes } from "../../pipeline/readers/open.ts";

const FILES = ["prose-pl", "dirty-pl", "debian-pl", "msdocs-pl"];
/** A prime: lines so far apart that all files are mixed evenly. */
const STRIDE = 7919;

/** The lines of the corpus' files, mixed. */
export async function readMixedLines(folder: string): Promise<string[]> {
  const lines: string[] = [];
  for (const path of FILES.map((name) => join(folder, `${name}.jsonl.zst`)).filter(existsSync)) {
    for await (const { bytes } of readLineBlocks(openBytes(path)))
      lines.push(...Buffer.from(bytes).toString().trimEnd().split("\n"));
  }
  if (lines.length === 0)
    throw new Error(`none of ${FILES.join(", ")} is in ${folder}; name their folder with --corpus`);
  return lines.map((_, i) => lines[(i * STRIDE) % lines.length] as string);
}

/** Every n-th line, so that about `bytes` come together. */
export function thin(lines: readonly string[], bytes: number): string[] {
  const total = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  const every = Math.max(1, Math.round(total / bytes));
  return lines.filter((_, i) => i % every === 0);
}

/**
 * Writes about `bytes` of JSON lines as one zstd frame: the corpus over and over, each time with every text begun at
 * another place, so that no document is another's exact duplicate.
 *
 * @returns the bytes before compression
 */
export async function writeGrown(path: string, lines: readonly string[], bytes: number): Promise<number> {
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  const file = createWriteStream(path);
  compress.pipe(file);
  let written = 0;
  for (let i = 0; written < bytes; i++) {
    const round = Math.floor(i / lines.length);
    const line = lines[i % lines.length] as string;
    const grown = `${round === 0 ? line : rotate(line, round)}\n`;
    written += Buffer.byteLength(grown);
    if (!compress.write(grown)) await once(compress, "drain");
  }
  compress.end();
  await once(file, "close");
  return written;
}

/** A record whose text begins at a space about a `round`-th of the golden ratio further on, and ends before it. */
function rotate(line: string, round: number): string {
  const record: { text: string; meta: object } = JSON.parse(line);
  const at = record.text.indexOf(" ", Math.floor(record.text.length * ((round * 0.618) % 1))) + 1;
  return JSON.stringify({ ...record, text: `${record.text.slice(at)} ${record.text.slice(0, at)}` });
}
