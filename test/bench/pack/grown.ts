import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeGrownCorpus } from "../tokenizer/grown-corpus.ts";

/** A corpus of `bytes` of text, made of the documents with new words throughout; the same file for the same size. */
export async function grownCorpus(
  folder: string,
  documents: readonly string[],
  bytes: number,
): Promise<string> {
  const path = join(folder, `grown-${bytes}.jsonl.zst`);
  if (!existsSync(path)) await writeGrownCorpus(path, documents, bytes);
  return path;
}
