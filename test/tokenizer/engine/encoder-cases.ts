import fc from "fast-check";
import type { EncoderParts } from "../../../tokenizer/engine/engine.ts";
import { DEFAULT_PRE_TOKENIZATION } from "../../../tokenizer/engine/pre-tokenizer.ts";

const TOKENS = "<unk> ▁ a b ą \n 1 2 😀 ab ▁a ▁ab abab aą 12 \n\n ab😀 ▁1".split(" ");
const MERGES = [
  ["a", "b"],
  ["▁", "a"],
  ["▁", "ab"],
  ["ab", "ab"],
  ["a", "ą"],
  ["1", "2"],
  ["\n", "\n"],
  ["ab", "😀"],
  ["▁", "1"],
] as const;
const BYTE_TOKENS = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);

/** A small tokenizer that knows a few characters; the others are unknown, or bytes. */
export function smallTokenizer(
  unknown: "fused" | "one by one" | "bytes" | "dropped",
  rest: Partial<EncoderParts> = {},
): EncoderParts {
  const tokens = unknown === "bytes" ? [...TOKENS, ...BYTE_TOKENS] : TOKENS;
  return {
    ids: new Map(tokens.map((token, id) => [token, id])),
    merges: MERGES,
    options: {
      unkToken: unknown === "dropped" ? undefined : "<unk>",
      fuseUnk: unknown === "fused",
      byteFallback: unknown === "bytes",
      ignoreMerges: false,
      byteLevel: false,
    },
    preTokenization: DEFAULT_PRE_TOKENIZATION,
    wide: false,
    ...rest,
  };
}

/** Encoders whose caches must change nothing: of each kind, and one that is emptied again and again. */
export const encodersToCompare: readonly { name: string; parts: EncoderParts; cachedWords: number }[] = [
  { name: "16-bit ids", parts: smallTokenizer("fused"), cachedWords: 2 ** 12 },
  { name: "32-bit ids", parts: smallTokenizer("fused", { wide: true }), cachedWords: 2 ** 12 },
  { name: "a small cache", parts: smallTokenizer("fused"), cachedWords: 300 },
  ...(["each", "runs", "joined"] as const).flatMap((spaces) =>
    (["isolated", "joined"] as const).flatMap((digits) =>
      (["one by one", "bytes", "dropped"] as const).map((unknown, i) => {
        const newlines = i === 1 ? "joined" : "isolated";
        const preTokenization = { ...DEFAULT_PRE_TOKENIZATION, spaces, digits, newlines } as const;
        const parts = smallTokenizer(unknown, { preTokenization, wide: i === 2 });
        return {
          name: `spaces ${spaces}, digits ${digits}, newlines ${newlines}, unknown ${unknown}`,
          parts,
          cachedWords: 300,
        };
      }),
    ),
  ),
].filter(
  // Only words that start at each space are cut at anything else
  ({ parts: { preTokenization: words } }) =>
    words.kind === "metaspace" && (words.spaces === "each" || words.digits === "joined"),
);

const units = "a b ą x ż ▁ \n \n\n 1 2 3 😀 🦊 \u2580 \0 \ud800 ab \ufeff".split(" ");
const words = fc.oneof(
  fc.string({ unit: fc.constantFrom(...units), maxLength: 30 }),
  fc.integer({ min: 1, max: 400 }).map((n) => "ab".repeat(n)),
);

/** Words known and unknown, short and long, many more than a small cache holds; and anything at all. */
export const mixedTexts = fc.oneof(
  fc.array(words, { maxLength: 700 }).map((list) => list.join(" ")),
  fc.string({ unit: "binary", maxLength: 200 }),
);

/** Bytes that are seldom UTF-8, with many of those that words are cut at. */
export const mixedBytes = fc
  .array(fc.oneof(fc.constantFrom(0x20, 0x0a, 0x31, 0xe2, 0x96, 0x81, 0xf0), fc.nat(255)))
  .map((values) => Uint8Array.from(values));
