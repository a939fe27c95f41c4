const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Decodes UTF-8 to code points. What is not UTF-8 becomes U+FFFD, one for each maximal part, exactly as
 * TextDecoder does it.
 *
 * @param target receives the code points; it needs room for `end - start`
 * @returns the number of code points
 */
export function decodeCodePoints(bytes: Uint8Array, start: number, end: number, target: Int32Array): number {
  let count = 0;
  let at = start;
  while (at < end) {
    const lead = bytes[at] as number;
    if (lead < 0x80) {
      target[count++] = lead;
      at += 1;
      continue;
    }
    const length = sequenceLength(lead);
    if (length === 0 || at + length > end) return decodeLeniently(bytes, start, end, target);
    let codePoint = lead & (0x7f >> length);
    for (let i = 1; i < length; i++) {
      const byte = bytes[at + i] as number;
      if ((byte & 0xc0) !== 0x80) return decodeLeniently(bytes, start, end, target);
      codePoint = (codePoint << 6) | (byte & 0x3f);
    }
    if (!isShortest(codePoint, length)) return decodeLeniently(bytes, start, end, target);
    target[count++] = codePoint;
    at += length;
  }
  return count;
}

/** Bytes of the sequence a lead byte begins; 0 when no sequence begins with it. */
function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

/** Overlong forms, surrogates and values beyond Unicode are not UTF-8 (RFC 3629). */
function isShortest(codePoint: number, length: number): boolean {
  if (length === 3) return codePoint >= 0x800 && (codePoint < 0xd800 || codePoint > 0xdfff);
  if (length === 4) return codePoint >= 0x10000 && codePoint <= 0x10ffff;
  return true;
}

function decodeLeniently(bytes: Uint8Array, start: number, end: number, target: Int32Array): number {
  let count = 0;
  for (const character of lenient.decode(bytes.subarray(start, end))) {
    target[count++] = character.codePointAt(0) as number;
  }
  return count;
}

/** UTF-16 units of a text that is valid UTF-8: one a character, two for those of four bytes. */
export function utf16Length(bytes: Uint8Array): number {
  let units = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if ((byte & 0xc0) !== 0x80) units += byte < 0xf0 ? 1 : 2;
  }
  return units;
}
