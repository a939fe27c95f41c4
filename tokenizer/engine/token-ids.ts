/** Token ids; 16 bits each wherever the vocabulary allows it. */
export type TokenIds = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** @param wide ids may exceed 65,535 */
export function allocateIds(length: number, wide: boolean): TokenIds {
  return wide ? new Uint32Array(length) : new Uint16Array(length);
}

/** The same ids with room for `more` after the `used` ones. */
export function withRoom(ids: TokenIds, used: number, more: number, wide: boolean): TokenIds {
  if (used + more <= ids.length) return ids;
  const grown = allocateIds(Math.max(used + more, ids.length * 2), wide);
  grown.set(ids.subarray(0, used));
  return grown;
}
