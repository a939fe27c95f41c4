import type { BpeTokenizerJson } from "../tokenizer-json.ts";
import { BpeModel } from "./bpe-model.ts";
import { makeDecoder, type TextDecoding, type TextStream } from "./decoder.ts";
import { BpeEncoder, type TokenIds } from "./encoder.ts";
import type { Engine, TextPiece } from "./engine.ts";
import type { NativePlan, UnicodeForm } from "./native-support.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Our own engine. */
export class NativeEngine implements Engine {
  readonly name = "apt3";
  readonly #encoder: BpeEncoder;
  readonly #decoder: TextDecoding;
  readonly #unicodeForm: UnicodeForm | undefined;
  readonly #isByteLevel: boolean;
  readonly #specials: ReadonlyMap<string, number>;
  /** Finds special tokens in text: the leftmost, of those the longest. Undefined when there are none. */
  readonly #specialPattern: RegExp | undefined;

  /** @param tokens token of each id, added tokens included */
  constructor(json: BpeTokenizerJson, plan: NativePlan, tokens: readonly (string | undefined)[]) {
    const { model } = json;
    const bpe = new BpeModel(model.vocab, model.merges, {
      unkToken: model.unk_token ?? undefined,
      fuseUnk: model.fuse_unk,
      byteFallback: model.byte_fallback,
      ignoreMerges: model.ignore_merges,
      byteLevel: plan.preTokenization.kind === "byte-level",
    });
    this.#encoder = new BpeEncoder(bpe, plan.preTokenization, tokens.length > 1 << 16);
    this.#decoder = makeDecoder(tokens, plan.decoderStyle);
    this.#unicodeForm = plan.unicodeForm;
    this.#isByteLevel = plan.preTokenization.kind === "byte-level";
    this.#specials = new Map(json.added_tokens.map(({ content, id }) => [content, id]));
    this.#specialPattern = findAnyOf([...this.#specials.keys()]);
  }

  get length(): number {
    return this.#encoder.length;
  }

  push(id: number): void {
    this.#encoder.push(id);
  }

  pushText(text: string, parseSpecials: boolean): void {
    if (!parseSpecials || this.#specialPattern === undefined) {
      this.#push(text, true);
      return;
    }
    let from = 0;
    for (const match of text.matchAll(this.#specialPattern)) {
      this.#push(text.slice(from, match.index), from === 0);
      this.#encoder.push(this.#specials.get(match[0]) as number);
      from = match.index + match[0].length;
    }
    this.#push(text.slice(from), from === 0);
  }

  pushUtf8(text: Uint8Array, parseSpecials: boolean): void {
    // Only words of characters may be of bytes that are not UTF-8
    if (parseSpecials || this.#unicodeForm !== undefined || this.#isByteLevel) {
      this.pushText(utf8.decode(text), parseSpecials);
    } else this.#encoder.pushUtf8(text, true);
  }

  pushPieces(pieces: readonly TextPiece[]): void {
    pieces.forEach((piece, i) => {
      if ("text" in piece) this.#push(piece.text, i === 0);
      else this.#encoder.push(this.#specials.get(piece.special) as number);
    });
  }

  #push(text: string, atStart: boolean): void {
    this.#encoder.pushText(
      this.#unicodeForm === undefined ? text : text.normalize(this.#unicodeForm),
      atStart,
    );
  }

  take(): TokenIds {
    return this.#encoder.take();
  }

  reset(): void {
    this.#encoder.reset();
  }

  decode(ids: readonly number[]): string {
    return this.#decoder.decode(ids);
  }

  stream(): TextStream {
    return this.#decoder.stream();
  }
}

function findAnyOf(texts: readonly string[]): RegExp | undefined {
  if (texts.length === 0) return undefined;
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  const escaped = longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(escaped.join("|"), "g");
}
