import { METASPACE } from "./pre-tokenizer.ts";

/** How tokens become text again. */
export interface DecoderStyle {
  /** Tokens like `<0xC4>` are bytes. */
  readonly byteFallback: boolean;
  /**
   * What of the text's beginning is dropped, being the "▁" the encoder put there: every "▁" of the first token
   * (decoder `Metaspace`), one leading space (`Strip`), or nothing.
   */
  readonly dropped: "first-metaspace" | "one-space" | "nothing";
}

/** Text coming token by token: what `push` and then `end` answer, joined, is the whole decoding. */
export interface TextStream {
  /** @returns the text that is certain now; empty while bytes of a character are missing */
  push(id: number): string;
  /** @returns what was held back */
  end(): string;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Turns ids into text. */
export class TokenDecoder {
  readonly #style: DecoderStyle;
  /** Text of each id, "▁" as a space; undefined where no token has the id. */
  readonly #texts: readonly (string | undefined)[];
  readonly #bytes: ReadonlyMap<number, number>;

  /** @param tokens token of each id */
  constructor(tokens: readonly (string | undefined)[], style: DecoderStyle) {
    this.#style = style;
    this.#texts = tokens.map((token) => token?.replaceAll(METASPACE, " "));
    this.#bytes = new Map(style.byteFallback ? [...byteTokens(tokens)] : []);
    this.#metaspaces = tokens;
  }

  readonly #metaspaces: readonly (string | undefined)[];

  /** @throws RangeError when an id belongs to no token */
  decode(ids: Iterable<number>): string {
    const stream = this.stream();
    let text = "";
    for (const id of ids) text += stream.push(id);
    return text + stream.end();
  }

  /**
   * A stream of its own state. A run of byte tokens is held back until it ends, because the reference decides
   * about the run as a whole: text when all of it is UTF-8, else one U+FFFD for each byte.
   */
  stream(): TextStream {
    const run: number[] = [];
    let isFirstToken = true;
    let isFirstText = true;
    const emit = (text: string): string => {
      if (!isFirstText || text === "") return text;
      isFirstText = false;
      return this.#style.dropped === "one-space" && text.startsWith(" ") ? text.slice(1) : text;
    };
    const endRun = (): string => emit(decodeRun(run.splice(0)));
    return {
      push: (id) => {
        const byte = this.#bytes.get(id);
        if (byte !== undefined) {
          run.push(byte);
          isFirstToken = false;
          return "";
        }
        const before = run.length > 0 ? endRun() : "";
        const text = before + emit(this.#textOf(id, isFirstToken));
        isFirstToken = false;
        return text;
      },
      end: endRun,
    };
  }

  #textOf(id: number, isFirst: boolean): string {
    const text = this.#texts[id];
    if (text === undefined)
      throw new RangeError(`id ${id} belongs to no token (0 to ${this.#texts.length - 1} do)`);
    if (!isFirst || this.#style.dropped !== "first-metaspace") return text;
    return (this.#metaspaces[id] as string).replaceAll(METASPACE, "");
  }
}

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
