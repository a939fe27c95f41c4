import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { trainBpe } from "../../../tokenizer/training/bpe-trainer.ts";
import { readFixture } from "../fixtures.ts";
import { countTexts } from "./count-texts.ts";
import { finish } from "./finish.ts";

const fixture = await readFixture("trainer.json");
const random = await readFixture("random_cases.json");

describe("trainBpe against the reference", () => {
  it(`${random.cases.length} random corpora with random options: the same vocabulary and merges`, () => {
    for (const { texts, options, specials, words, merges, sha256 } of random.cases) {
      const vocabulary = finish(
        trainBpe(countTexts(texts, words), {
          vocabSize: options.vocab_size,
          specialTokens: specials,
          limitAlphabet: options.limit_alphabet,
          minFrequency: options.min_frequency,
          maxTokenLength: options.max_token_length,
          byteLevel: words.kind === "byte-level",
        }),
      );
      const shown = JSON.stringify({ texts, options, specials, words });
      assert.equal(vocabulary.merges.length, merges, shown);
      const result = JSON.stringify([vocabulary.tokens, vocabulary.merges]);
      assert.equal(createHash("sha256").update(result).digest("hex"), sha256, shown);
    }
  });

  for (const { corpus, options, tokens, merges } of fixture.cases) {
    it(`${corpus} ${JSON.stringify(options)}: ${tokens.length} tokens, ${merges.length} merges`, () => {
      const vocabulary = finish(
        trainBpe(countTexts(fixture.corpora[corpus] ?? []), {
          vocabSize: options.vocab_size,
          specialTokens: fixture.specials,
          limitAlphabet: options.limit_alphabet,
          minFrequency: options.min_frequency,
          maxTokenLength: options.max_token_length,
        }),
      );
      assert.deepEqual(vocabulary.merges, merges);
      assert.deepEqual(vocabulary.tokens, tokens);
    });
  }
});

it("byte-level words, against the reference", async () => {
  const { texts, specials, tokens, merges } = (await readFixture("engines.json")).byteLevel;
  const words = countTexts(texts, {
    kind: "byte-level",
    pattern: "gpt2",
    prepend: "never",
    digits: "joined",
  });
  const vocabulary = finish(
    trainBpe(words, { vocabSize: tokens.length, specialTokens: specials, byteLevel: true }),
  );
  assert.deepEqual(vocabulary.tokens, tokens);
  assert.deepEqual(vocabulary.merges, merges);
});
