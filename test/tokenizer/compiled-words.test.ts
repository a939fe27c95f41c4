import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import fc from "fast-check";
import { BpeModel } from "../../tokenizer/engine/bpe-model.ts";
import { BpeEncoder } from "../../tokenizer/engine/encoder.ts";
import type { MetaspaceWords } from "../../tokenizer/engine/pre-tokenizer.ts";
import { type MakeWordEncoder, provideWordEncoder } from "../../tokenizer/engine/word-encoder.ts";
import { makeCompiledWordEncoder } from "../../tokenizer/native/compiled-words.ts";
import { ROOT } from "../support/apt3.ts";

const byteTokens = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);
const tokens = [
  "<unk>",
  "▁",
  "a",
  "b",
  "ą",
  "\n",
  "1",
  "2",
  "😀",
  "ab",
  "▁a",
  "▁ab",
  "abab",
  "aą",
  "12",
  "\n\n",
  "ab😀",
  "▁1",
];
const merges = [
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

const unit = fc.constantFrom(
  "a",
  "b",
  "ą",
  "x",
  "ż",
  " ",
  " ",
  "▁",
  "\n",
  "1",
  "2",
  "3",
  "😀",
  "🦊",
  "\u2580",
  "\0",
  "\ud800",
  "ab",
  "\ufeff",
);
const texts = fc.oneof(
  fc.string({ unit, maxLength: 400 }),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.integer({ min: 1, max: 900 }).map((n) => `a${"ab".repeat(n)} ${"ą".repeat(n)}`),
);

const built = existsSync(join(ROOT, "tokenizer/native/build/tokenizer.node"));

describe("the compiled encoder makes the ids of the TypeScript one", {
  skip: built ? false : "it was not compiled here",
}, () => {
  afterEach(() => provideWordEncoder(undefined));
  const designs = (["isolated", "joined"] as const).flatMap((newlines) =>
    (["isolated", "joined"] as const).flatMap((digits) =>
      ["fused unknowns", "unknowns one by one", "byte fallback", "no unknown token"].map((rest, i) => ({
        newlines,
        digits,
        rest,
        wide: i % 2 === 1,
      })),
    ),
  );
  for (const { newlines, digits, rest, wide } of designs) {
    it(`newlines ${newlines}, digits ${digits}, ${rest}, ${wide ? 32 : 16} bits`, () => {
      const all = rest === "byte fallback" ? [...tokens, ...byteTokens] : tokens;
      const model = new BpeModel(new Map(all.map((token, id) => [token, id])), merges, {
        unkToken: rest === "no unknown token" ? undefined : "<unk>",
        fuseUnk: rest === "fused unknowns",
        byteFallback: rest === "byte fallback",
        ignoreMerges: false,
        byteLevel: false,
      });
      const words: MetaspaceWords = { kind: "metaspace", prepend: "first", spaces: "each", newlines, digits };
      // A cache of so few words starts anew again and again.
      const make = (provided: MakeWordEncoder | undefined) => {
        provideWordEncoder(provided);
        return new BpeEncoder(model, words, wide, 300);
      };
      const plain = make(undefined);
      let isCompiled = false;
      const compiled = make((options) => {
        const encoder = makeCompiledWordEncoder(options);
        isCompiled = encoder !== undefined;
        return encoder;
      });
      assert.ok(isCompiled);
      const equal = (feed: (encoder: BpeEncoder) => void) => {
        for (const encoder of [plain, compiled]) feed(encoder);
        assert.deepEqual(compiled.take(), plain.take());
      };
      fc.assert(
        fc.property(texts, fc.boolean(), (text, atStart) =>
          equal((encoder) => encoder.pushText(text, atStart)),
        ),
        { numRuns: 150 },
      );
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
          equal((encoder) => encoder.pushUtf8(bytes, true)),
        ),
        { numRuns: 100 },
      );
    });
  }

  it("leaves designs it does not know to TypeScript", () => {
    const model = new BpeModel(new Map([["a", 0]]), [], {
      fuseUnk: false,
      byteFallback: false,
      ignoreMerges: false,
      byteLevel: false,
    });
    const words: MetaspaceWords = {
      kind: "metaspace",
      prepend: "first",
      spaces: "each",
      newlines: "joined",
      digits: "joined",
    };
    const options = { model, wide: false, cachedWords: 300 };
    assert.equal(makeCompiledWordEncoder({ ...options, preTokenization: words }), undefined, "it has no ▁");
    assert.equal(
      makeCompiledWordEncoder({ ...options, preTokenization: { ...words, spaces: "runs" } }),
      undefined,
    );
  });
});
