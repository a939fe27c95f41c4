/** `apt3/tokenizer` in Node: the same, with words encoded in C++ where the addon was compiled. */
import { provideWordEncoder } from "./engine/word-encoder.ts";
import { makeCompiledWordEncoder } from "./native/compiled-words.ts";

provideWordEncoder(makeCompiledWordEncoder);

export * from "./index.ts";
