import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ProfileName } from "../../../pipeline/profiles.ts";
import { readLineBlocks } from "../../../pipeline/readers/lines.ts";
import { openBytes } from "../../../pipeline/readers/open.ts";

export interface CorpusText {
  readonly text: string;
  readonly category: string;
  /** Counted from 1. */
  readonly line: number;
}

/** The profile each genre of the clean corpus is cleaned with. */
export const PROFILE_OF: Readonly<Record<string, ProfileName>> = {
  "literature-novel": "prose",
  "books-1791-1998": "prose",
  parliament: "dialogue",
  "bible-1881": "legal",
  law: "legal",
  "textbook-economics": "scientific",
  "textbook-psychology": "scientific",
  "literature-verse": "poetry",
  "tatoeba-sentences": "sentences",
  "jokes-aphorisms": "sentences",
  encyclopaedia: "sentences",
  news: "sentences",
};

/** Reads `NAME.jsonl.zst` of the corpus folder whole. */
export async function readCorpus(folder: string, name: string): Promise<CorpusText[]> {
  const path = join(folder, `${name}.jsonl.zst`);
  if (!existsSync(path)) throw new Error(`${path} is not there; name the folder that holds it with --corpus`);
  const texts: CorpusText[] = [];
  for await (const { bytes } of readLineBlocks(openBytes(path))) {
    for (const line of Buffer.from(bytes).toString().trimEnd().split("\n")) {
      const { text, meta }: { text: string; meta: { category?: string } } = JSON.parse(line);
      texts.push({ text, category: meta.category ?? name, line: texts.length + 1 });
    }
  }
  return texts;
}

/** Even lines calibrate, odd lines are held out for measuring. */
export const isHeldOut = ({ line }: CorpusText) => line % 2 === 1;
