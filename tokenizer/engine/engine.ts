import type { BpeModelOptions } from "./bpe-tables.ts";
import type { TextStream } from "./decoder.ts";
import type { LocatedIds } from "./offset-encoder.ts";
import type { PreTokenization } from "./pre-tokenizer.ts";
import type { TokenIds } from "./token-ids.ts";

/**
 * `apt3`: our own; `apt3-native`: the same with a compiled encoder; `huggingface`: `@huggingface/tokenizers`, for
 * tokenizers with parts ours does not have.
 */
export type EngineName = "apt3" | "apt3-native" | "huggingface";

/** What turns text into ids and back; `Tokenizer` is the same whichever engine it runs on. */
export interface Engine {
  readonly name: EngineName;
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

/** The part of our own engine that encodes ordinary text; it belongs to one thread. */
export interface Encoder {
  readonly name: EngineName;
  /** Number of ids since the last `take` or `reset`. */
  readonly length: number;
  /** Appends an id. */
  push(id: number): void;
  /**
   * Appends the ids of a piece of text; special tokens in it are ordinary text. Lone surrogates count as U+FFFD.
   *
   * @param atStart whether the piece begins the whole text, which prepend scheme "first" asks
   */
  pushText(text: string, atStart: boolean): void;
  /**
   * The same for UTF-8. What is not UTF-8 counts as U+FFFD, as TextDecoder has it, where words are of characters;
   * where they are of bytes it must not occur.
   */
  pushUtf8(text: Uint8Array, atStart: boolean): void;
  /** The ids so far as an array of their own; the encoder starts anew. */
  take(): TokenIds;
  /** Drops the ids so far. */
  reset(): void;
}

/** What an encoder is made of. */
export interface EncoderParts {
  readonly ids: ReadonlyMap<string, number>;
  /** In order of rank. */
  readonly merges: readonly (readonly [string, string])[];
  readonly options: BpeModelOptions;
  readonly preTokenization: PreTokenization;
  /** Ids may exceed 65,535. */
  readonly wide: boolean;
}

/** Makes an encoder, or undefined where this kind of encoder does not do such a tokenizer. */
export type MakeEncoder = (parts: EncoderParts) => Encoder | undefined;

/** Ordinary text, or the name of a special token. */
export type TextPiece = { readonly text: string } | { readonly special: string };
