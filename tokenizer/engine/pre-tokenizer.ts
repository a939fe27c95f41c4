import { SCAN_AHEAD, type SplitPattern, splitScanner, type WordScanner } from "./split-pattern.ts";

/**
 * How text is cut into words before merging, on UTF-8 bytes.
 *
 * `metaspace`: spaces become "▁" and start a word. With `newlines: "isolated"` a run of line feeds is a word of its
 * own, so that no word spans two lines and the number of different words stays that of the language. In
 * tokenizer.json: `Sequence[Metaspace(▁, first, split), Split(Regex "\n+", Isolated)]`. The text's own leading "▁" is
 * the one the decoder drops again. Scheme "first": a piece of text after a special token gets no "▁" of its own, so
 * that `[INST] pytanie` and `[INST]pytanie` stay two different inputs.
 *
 * `byte-level`: words are cut by a pattern of the GPT family, and their characters are the 256 bytes.
 */
export type PreTokenization = MetaspaceWords | ByteLevelWords;

/**
 * Whether text that does not begin with a space gets one: everywhere, at the very start only, or not at all.
 * `forced`: a "▁" more even where the text begins with one, as Llama's normalizer `Prepend` does it.
 */
export type PrependScheme = "always" | "first" | "never" | "forced";

/** `isolated`: digits 0–9 are words of one digit each. */
export type Digits = "isolated" | "joined";

export interface MetaspaceWords {
  readonly kind: "metaspace";
  readonly prepend: PrependScheme;
  /** `isolated`: runs of "\n" are words of their own; `joined`: "\n" is a character like any other. */
  readonly newlines: "isolated" | "joined";
  /** A word starts at each space, or at each run of spaces, or nowhere: then the whole text is one word. */
  readonly spaces: "each" | "runs" | "joined";
  readonly digits: Digits;
}

export interface ByteLevelWords {
  readonly kind: "byte-level";
  readonly pattern: SplitPattern;
  readonly prepend: "always" | "never";
  readonly digits: Digits;
}

/** U+2581, which stands for a space in the vocabulary. */
export const METASPACE = "▁";

/** What `train-tokenizer` trains with unless told otherwise. */
export const DEFAULT_PRE_TOKENIZATION: MetaspaceWords = {
  kind: "metaspace",
  prepend: "first",
  newlines: "isolated",
  spaces: "each",
  digits: "joined",
};

export const SPACE = 0x20;
const NEWLINE = 0x0a;

/** First byte of a literal "▁" (E2 96 81). */
const METASPACE_LEAD = 0xe2;

/** The scanner of a pre-tokenization. */
export function wordScanner(preTokenization: PreTokenization): WordScanner {
  const scan = undividedScanner(preTokenization);
  if (preTokenization.digits === "joined") return scan;
  // patterns of byte-level words never run past a digit themselves
  return digitScanner(scan, preTokenization.kind === "byte-level" ? UNLIMITED : FIRST_LOOK);
}

function undividedScanner(preTokenization: PreTokenization): WordScanner {
  if (preTokenization.kind === "byte-level") return splitScanner(preTokenization.pattern);
  const isolateNewlines = preTokenization.newlines === "isolated";
  switch (preTokenization.spaces) {
    case "each":
      return (bytes, start, end) => findWordEnd(bytes, start, end, isolateNewlines);
    case "runs":
      return findRunWordEnd;
    case "joined":
      return (_bytes, _start, end) => end;
  }
}

/** Whether a literal "▁" stands at `at`. */
export function isMetaspace(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === METASPACE_LEAD && bytes[at + 1] === 0x96 && bytes[at + 2] === 0x81;
}

/**
 * Whether a text gets a space put before it.
 *
 * @param bytes the text's first three bytes at least
 * @param atStart whether it begins the whole text rather than following a special token
 */
export function prependsSpace(
  { kind, prepend }: PreTokenization,
  bytes: Uint8Array,
  at: number,
  atStart: boolean,
): boolean {
  if (prepend === "forced") return true;
  if (prepend === "never" || (prepend === "first" && !atStart)) return false;
  return bytes[at] !== SPACE && (kind === "byte-level" || !isMetaspace(bytes, at));
}

function findWordEnd(bytes: Uint8Array, start: number, end: number, isolateNewlines: boolean): number {
  let at = start;
  if (isolateNewlines && bytes[at] === NEWLINE) {
    do at += 1;
    while (at < end && bytes[at] === NEWLINE);
    return at;
  }
  at += 1; // the first character belongs to the word whatever it is; bytes 96 81 of a "▁" end nothing
  for (; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte > SPACE && byte !== METASPACE_LEAD) continue; // nearly every byte
    if (byte === SPACE) return at;
    if (byte === NEWLINE ? isolateNewlines : isMetaspace(bytes, at)) return at;
  }
  return end;
}

/** A run of spaces and what follows it up to the next space. */
function findRunWordEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (;;) {
    if (at < end && bytes[at] === SPACE) at += 1;
    else if (at + 2 < end && isMetaspace(bytes, at)) at += 3;
    else break;
  }
  while (at < end && bytes[at] !== SPACE && !(at + 2 < end && isMetaspace(bytes, at))) at += 1;
  return at;
}

/** Longer than nearly every word. */
const FIRST_LOOK = 64;
const UNLIMITED = 2 ** 30;

/**
 * Makes digits words of their own: the text between two digits is scanned as if nothing else were there, which is
 * what splitting at digits first means. Only where a digit is near can that differ from scanning on.
 *
 * @param firstLook bytes in which the word's end and a digit are sought first, then in twice as many, and so on: where
 * words are cut at spaces only, 1 MB of `a1` would be read to its end from each digit
 */
function digitScanner(scan: WordScanner, firstLook: number): WordScanner {
  return (bytes, start, end) => {
    if (isDigit(bytes[start] as number)) return start + 1;
    let at = start + 1;
    for (let look = firstLook; ; look *= 2) {
      const limit = Math.min(start + look, end);
      const wordEnd = scan(bytes, start, limit);
      const seen = Math.min(wordEnd + SCAN_AHEAD, limit); // a pattern looks one character beyond its word
      for (; at < seen; at++) {
        if (isDigit(bytes[at] as number)) return scan(bytes, start, at);
      }
      if (limit === end || seen < limit) return wordEnd;
    }
  };
}

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
