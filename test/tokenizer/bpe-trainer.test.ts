import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { trainBpe } from "../../tokenizer/bpe-trainer.ts";
import { WordCounter } from "../../tokenizer/word-counter.ts";
import { finish } from "./finish.ts";
import { readFixture } from "./fixtures.ts";

const fixture = await readFixture("trainer.json");

describe("trainBpe against the reference", () => {
  for (const { corpus, options, tokens, merges } of fixture.cases) {
    it(`${corpus} ${JSON.stringify(options)}: ${tokens.length} tokens, ${merges.length} merges`, () => {
      const counter = new WordCounter();
      for (const text of fixture.corpora[corpus] ?? []) counter.add(text);
      const vocabulary = finish(
        trainBpe(counter.sorted(), {
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
