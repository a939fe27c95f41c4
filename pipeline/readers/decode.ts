import { isUtf8 } from "node:buffer";

/** `<meta charset=…>` and `<meta http-equiv … content="…; charset=…">`. */
const META_CHARSET = /<meta[^>]{1,200}?charset\s*=\s*["']?\s*([\w-]+)/i;
/** How far into a page its declaration may stand (HTML standard: 1,024 bytes; real pages are laxer). */
const DECLARATION_BYTES = 4096;
/** What the two encodings of Polish differ in: ą ś ź Ą Ś Ź. */
const ONLY_WINDOWS_1250 = [0xb9, 0x9c, 0x9f, 0xa5, 0x8c, 0x8f];
const ONLY_ISO_8859_2 = [0xb1, 0xb6, 0xbc, 0xa1, 0xa6, 0xac];

/**
 * Decodes a text file or page: UTF-8 when it is that, otherwise UTF-16 by its mark, what it declares, otherwise the Polish
 * one-byte encoding whose letters it has more of.
 */
export function decodeText(bytes: Uint8Array, declared?: string): string {
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  const mark = bytes.length < 2 ? 0 : ((bytes[0] as number) << 8) | (bytes[1] as number);
  if (mark === 0xfffe || mark === 0xfeff)
    return new TextDecoder(mark === 0xfffe ? "utf-16le" : "utf-16be").decode(bytes);
  const head = Buffer.from(bytes.subarray(0, DECLARATION_BYTES)).toString("latin1");
  const name = declared ?? META_CHARSET.exec(head)?.[1];
  return new TextDecoder(encodingOf(name, bytes)).decode(bytes);
}

function encodingOf(name: string | undefined, bytes: Uint8Array): string {
  // a page that says it is UTF-8 and is not says nothing
  if (name !== undefined && !/^utf-?8$/i.test(name)) {
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
