import { isUtf8 } from "node:buffer";

/** `<meta charset=…>` and `<meta http-equiv … content="…; charset=…">`. */
const META_CHARSET = /<meta[^>]{1,200}?charset\s*=\s*["']?\s*([\w-]+)/i;
/** How far into a page its declaration may stand (HTML standard: 1,024 bytes; real pages are laxer). */
const DECLARATION_BYTES = 4096;
/** What the two encodings of Polish differ in: ą ś ź Ą Ś Ź. */
const ONLY_WINDOWS_1250 = [0xb9, 0x9c, 0x9f, 0xa5, 0x8c, 0x8f];
const ONLY_ISO_8859_2 = [0xb1, 0xb6, 0xbc, 0xa1, 0xa6, 0xac];

/** A longer sample of a text tells nothing more about the width of its characters. */
const SAMPLE_BYTES = 4096;

/**
 * Decodes a text file or page: UTF-16 by its mark or its zero bytes, UTF-8 when it is that, otherwise what it declares,
 * otherwise the Polish one-byte encoding whose letters it has more of.
 */
export function decodeText(bytes: Uint8Array, declared?: string): string {
  const wide = wideEncodingOf(bytes);
  if (wide !== undefined) return new TextDecoder(wide).decode(bytes);
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  const head = Buffer.from(bytes.subarray(0, DECLARATION_BYTES)).toString("latin1");
  const name = declared ?? META_CHARSET.exec(head)?.[1];
  return new TextDecoder(encodingOf(name, bytes)).decode(bytes);
}

/**
 * UTF-16, if a text has its mark or, without it, a zero in most of its characters, as they have in Polish but for `ą` to `ź`.
 * Without the mark it may pass for UTF-8, its `ł` for a `B` and its `ą` for control characters.
 */
function wideEncodingOf(bytes: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const zeros: [even: number, odd: number] = [0, 0];
  for (let i = 0; i < sample.length; i++) if (sample[i] === 0) zeros[i & 1 ? 1 : 0] += 1;
  const [even, odd] = zeros;
  const many = sample.length / 4; // half of the characters
  if (odd > many && even < odd / 10) return "utf-16le";
  if (even > many && odd < even / 10) return "utf-16be";
  return undefined;
}

function encodingOf(name: string | undefined, bytes: Uint8Array): string {
  // a page that says it is UTF-8 and is not says nothing, and one that means private characters no letters
  if (name !== undefined && !/^(utf-?8|x-user-defined)$/i.test(name)) {
    try {
      return new TextDecoder(name).encoding;
    } catch {
      // no encoding of that name: as if none was declared
    }
  }
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] as number) + 1;
  const sum = (letters: readonly number[]) =>
    letters.reduce((total, byte) => total + (counts[byte] as number), 0);
  return sum(ONLY_ISO_8859_2) > sum(ONLY_WINDOWS_1250) ? "iso-8859-2" : "windows-1250";
}
