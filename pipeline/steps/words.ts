/** A text's words as numbers, for the steps that count and compare them without making strings. */
export interface Words {
  readonly count: number;
  /** A 32-bit hash of each word in lower case. */
  readonly hashes: Uint32Array;
  /** Length of each word in UTF-16 units. */
  readonly lengths: Uint32Array;
  /** Words with at least one letter. */
  readonly alphabetic: number;
}

const SPACE = 32;

/** Splits at white space (everything up to U+0020); the text has gone through the `unicode` step before. */
export function readWords(text: string): Words {
  let capacity = (text.length >> 2) + 16;
  let hashes = new Uint32Array(capacity);
  let lengths = new Uint32Array(capacity);
  let count = 0;
  let alphabetic = 0;
  for (let i = 0; i < text.length; ) {
    if (text.charCodeAt(i) <= SPACE) {
      i += 1;
      continue;
    }
    const start = i;
    let hash = 0x811c9dc5; // FNV-1a over UTF-16 units
    let hasLetter = false;
    for (; i < text.length; i++) {
      const unit = lowerCase(text.charCodeAt(i));
      if (unit <= SPACE) break;
      hasLetter ||= (unit >= 97 && unit <= 122) || unit >= 0xdf;
      hash = Math.imul(hash ^ unit, 0x01000193);
    }
    if (count === capacity) {
      capacity *= 2;
      hashes = grow(hashes, capacity);
      lengths = grow(lengths, capacity);
    }
    hashes[count] = hash >>> 0;
    lengths[count] = i - start;
    if (hasLetter) alphabetic += 1;
    count += 1;
  }
  return { count, hashes: hashes.subarray(0, count), lengths: lengths.subarray(0, count), alphabetic };
}

function grow(array: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(capacity);
  grown.set(array);
  return grown;
}

/** Lower case of ASCII, Latin-1 and Latin Extended-A letters, which is all that Polish text needs. */
function lowerCase(unit: number): number {
  if (unit < 128) return unit >= 65 && unit <= 90 ? unit + 32 : unit;
  if (unit >= 0xc0 && unit <= 0xde && unit !== 0xd7) return unit + 32;
  if (unit >= 0x100 && unit <= 0x137) return unit | 1;
  if (unit >= 0x139 && unit <= 0x148) return unit & 1 ? unit + 1 : unit;
  if (unit >= 0x14a && unit <= 0x177) return unit | 1;
  if (unit >= 0x179 && unit <= 0x17e) return unit & 1 ? unit + 1 : unit;
  return unit;
}
