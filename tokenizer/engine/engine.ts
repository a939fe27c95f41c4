import type { TextStream } from "./decoder.ts";
import type { LocatedIds } from "./offset-encoder.ts";
import type { TokenIds } from "./token-ids.ts";

/** What turns text into ids and back; `Tokenizer` is the same whichever engine it runs on. */
export interface Engine {
  /** `apt3`: our own; `huggingface`: `@huggingface/tokenizers`, for tokenizers with parts ours does not have. */
  readonly name: "apt3" | "huggingface";
  /** Number of ids since the last `take` or `reset`. */
  readonly length: number;
  /** Appends an id. */
  push(id: number): void;
  /** Appends the ids of a whole text. */
  pushText(text: string, parseSpecials: boolean): void;
  /** Appends the ids of a whole text in UTF-8. */
  pushUtf8(text: Uint8Array, parseSpecials: boolean): void;
  /** Appends the ids of a text with special tokens in known places, the rest being ordinary text. */
  pushPieces(pieces: readonly TextPiece[]): void;
  /** The ids of a whole text with their places in it; undefined where this engine cannot tell. Apart from the others. */
  locate(text: string, parseSpecials: boolean): LocatedIds | undefined;
  /** The ids so far as an array of their own; starts anew. */
  take(): TokenIds;
  /** Drops the ids so far. */
  reset(): void;
  /** Text of ids; special tokens appear under their names. */
  decode(ids: readonly number[]): string;
  /** A decoding that takes ids one by one. */
  stream(): TextStream;
}

/** Ordinary text, or the name of a special token. */
export type TextPiece = { readonly text: string } | { readonly special: string };
