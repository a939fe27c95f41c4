import fc from "fast-check";
import { type JsonText, jsonBytes } from "../../pipeline/measures/json-text.ts";
import { openNativeJson } from "../../pipeline/measures/native/native-json.ts";
import { openNativeReader } from "../../pipeline/measures/native/native-reader.ts";
import type { TextReader } from "../../pipeline/measures/text-reader.ts";
import { mixedTexts, sampleTexts } from "../pipeline/measures/texts.ts";

/*
 * Runs under the sanitizers (see run.ts): the native reader of the cleaning steps and of JSON on texts of every kind and length. What
 * it says is checked elsewhere.
 */

const reader = openNativeReader("sanitize") as TextReader;
const json = openNativeJson("sanitize") as JsonText;
const samples = sampleTexts();
const pieces = samples.flatMap((text) => Array.from({ length: 150 }, (_, length) => text.slice(0, length)));
for (const text of [
  ...samples,
  ...pieces,
  ...fc.sample(mixedTexts, 300),
  "ą".repeat(9000),
  "\n".repeat(9000),
]) {
  json.write(text, Buffer.alloc(jsonBytes(text)), 0);
  const line = Buffer.from(`{"text": ${JSON.stringify(text)}}`);
  for (const bytes of [line, line.subarray(0, -2), Buffer.from(line.toString().replaceAll(" ", "\\"))])
    json.readLeading(Uint8Array.from(bytes)); // in memory of their own, which ends where they do
  reader.scan(text);
  reader.unlikely(text);
  reader.numbers(text);
  reader.hasNotice(text);
  reader.closeGaps(text);
  const words = reader.words(text);
  reader.ngramBounds(words);
  for (const n of [2, 10]) reader.topNgram(words, n) + reader.repeatedNgrams(words, n);
}
process.stdout.write("text reader: without a finding\n");
