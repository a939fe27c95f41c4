import type { PreTokenization } from "../../../tokenizer/engine/pre-tokenizer.ts";
import { WordCounter } from "../../../tokenizer/training/word-counter.ts";
import type { WordList } from "../../../tokenizer/training/word-list.ts";

const utf8 = new TextEncoder();

/** The words of some texts with their counts. */
export function countTexts(texts: readonly string[], preTokenization?: PreTokenization): WordList {
  const counter = new WordCounter(preTokenization);
  for (const text of texts) counter.add(utf8.encode(text));
  return counter.sorted();
}
