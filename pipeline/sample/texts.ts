import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One document of the sample, as written in a text file. */
export interface SampleText {
  readonly title: string;
  /** The name of the file it stands in, without `.txt`. */
  readonly genre: string;
  /** Paragraphs separated by blank lines, no line break at the end. */
  readonly text: string;
}

/** What a Speakleash `meta` counts; characters are code points. */
export interface TextCounts {
  readonly characters: number;
  readonly words: number;
  readonly sentences: number;
}

const HEADER = "=== ";

/**
 * Splits a text file into documents. Each begins with a line `=== title` and runs to the next such line.
 * @throws Error when the file does not begin with a header, or a document is empty or without a title.
 */
export function parseTexts(source: string, genre: string): SampleText[] {
  const [preamble = "", ...parts] = `\n${source}`.split(`\n${HEADER}`);
  if (preamble.trim() !== "") throw new Error(`${genre}.txt: text before the first "${HEADER}title" line`);
  return parts.map((part, index) => {
    const end = part.indexOf("\n");
    const title = part.slice(0, end).trim();
    const text = part.slice(end).trim();
    if (end < 0 || title === "" || text === "") {
      throw new Error(`${genre}.txt: document ${index + 1} ("${title}") lacks a title or a text`);
    }
    return { title, genre, text };
  });
}

/** Reads every `*.txt` of a folder, in the order of the file names. */
export function readTexts(folder: string): SampleText[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  return names.sort().flatMap((name) => readTextFile(join(folder, name), name.slice(0, -".txt".length)));
}

/** Reads the documents of one text file. */
export function readTextFile(path: string, genre: string): SampleText[] {
  return parseTexts(readFileSync(path, "utf8"), genre);
}

/**
 * Splits a text where a full stop, a question or exclamation mark or an ellipsis (and what closes after
 * it) is followed by white space, and at every line break. Good enough to count: it takes an abbreviation
 * such as „ul.” for an end.
 */
export function splitSentences(text: string): string[] {
  return text
    .split(/(?<=[.!?…][”"»)]*)\s+|\n+/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => /\p{L}/u.test(sentence));
}

/** Counts code points, runs of letters and digits, and sentences as `splitSentences` finds them. */
export function countText(text: string): TextCounts {
  return {
    characters: [...text].length,
    words: text.match(/[\p{L}\p{N}\p{M}]+/gu)?.length ?? 0,
    sentences: splitSentences(text).length,
  };
}
