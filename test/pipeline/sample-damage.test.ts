import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { addBoilerplate } from "../../pipeline/sample/boilerplate.ts";
import * as damage from "../../pipeline/sample/damage.ts";
import { pythonLiteral } from "../../pipeline/sample/python-literal.ts";
import { keywordSpam, linkFarm, repeatedLineSpam } from "../../pipeline/sample/spam.ts";
import { readTexts } from "../../pipeline/sample/texts.ts";

const texts = readTexts(join(import.meta.dirname, "../../pipeline/sample/texts"));

const DAMAGES: Readonly<Record<string, damage.Damage>> = {
  addBoilerplate,
  decomposeDiacritics: damage.decomposeDiacritics,
  dropDiacritics: damage.dropDiacritics,
  hardWrap: damage.hardWrap,
  htmlEntities: damage.htmlEntities,
  htmlTags: damage.htmlTags,
  lowerCase: damage.lowerCase,
  mojibakeIso88592: damage.mojibakeIso88592,
  mojibakeTwice: damage.mojibakeTwice,
  mojibakeWindows1250: damage.mojibakeWindows1250,
  mojibakeWindows1252: damage.mojibakeWindows1252,
  nearDuplicate: damage.nearDuplicate,
  repeatSentence: damage.repeatSentence,
  sprinkleInvisible: damage.sprinkleInvisible,
  varyWhitespace: damage.varyWhitespace,
};

describe("every kind of damage", () => {
  for (const [name, apply] of Object.entries(DAMAGES)) {
    test(`${name} changes every text of the sample, and always in the same way`, () => {
      for (const [seed, { title, text }] of texts.entries()) {
        const damaged = apply(text, damage.seededRandom(seed));
        assert.notEqual(damaged, text, title);
        assert.equal(apply(text, damage.seededRandom(seed)), damaged, title);
      }
    });
  }

  for (const [name, write] of Object.entries({ keywordSpam, linkFarm, repeatedLineSpam })) {
    test(`${name} is always the same for a seed`, () => {
      assert.equal(write(damage.seededRandom(1)), write(damage.seededRandom(1)));
    });
  }
});

describe("mojibake", () => {
  test("turns Polish letters into the well-known pairs", () => {
    assert.equal(damage.mojibakeWindows1250("zażółć gęślą jaźń"), "zaĹĽĂłĹ‚Ä‡ gÄ™Ĺ›lÄ… jaĹşĹ„");
    assert.equal(damage.mojibakeWindows1252("żółć"), "Å¼Ã³Å‚Ä‡");
    assert.equal(damage.mojibakeIso88592("żó"), "ĹźĂł");
    assert.equal(damage.mojibakeTwice("ó"), "Ä‚Ĺ‚");
  });

  const encodings: Readonly<Record<string, (text: string) => string>> = {
    "windows-1250": damage.mojibakeWindows1250,
    "iso-8859-2": damage.mojibakeIso88592,
    "windows-1252": damage.mojibakeWindows1252,
  };
  for (const [encoding, apply] of Object.entries(encodings)) {
    test(`in ${encoding} can be undone: no byte is lost`, () => {
      const decoder = new TextDecoder(encoding);
      const byteOf = new Map(
        Array.from({ length: 256 }, (_, byte) => [decoder.decode(Uint8Array.of(byte)), byte] as const),
      );
      assert.equal(byteOf.size, 256);
      fc.assert(
        fc.property(fc.string({ unit: "grapheme" }), (text) => {
          const bytes = [...apply(text)].map((character) => byteOf.get(character) ?? assert.fail(character));
          assert.equal(Buffer.from(bytes).toString("utf8"), text);
        }),
      );
    });
  }
});

describe("what damage leaves intact", () => {
  test("hard-wrapped text reads as before when lines and divided words are joined", () => {
    let divided = 0;
    for (const [seed, { title, text, genre }] of texts.entries()) {
      if (genre === "poems") continue; // their line ends are lost in wrapping
      const wrapped = damage.hardWrap(text, damage.seededRandom(seed));
      for (const line of wrapped.split("\n")) assert.ok(line.length <= 72, `${title}: ${line}`);
      divided += wrapped.match(/\p{L}-\n\p{L}/gu)?.length ?? 0;
      const joined = wrapped.replace(/(\p{L})-\n(?=\p{Ll})/gu, "$1").replace(/(?<!\n)\n(?!\n)/g, " ");
      assert.equal(joined, text, title);
    }
    assert.ok(divided > texts.length, `only ${divided} words were divided`);
  });

  test("character references stand for the original text", () => {
    const named: Readonly<Record<string, string>> = {
      oacute: "ó",
      Oacute: "Ó",
      bdquo: "„",
      rdquo: "”",
      mdash: "—",
      ndash: "–",
      hellip: "…",
    };
    const decode = (text: string): string =>
      text
        .replaceAll("&amp;", "&")
        .replace(/&#x([0-9a-f]+);/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
        .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
        .replace(/&(\w+);/g, (_, name: string) => named[name] ?? assert.fail(name));
    for (const [seed, { title, text }] of texts.entries()) {
      assert.equal(decode(damage.htmlEntities(text, damage.seededRandom(seed))), text, title);
    }
  });

  test("duplicates differ in white space, case or invisible characters only", () => {
    for (const [seed, { title, text }] of texts.entries()) {
      const words = (value: string): string => value.split(/\s+/).filter(Boolean).join(" ");
      assert.equal(words(damage.varyWhitespace(text, damage.seededRandom(seed))), words(text), title);
      assert.equal(damage.decomposeDiacritics(text).normalize("NFC"), text, title);
      const invisible = damage.sprinkleInvisible(text, damage.seededRandom(seed));
      const visible = invisible.replace(/\p{Cf}|(?!\n)\p{Cc}/gu, "");
      assert.equal(visible.replaceAll("\u00a0", " "), text, title);
    }
  });

  test("boilerplate keeps every paragraph", () => {
    for (const [seed, { title, text }] of texts.entries()) {
      const lines = addBoilerplate(text, damage.seededRandom(seed));
      for (const paragraph of text.split("\n\n"))
        assert.ok(lines.includes(paragraph), `${title}: ${paragraph}`);
    }
  });

  test("near-duplicates of a hundred words or more are found by MinHash: Jaccard similarity over 0.72", () => {
    for (const [seed, { title, text }] of texts.entries()) {
      if (text.split(/\s+/).length < 100) continue; // two changed words are too much of a poem
      const shingles = (value: string): Set<string> => {
        const words = value.split(/\s+/);
        return new Set(words.slice(0, -4).map((_, index) => words.slice(index, index + 5).join(" ")));
      };
      const [before, after] = [
        shingles(text),
        shingles(damage.nearDuplicate(text, damage.seededRandom(seed))),
      ];
      const similarity = before.intersection(after).size / before.union(after).size;
      assert.ok(similarity > 0.72 && similarity < 1, `${title}: ${similarity}`);
    }
  });
});

test("pythonLiteral writes what Python's repr would", () => {
  const value = {
    title: "L'été",
    quote: `„'"`,
    lines: "a\nb\\",
    n: 3,
    yes: true,
    none: null,
    list: [1, "b"],
  };
  assert.equal(
    pythonLiteral(value),
    `{'title': "L'été", 'quote': '„\\'"', 'lines': 'a\\nb\\\\', 'n': 3, 'yes': True, 'none': None, 'list': [1, 'b']}`,
  );
});
