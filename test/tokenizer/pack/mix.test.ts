import assert from "node:assert/strict";
import { it } from "node:test";
import type { Corpus } from "../../../pipeline/corpus.ts";
import { sharesForMix } from "../../../tokenizer/training/mix.ts";

function corpus(sizes: Record<string, number>, mix: Record<string, number>): Corpus {
  const files = Object.entries(sizes).map(([group, textBytes]) => ({
    path: group,
    name: group,
    group,
    bytes: textBytes,
    textBytes,
    sha256: undefined,
  }));
  return { path: "clean", files, mix, fingerprint: "", nearDeduplicated: true };
}

it("the mix keeps the scarcest group whole and the others in proportion", () => {
  const shares = sharesForMix(corpus({ web: 800, wiki: 100, books: 100 }, { web: 2, wiki: 1, books: 1 }));
  assert.deepEqual(shares, { web: 0.25, wiki: 1, books: 1 });
  assert.throws(() => sharesForMix(corpus({ web: 1 }, { wiki: 1 })), /no weight for its group web/);
});
