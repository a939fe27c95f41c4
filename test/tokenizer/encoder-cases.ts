import fc from "fast-check";
import type { EncoderParts } from "../../tokenizer/engine/engine.ts";
import { DEFAULT_PRE_TOKENIZATION } from "../../tokenizer/engine/pre-tokenizer.ts";

/** Encoders that must give the same ids as one without a cache. */
export const encodersToCompare = [
  { name: "16-bit ids", wide: false, cachedWords: undefined },
  { name: "32-bit ids", wide: true, cachedWords: undefined },
  { name: "a cache that is emptied again and again", wide: false, cachedWords: 300 },
] as const;

/** A handful of tokens; x is unknown. */
export function smallTokenizer(wide: boolean): EncoderParts {
  const tokens = ["<unk>", "▁", "a", "b", "ą", "\n", "ab", "▁a", "▁ab", "abab", "aą"];
  return {
    ids: new Map(tokens.map((token, id) => [token, id])),
    merges: [
      ["a", "b"],
      ["▁", "a"],
      ["▁", "ab"],
      ["ab", "ab"],
      ["a", "ą"],
    ],
    options: {
      unkToken: "<unk>",
      fuseUnk: true,
      byteFallback: false,
      ignoreMerges: false,
      byteLevel: false,
    },
    preTokenization: DEFAULT_PRE_TOKENIZATION,
    wide,
  };
}

const words = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "b", "ą", "x", "\n", "7", "▁"), maxLength: 30 }),
  fc.integer({ min: 1, max: 400 }).map((n) => "ab".repeat(n)),
);

/** Words known and unknown, short and long, many more than a small cache holds. */
export const mixedTexts = fc.array(words, { maxLength: 700 }).map((list) => list.join(" "));
