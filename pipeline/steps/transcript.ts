import { SIGN } from "../measures/signs.ts";
import { keep, type Step } from "./step.ts";

/** One word a line with its times in milliseconds, as speech recognition writes it. */
const TIMED_WORD = /^\s*\((\d+),(\d+)\)(.*)$/;
/** SubRip and WebVTT. */
const CUE_TIME = /^\s*(?:\d{1,2}:)?\d{1,2}:\d{2}[.,]\d{3}\s*-->\s*(?:\d{1,2}:)?\d{1,2}:\d{2}[.,]\d{3}.*$/;
const CUE_NUMBER = /^\s*\d{1,6}\s*$/;
/** `[00:12:34]`, `00:12:34` or `(12:34)` before a line of speech. */
const STAMP = /^\s*[[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?[\])]?\s*[-–:]?\s*/;
/** Lines that must carry a time before a text is taken for a transcript. */
const MIN_SHARE = 0.6;
/** A pause in speech that we take for the end of a line (own choice: a breath is under 0.5 s). */
const PAUSE_MS = 1500;

/** Makes running text of speech transcripts and subtitles: times and cue numbers go, words come together. */
export const transcript: Step = {
  name: "transcript",
  version: 1,
  create: () => (text, measures) => {
    if (!measures.has(SIGN.digit) || !measures.has(SIGN.lineEnd)) return keep(text);
    const start = text.slice(0, 400);
    if (!/\(\d+,\d+\)|\d:\d\d/.test(start)) return keep(text);
    const lines = text.split(/\r?\n/);
    if (isMost(lines, TIMED_WORD)) return keep(joinTimedWords(lines));
    if (start.includes("-->")) return keep(removeCues(lines));
    return keep(isMost(lines, STAMP) ? lines.map((line) => line.replace(STAMP, "")).join("\n") : text);
  },
};

function isMost(lines: readonly string[], pattern: RegExp): boolean {
  const filled = lines.filter((line) => line.trim() !== "");
  return (
    filled.length >= 3 && filled.filter((line) => pattern.test(line)).length >= filled.length * MIN_SHARE
  );
}

function joinTimedWords(lines: readonly string[]): string {
  let text = "";
  let previousEnd: number | undefined;
  for (const line of lines) {
    const [, from, to, rest] = TIMED_WORD.exec(line) ?? [];
    const word = rest?.trim() ?? "";
    if (word === "") continue;
    const isPause = previousEnd !== undefined && Number(from) - previousEnd > PAUSE_MS;
    text += `${text === "" ? "" : isPause ? "\n" : " "}${word}`;
    previousEnd = Number(to);
  }
  return text;
}

function removeCues(lines: readonly string[]): string {
  return lines
    .filter(
      (line, i) => !CUE_TIME.test(line) && !(CUE_NUMBER.test(line) && CUE_TIME.test(lines[i + 1] ?? "")),
    )
    .join("\n")
    .replace(/\n{3,}/g, "\n\n");
}
