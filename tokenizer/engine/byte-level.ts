/** GPT-2's letters for bytes: printable ones stand for themselves, the others for U+0100 and on, in their order. */
export const BYTE_LETTERS: readonly string[] = makeByteLetters();

/** Code point of each byte's letter. */
export const BYTE_LETTER_CODES: Int32Array = Int32Array.from(
  BYTE_LETTERS,
  (letter) => letter.codePointAt(0) as number,
);

/** The byte of each of those letters. */
export const LETTER_BYTES: ReadonlyMap<string, number> = new Map(
  BYTE_LETTERS.map((letter, byte) => [letter, byte]),
);

function makeByteLetters(): string[] {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
}

/** Name of a byte's token in byte fallback, such as `<0x0A>`. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}
