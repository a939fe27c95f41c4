import { LETTER_BYTES } from "./byte-level.ts";
import { METASPACE } from "./pre-tokenizer.ts";

/** How tokens become text again. */
export type DecoderStyle =
  | {
      readonly kind: "metaspace";
      /** Tokens like `<0xC4>` are bytes. */
      readonly byteFallback: boolean;
      /**
       * What of the text's beginning is dropped, being the "▁" the encoder put there: every "▁" of the first token
       * (decoder `Metaspace`), one leading space (`Strip`), or nothing.
       */
      readonly dropped: "first-metaspace" | "one-space" | "nothing";
    }
  /** Every letter of a token is a byte (`BYTE_LETTERS`). */
  | { readonly kind: "byte-level" };

/** Text coming token by token: what `push` and then `end` answer, joined, is the whole decoding. */
export interface TextStream {
  /** @returns the text that is certain now; empty while bytes of a character are missing */
  push(id: number): string;
  /** @returns what was held back */
  end(): string;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Turns ids into text. */
export interface TextDecoding {
  /** @throws RangeError when an id belongs to no token */
  decode(ids: Iterable<number>): string;
  /** A stream of its own state. */
  stream(): TextStream;
}

/** @param tokens token of each id */
export function makeDecoder(tokens: readonly (string | undefined)[], style: DecoderStyle): TextDecoding {
  const open = style.kind === "byte-level" ? byteLevelStreams(tokens) : metaspaceStreams(tokens, style);
  return {
    stream: open,
    decode(ids) {
      const stream = open();
      let text = "";
      for (const id of ids) text += stream.push(id);
      return text + stream.end();
    },
  };
}

/**
 * Streams of tokens that are text. A run of byte tokens is held back until it ends, because the reference decides
 * about the run as a whole: text when all of it is UTF-8, else one U+FFFD for each byte.
 */
function metaspaceStreams(
  tokens: readonly (string | undefined)[],
  { byteFallback, dropped }: Extract<DecoderStyle, { kind: "metaspace" }>,
): () => TextStream {
  const texts = tokens.map((token) => token?.replaceAll(METASPACE, " "));
  const bytes = new Map(byteFallback ? byteTokens(tokens) : []);
  const textOf = (id: number, isFirst: boolean): string => {
    const text = texts[id];
    if (text === undefined) throw noToken(id, tokens);
    if (!isFirst || dropped !== "first-metaspace") return text;
    return (tokens[id] as string).replaceAll(METASPACE, "");
  };
  return () => {
    const run: number[] = [];
    let isFirstToken = true;
    let isFirstText = true;
    const emit = (text: string): string => {
      if (!isFirstText || text === "") return text;
      isFirstText = false;
      return dropped === "one-space" && text.startsWith(" ") ? text.slice(1) : text;
    };
    const endRun = (): string => emit(decodeRun(run.splice(0)));
    return {
      push: (id) => {
        const byte = bytes.get(id);
        if (byte !== undefined) {
          run.push(byte);
          isFirstToken = false;
          return "";
        }
        const before = run.length > 0 ? endRun() : "";
        const text = before + emit(textOf(id, isFirstToken));
        isFirstToken = false;
        return text;
      },
      end: endRun,
    };
  };
}

/** Streams of tokens that are bytes; an unfinished character is held back. */
function byteLevelStreams(tokens: readonly (string | undefined)[]): () => TextStream {
  const utf8 = new TextEncoder();
  const bytes = tokens.map((token) =>
    token === undefined ? undefined : (lettersToBytes(token) ?? utf8.encode(token)),
  );
  return () => {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      push: (id) => {
        const token = bytes[id];
        if (token === undefined) throw noToken(id, tokens);
        return decoder.decode(token, { stream: true });
      },
      end: () => decoder.decode(),
    };
  };
}

/** The bytes a token's letters stand for; undefined when one of them stands for none, as in special tokens. */
function lettersToBytes(token: string): Uint8Array | undefined {
  const bytes = Array.from(token, (letter) => LETTER_BYTES.get(letter));
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : undefined;
}

const noToken = (id: number, tokens: readonly unknown[]) =>
  new RangeError(`id ${id} belongs to no token (0 to ${tokens.length - 1} do)`);

function* byteTokens(tokens: readonly (string | undefined)[]): Generator<[number, number]> {
  for (const [id, token] of tokens.entries()) {
    const hex = token === undefined ? undefined : /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (hex !== undefined) yield [id, Number.parseInt(hex, 16)];
  }
}

function decodeRun(bytes: readonly number[]): string {
  if (bytes.length === 0) return "";
  try {
    return strict.decode(Uint8Array.from(bytes));
  } catch {
    return "\ufffd".repeat(bytes.length);
  }
}
