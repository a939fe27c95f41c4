import fc from "fast-check";
import type { Encoder } from "../../tokenizer/engine/engine.ts";
import { makeNativeEncoder } from "../../tokenizer/native/native-encoder.ts";
import { encodersToCompare, mixedTexts, smallTokenizer } from "../tokenizer/encoder-cases.ts";

/*
 * Runs under the sanitizers (see run.ts): the native encoder on texts of every kind, with caches that are emptied, and on
 * words of every length, at the end of a buffer that has no byte to spare. Ids are checked elsewhere.
 */

for (const { name, wide, cachedWords = 2 ** 12 } of encodersToCompare) {
  const tokenizer = smallTokenizer(wide);
  for (const byteFallback of [false, true]) {
    const parts = { ...tokenizer, options: { ...tokenizer.options, byteFallback } };
    const encoder = makeNativeEncoder(parts, { variant: "sanitize", cachedWords }) as Encoder;
    const texts = fc.sample(fc.oneof(mixedTexts, fc.string({ unit: "binary", maxLength: 60 })), 200);
    const words = Array.from({ length: 300 }, (_, length) => `${"ą".repeat(length)} ${"ab".repeat(length)}`);
    for (const text of [...texts, ...words, "ab".repeat(200_000)]) {
      encoder.pushText(text, true);
      encoder.pushUtf8(new TextEncoder().encode(text), false);
      encoder.take();
    }
  }
  process.stdout.write(`encoder, ${name}: without a finding\n`);
}
