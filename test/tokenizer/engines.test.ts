import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { SPLIT_REGEXES, splitScanner } from "../../tokenizer/engine/split-pattern.ts";
import { Tokenizer } from "../../tokenizer/index.ts";
import { readFixture } from "./fixtures.ts";

const { engines } = await readFixture("engines.json");

describe("every design our engine takes gives what the reference gives", () => {
  for (const { name, json, cases } of engines) {
    it(`${name}: ${cases.length} texts`, () => {
      const tokenizer = Tokenizer.fromJson(json);
      assert.equal(tokenizer.engine, "apt3");
      for (const round of ["first", "from the cache"]) {
        for (const { text, ids, decoded } of cases) {
          const shown = `${round}: ${JSON.stringify(text)}`;
          assert.deepEqual([...tokenizer.encode(text)], ids, shown);
          assert.deepEqual([...tokenizer.encodeUtf8(new TextEncoder().encode(text))], ids, shown);
          assert.equal(tokenizer.decode(ids), decoded, shown);
          const stream = tokenizer.decodeStream();
          assert.equal(ids.map((id) => stream.push(id)).join("") + stream.end(), decoded, shown);
        }
      }
    });
  }
});

describe("offsets", () => {
  for (const { name, json, cases } of engines) {
    const form = JSON.stringify(json).includes("NFC") || JSON.stringify(json).includes("NFKC");
    it(form ? `${name}: refused, the text is changed first` : name, () => {
      const tokenizer = Tokenizer.fromJson(json);
      if (form) {
        assert.throws(() => tokenizer.encodeWithOffsets("a"), UserError);
        return;
      }
      for (const { text, ids, offsets } of cases) {
        const located = tokenizer.encodeWithOffsets(text);
        assert.deepEqual([...located.ids], ids);
        const units = unitOffsets(text);
        if (driftsAway(json)) continue;
        const expected = offsets.flatMap(([start, end]) => [units[start], units[end]]);
        assert.deepEqual([...located.offsets], expected, JSON.stringify(text));
      }
    });
  }

  it("of special tokens and of the ends of a text", () => {
    const tokenizer = Tokenizer.fromJson(engines[0]?.json ?? {});
    const { ids, offsets } = tokenizer.encodeWithOffsets("<s>ab</s>", { parseSpecials: true, addEos: true });
    assert.deepEqual([ids[0], ids.at(-1)], [tokenizer.bosId, tokenizer.eosId]);
    assert.deepEqual([...offsets.slice(0, 2)], [0, 3]);
    assert.deepEqual([...offsets.slice(-4)], [5, 9, 9, 9]);
  });
});

/** The reference's offsets go wrong where characters vanish: see divergences.test.ts. */
const driftsAway = (json: { model?: unknown }) =>
  Reflect.get(json.model as object, "unk_token") === null && JSON.stringify(json).includes("Metaspace");

/** Place of each code point in UTF-16 units. */
function unitOffsets(text: string): number[] {
  const units = [0];
  for (const character of text) units.push((units.at(-1) as number) + character.length);
  return units;
}

describe("split patterns", () => {
  const pieces = [
    "'s",
    "'LL",
    "'Re",
    "'ſ",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\t",
    "a",
    "ż",
    "12",
    "½",
    "!",
    "…",
    "\u00a0",
    "\u0085",
    "\ufeff",
    "😀",
    "\u0301",
  ];
  const texts = fc.oneof(
    fc.string({ unit: fc.constantFrom(...pieces), minLength: 1, maxLength: 30 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
  );
  for (const [name, regex] of Object.entries(SPLIT_REGEXES) as [keyof typeof SPLIT_REGEXES, string][]) {
    it(`${name} cuts as its regular expression does`, () => {
      // JavaScript's \\s has U+FEFF and lacks U+0085; the reference's is Unicode's
      const pattern = new RegExp(
        regex
          .replaceAll("[^\\s\\p", "[^\\p{White_Space}\\p")
          .replaceAll("\\s", "\\p{White_Space}")
          .replaceAll("\\S", "\\P{White_Space}"),
        "gu",
      );
      const scan = splitScanner(name);
      fc.assert(
        fc.property(texts, (text) => {
          const bytes = new TextEncoder().encode(`${text}\0\0\0\0`);
          const words: string[] = [];
          for (let start = 0; start < bytes.length - 4; ) {
            const end = scan(bytes, start, bytes.length - 4);
            words.push(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start, end)));
            start = end;
          }
          assert.deepEqual(words, text.match(pattern));
        }),
        { numRuns: 500 },
      );
    });
  }
});

describe("nothing is lost", () => {
  const anything = fc.string({ unit: "binary", maxLength: 60 });
  for (const name of ["apt3 --byte-fallback --digits", "apt3 --pre-tokenizer byte-level --digits", "gpt2"]) {
    it(`${name}: decode(encode(text)) is the text`, () => {
      const tokenizer = Tokenizer.fromJson(engines.find((engine) => engine.name === name)?.json ?? {});
      fc.assert(
        fc.property(anything, (text) => {
          // A literal "▁" is a space to a metaspace tokenizer: its one exception.
          const kept = name.includes("fallback") ? text.replaceAll("▁", " ") : text;
          assert.equal(tokenizer.decode(tokenizer.encode(text)), kept);
        }),
        { numRuns: 500 },
      );
    });
  }
});
