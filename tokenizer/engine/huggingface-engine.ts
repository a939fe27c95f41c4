import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { UserError } from "../../pipeline/runtime/errors.ts";
import type { TextStream } from "./decoder.ts";
import type { Engine, TextPiece } from "./engine.ts";
import type { TokenIds } from "./token-ids.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Its own default would also take spaces before punctuation away, which the reference does not do. */
const DECODING = { skip_special_tokens: false, clean_up_tokenization_spaces: false };

/** A file may leave out what it does not have; this library wants to be told. */
const NOTHING = {
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
};

/** Tokens decoded again before a new one, so that it is not taken for the first of a text. */
const CONTEXT = 16;

/** `@huggingface/tokenizers` behind our interface, for whatever our own engine does not implement. */
export class HuggingFaceEngine implements Engine {
  readonly name = "huggingface";
  readonly #parsing: HuggingFaceTokenizer;
  /** The same without special tokens: it takes a literal `<s>` in text for text. */
  readonly #plain: HuggingFaceTokenizer;
  readonly #specials: readonly string[];
  readonly #wide: boolean;
  #ids: number[] = [];

  /**
   * @param json the parsed tokenizer.json
   * @param specials names of its special tokens
   * @param wide ids may exceed 65,535
   * @throws UserError when it cannot run this tokenizer either
   */
  constructor(json: object, specials: readonly string[], wide: boolean) {
    this.#parsing = open(json);
    const added: unknown = Reflect.get(json, "added_tokens");
    const kept = Array.isArray(added) ? added.filter((token) => token?.special !== true) : [];
    this.#plain = open({ ...json, added_tokens: kept });
    this.#specials = specials;
    this.#wide = wide;
  }

  get length(): number {
    return this.#ids.length;
  }

  push(id: number): void {
    this.#ids.push(id);
  }

  pushText(text: string, parseSpecials: boolean): void {
    if (text === "") return;
    const tokenizer = parseSpecials ? this.#parsing : this.#plain;
    for (const id of tokenizer.encode(text, { add_special_tokens: false }).ids) this.#ids.push(id);
  }

  pushUtf8(text: Uint8Array, parseSpecials: boolean): void {
    this.pushText(utf8.decode(text), parseSpecials);
  }

  /** This engine cannot encode a piece in the middle of a text: a special token's name in a text is refused. */
  pushPieces(pieces: readonly TextPiece[]): void {
    for (const piece of pieces) {
      if (!("text" in piece)) continue;
      const literal = this.#specials.find((special) => piece.text.includes(special));
      if (literal !== undefined) throw new RangeError(`the text contains the special token ${literal}`);
    }
    this.pushText(pieces.map((piece) => ("text" in piece ? piece.text : piece.special)).join(""), true);
  }

  /** It does not say where ids come from. */
  locate(): undefined {}

  take(): TokenIds {
    const ids = this.#wide ? Uint32Array.from(this.#ids) : Uint16Array.from(this.#ids);
    this.#ids = [];
    return ids;
  }

  reset(): void {
    this.#ids = [];
  }

  decode(ids: readonly number[]): string {
    if (ids.length === 0) return ""; // it throws
    return this.#parsing.decode([...ids], DECODING);
  }

  /**
   * Decodes again with every token and answers what is new; an unfinished character shows as a trailing U+FFFD and
   * is held back. Once text is complete only its last tokens are kept, as the context of those to come.
   */
  stream(): TextStream {
    let ids: number[] = [];
    let shown = "";
    return {
      push: (id) => {
        ids.push(id);
        const text = this.decode(ids);
        if (text.endsWith("\ufffd")) return "";
        const fresh = text.slice(shown.length);
        ids = ids.length > CONTEXT * 2 ? ids.slice(-CONTEXT) : ids;
        shown = this.decode(ids);
        return fresh;
      },
      end: () => this.decode(ids).slice(shown.length),
    };
  }
}

function open(json: object): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer({ ...NOTHING, ...json }, {});
  } catch (error) {
    // It throws whatever comes up, also on parts nested without end
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new UserError(`tokenizer.json: neither engine can run it; @huggingface/tokenizers says: ${reason}`);
  }
}
