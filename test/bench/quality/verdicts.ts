import { existsSync, readFileSync } from "node:fs";
import type { ProfileName } from "../../../pipeline/profiles.ts";
import { type CorpusText, readCorpus } from "./corpus.ts";

/** The categories of the dirty corpus, and the profile each is cleaned with. */
export const CATEGORIES: Readonly<Record<string, ProfileName>> = {
  "ocr-book-page": "prose",
  "parliament-pdf": "dialogue",
  "law-pdf-extract": "legal",
  "law-exam-pdf": "legal",
  "news-wikinews-lowercased": "news",
  "forum-wikitalk-lowercased": "forum",
  "asr-timestamped-transcript": "dialogue",
  "encyclopaedia-wikitext": "encyclopaedia",
  "encyclopaedia-stripped-wikitext": "encyclopaedia",
  "reviews-sentences-tokenised": "web",
  "gutenberg-hard-wrapped": "prose",
  "press-19c-old-spelling": "prose",
  "novel-hard-wrapped-ocr": "prose",
  "chat-irc-usenet-quotes": "forum",
  "web-html-legacy-encoding": "web",
  "xml-markup-mathml-textbook": "scientific",
  "blog-markdown-frontmatter": "web",
  "encyclopaedia-lowercased-tokenised": "encyclopaedia",
};

/**
 * good: a reader would not notice that the text was ever otherwise, or it was dropped as it should;
 * acceptable: all text is there and in order, with something left over;
 * wrong: text is missing, torn, out of order, or wrongly kept or dropped.
 */
export const VERDICTS = ["good", "acceptable", "wrong"] as const;

export interface Verdict {
  /** In the corpus file, counted from 1. */
  readonly line: number;
  readonly verdict: (typeof VERDICTS)[number];
  /** What is left over or wrong; empty for good ones. */
  readonly remark: string;
}

const SAMPLE = 100;

/** A hundred documents of a category at even distances; all where there are fewer. */
export async function readSample(corpus: string, category: string): Promise<CorpusText[]> {
  const texts = (await readCorpus(corpus, "dirty-pl")).filter((text) => text.category === category);
  const size = Math.min(SAMPLE, texts.length);
  return Array.from({ length: size }, (_, i) => texts[Math.floor((i * texts.length) / size)] as CorpusText);
}

/** `verdicts/CATEGORY.tsv`: a line for each document read: its line in the corpus, the verdict, a remark. */
export function readVerdicts(category: string): Verdict[] {
  const file = new URL(`./verdicts/${category}.tsv`, import.meta.url);
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").trimEnd().split("\n").map(parseVerdict);
}

function parseVerdict(row: string): Verdict {
  const [line, name, remark = ""] = row.split("\t");
  const verdict = VERDICTS.find((known) => known === name);
  if (verdict === undefined || !/^\d+$/.test(line ?? "")) throw new Error(`not a verdict: ${row}`);
  return { line: Number(line), verdict, remark };
}
