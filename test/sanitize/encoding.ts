import fc from "fast-check";
import type { Encoder } from "../../tokenizer/engine/engine.ts";
import { makeNativeEncoder } from "../../tokenizer/native/native-encoder.ts";
import { encodersToCompare, mixedBytes, mixedTexts } from "../tokenizer/engine/encoder-cases.ts";

/*
 * Runs under the sanitizers (see run.ts): the native encoder on texts of every kind, with caches that are emptied, and on
 * words of every length. Ids are checked elsewhere.
 */

for (const { name, parts, cachedWords } of encodersToCompare) {
  const encoder = makeNativeEncoder(parts, { variant: "sanitize", cachedWords }) as Encoder;
  const words = Array.from({ length: 300 }, (_, length) => `${"ą".repeat(length)} ${"ab".repeat(length)}`);
  for (const text of [...fc.sample(mixedTexts, 100), ...words, "ab".repeat(100_000)]) {
    encoder.pushText(text, true);
    encoder.pushUtf8(new TextEncoder().encode(text), false);
    encoder.take();
  }
  for (const bytes of fc.sample(mixedBytes, 300)) encoder.pushUtf8(bytes, true);
  process.stdout.write(`encoder, ${name}: without a finding\n`);
}
