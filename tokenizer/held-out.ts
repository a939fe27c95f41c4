/**
 * Whether a document is kept out of training, so that a tokenizer can be measured on text it has not seen. Decided
 * by the document alone: the same documents are held out whatever the order of files or the number of workers.
 *
 * @param share of documents to hold out, 0 to 1
 */
export function isHeldOut(text: string, share: number): boolean {
  return hash(text) < share * 2 ** 32;
}

/** Documents are told apart by their beginning and their length; reading all of a book would cost time for nothing. */
const HASHED_UNITS = 512;

/** FNV-1a over UTF-16 units, mixed once more so that the high bits depend on all of them; 0 to 2^32 − 1. */
function hash(text: string): number {
  let value = 0x811c9dc5 ^ text.length;
  for (let i = 0; i < Math.min(text.length, HASHED_UNITS); i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  value = Math.imul(value ^ (value >>> 12), 0x297a2d39);
  return (value ^ (value >>> 15)) >>> 0;
}
