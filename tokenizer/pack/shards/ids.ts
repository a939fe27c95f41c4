import type { TokenIds } from "../../engine/encoder.ts";

/** @param wide 32-bit ids, for vocabularies above 65,536 */
export function newIds(length: number, wide: boolean): TokenIds {
  return wide ? new Uint32Array(length) : new Uint16Array(length);
}

/** The memory of ids as bytes. Arrow's order is little-endian, as is every machine Node runs on but s390x. */
export function bytesOf(ids: Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
}

/** Where each part begins when one lies behind the other. */
export function startsOf(sizes: readonly number[]): number[] {
  let start = 0;
  return sizes.map((size) => {
    const own = start;
    start += size;
    return own;
  });
}

/** A 64-bit hash of one row. */
export type RowHash = (row: Uint16Array | Uint32Array) => bigint;

/** xxHash64 of the row's bytes; fast enough to be checked on every read. */
export function rowHasher({ h64Raw }: { h64Raw(bytes: Uint8Array): bigint }): RowHash {
  return (row) => h64Raw(bytesOf(row));
}

const MASK = (1n << 64n) - 1n;

/** A hash of a multiset of rows: their sum modulo 2^64, whatever their order. */
export const addHashes = (a: bigint, b: bigint): bigint => (a + b) & MASK;

export const formatHash = (hash: bigint): string => hash.toString(16).padStart(16, "0");
