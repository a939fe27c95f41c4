import { byteToken } from "./byte-level.ts";
import { METASPACE, SPACE } from "./pre-tokenizer.ts";

/** What the model does with characters that are not in the vocabulary, and the like. */
export interface BpeModelOptions {
  /** Token of an unknown character; without it unknown characters vanish before merging. */
  readonly unkToken?: string | undefined;
  /** One `unkToken` for a run of unknown characters. */
  readonly fuseUnk: boolean;
  /** An unknown character becomes its bytes' tokens, `<0xC4><0x85>`, when all of them are in the vocabulary. */
  readonly byteFallback: boolean;
  /** A word that is a token as a whole is that token, whatever the merges say. */
  readonly ignoreMerges: boolean;
  /** Words are bytes, and the vocabulary writes each as one of BYTE_LETTERS. */
  readonly byteLevel: boolean;
}

/** A vocabulary and its merges as numbers. */
export interface BpeTables {
  /** Left, right and merged id of each merge, in order of rank. */
  readonly merges: Int32Array;
  /** Code point and id of each character that is a token. Where words are of characters, a space is "▁". */
  readonly characters: Int32Array;
  /** Ids of the 256 byte tokens, -1 where there is none; empty without byte fallback. */
  readonly byteIds: Int32Array;
  /** -1: unknown characters vanish. */
  readonly unknownId: number;
  readonly fuseUnknown: boolean;
}

/** @param merges in order of rank; tokens and the tokens they make must be in `ids` */
export function readBpeTables(
  ids: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  { unkToken, fuseUnk, byteFallback, byteLevel }: BpeModelOptions,
): BpeTables {
  const idOf = (token: string) => ids.get(token) ?? -1;
  const flatMerges = new Int32Array(merges.length * 3);
  merges.forEach(([left, right], rank) => {
    flatMerges[3 * rank] = idOf(left);
    flatMerges[3 * rank + 1] = idOf(right);
    flatMerges[3 * rank + 2] = idOf(left + right);
  });
  const characters: number[] = [];
  for (const [token, id] of ids) {
    const codePoint = token.codePointAt(0);
    if (codePoint === undefined || token.length !== (codePoint > 0xffff ? 2 : 1)) continue;
    if (byteLevel || codePoint !== SPACE) characters.push(codePoint, id);
  }
  if (!byteLevel && ids.has(METASPACE)) characters.push(SPACE, idOf(METASPACE));
  return {
    merges: flatMerges,
    characters: Int32Array.from(characters),
    byteIds: Int32Array.from({ length: byteFallback ? 256 : 0 }, (_, byte) => idOf(byteToken(byte))),
    unknownId: unkToken === undefined ? -1 : idOf(unkToken),
    fuseUnknown: fuseUnk,
  };
}
