/**
 * How text is cut into words before merging, on UTF-8 bytes.
 *
 * Spaces become "▁" and start a word; with `newlines: "isolated"` a run of line feeds is a word of its own, so
 * that no word spans two lines and the number of different words stays that of the language. In tokenizer.json:
 * `Sequence[Metaspace(▁, first, split), Split(Regex "\n+", Isolated)]`. The text's own leading "▁" is the one
 * the decoder drops again. Scheme "first": a piece of text after a special token gets no "▁" of its own, so that
 * `[INST] pytanie` and `[INST]pytanie` stay two different inputs.
 */

/** U+2581, which stands for a space in the vocabulary. */
export const METASPACE = "▁";

/** Whether text that does not begin with a space gets a "▁": everywhere, at the very start only, or not at all. */
export type PrependScheme = "always" | "first" | "never";

export interface PreTokenization {
  readonly prepend: PrependScheme;
  /** `isolated`: runs of "\n" are words of their own; `joined`: "\n" is a character like any other. */
  readonly newlines: "isolated" | "joined";
}

/** What `train-tokenizer` trains with and writes into tokenizer.json. */
export const DEFAULT_PRE_TOKENIZATION: PreTokenization = { prepend: "first", newlines: "isolated" };

export const SPACE = 0x20;
const NEWLINE = 0x0a;

/** First byte of a literal "▁" (E2 96 81). */
const METASPACE_LEAD = 0xe2;

/** Whether a literal "▁" stands at `at`. */
export function isMetaspace(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === METASPACE_LEAD && bytes[at + 1] === 0x96 && bytes[at + 2] === 0x81;
}

/** Whether text beginning with these bytes begins with a space already, plain or as "▁". */
export function startsWithSpace(bytes: Uint8Array): boolean {
  return bytes[0] === SPACE || isMetaspace(bytes, 0);
}

/**
 * End of the word that starts at `start`.
 *
 * @param bytes UTF-8; at least three readable bytes must follow `end`, their values do not matter
 * @param start where the word starts; `start < end`
 * @param end where the text ends
 * @param isolateNewlines see `PreTokenization.newlines`
 */
export function findWordEnd(bytes: Uint8Array, start: number, end: number, isolateNewlines: boolean): number {
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
