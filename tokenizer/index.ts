/** The public API `apt3/tokenizer`: works in Node and in browsers. */
export type { ChatMessage } from "./chat-template.ts";
export type { TextStream } from "./engine/decoder.ts";
export type { TokenIds } from "./engine/token-ids.ts";
export { type DecodeOptions, type EncodeOptions, type Encoding, Tokenizer } from "./tokenizer.ts";
