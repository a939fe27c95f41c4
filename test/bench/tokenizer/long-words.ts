import { Tokenizer } from "../../../tokenizer/node.ts";
import { printTable } from "./report.ts";

const SIZES = [1.25e6, 2.5e6, 5e6, 10e6];

/** Single words of up to 10 MB: a time that grows with n · log n keeps the last column about the same. */
export function benchLongWords(json: string): void {
  const tokenizer = Tokenizer.fromJson(json);
  tokenizer.encode(word(1e5)); // compiles the code
  const rows = SIZES.map((size) => {
    const text = word(size);
    const start = performance.now();
    const { length } = tokenizer.encode(text);
    const milliseconds = performance.now() - start;
    const perStep = (milliseconds * 1e6) / (size * Math.log2(size));
    return [(size / 1e6).toFixed(2), length, milliseconds.toFixed(0), perStep.toFixed(2)];
  });
  printTable([["one word of so many million letters", "ids", "ms", "ns / (n · log2 n)"], ...rows]);
}

/** Letters as Polish has them, more or less, without a space. */
function word(length: number): string {
  const letters = "aaiieeooznrwsctykdpmujlłbgęhąóżść";
  let state = 1;
  const parts: string[] = [];
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    parts.push(letters[(state >>> 8) % letters.length] as string);
  }
  return parts.join("");
}
