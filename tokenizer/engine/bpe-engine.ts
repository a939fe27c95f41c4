import type { BpeTokenizerJson } from "../tokenizer-json.ts";
import { BpeModel } from "./bpe-model.ts";
import type { BpePlan, UnicodeForm } from "./bpe-plan.ts";
import { makeDecoder, type TextDecoding, type TextStream } from "./decoder.ts";
import { BpeEncoder } from "./encoder.ts";
import type { Encoder, Engine, EngineName, MakeEncoder, TextPiece } from "./engine.ts";
import { type LocatedIds, OffsetEncoder } from "./offset-encoder.ts";
import type { TokenIds } from "./token-ids.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Our own engine. */
export class BpeEngine implements Engine {
  readonly name: EngineName;
  readonly #encoder: Encoder;
  readonly #makeLocator: () => OffsetEncoder;
  #locator: OffsetEncoder | undefined;
  readonly #decoder: TextDecoding;
  readonly #unicodeForm: UnicodeForm | undefined;
  readonly #isByteLevel: boolean;
  readonly #specials: ReadonlyMap<string, number>;
  /** Finds special tokens in text: the leftmost, of those the longest. Undefined when there are none. */
  readonly #specialPattern: RegExp | undefined;

  /**
   * @param tokens token of each id, added tokens included
   * @param makeEncoder tried first; where it makes none, the encoder in TypeScript is taken
   */
  constructor(
    json: BpeTokenizerJson,
    plan: BpePlan,
    tokens: readonly (string | undefined)[],
    makeEncoder: MakeEncoder,
  ) {
    const { preTokenization } = plan;
    const { vocab: ids, merges, ...model } = json.model;
    const options = {
      unkToken: model.unk_token ?? undefined,
      fuseUnk: model.fuse_unk,
      byteFallback: model.byte_fallback,
      ignoreMerges: model.ignore_merges,
      byteLevel: preTokenization.kind === "byte-level",
    };
    const wide = tokens.length > 1 << 16;
    const makeModel = () => new BpeModel(ids, merges, options);
    this.#makeLocator = () => new OffsetEncoder(makeModel(), preTokenization);
    this.#encoder =
      makeEncoder({ ids, merges, options, preTokenization, wide }) ??
      new BpeEncoder(makeModel(), preTokenization, wide);
    this.name = this.#encoder.name;
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
    this.#forEachPiece(text, (piece, from) => {
      if ("text" in piece) this.#push(piece.text, from === 0);
      else this.#encoder.push(this.#specials.get(piece.special) as number);
    });
  }

  locate(text: string, parseSpecials: boolean): LocatedIds | undefined {
    if (this.#unicodeForm !== undefined) return undefined; // the form has other offsets than the text
    this.#locator ??= this.#makeLocator();
    const locator = this.#locator;
    const located: LocatedIds = { ids: [], offsets: [] };
    if (!parseSpecials) locator.push(text, 0, located);
    else {
      this.#forEachPiece(text, (piece, from) => {
        if ("text" in piece) locator.push(piece.text, from, located);
        else {
          located.ids.push(this.#specials.get(piece.special) as number);
          located.offsets.push(from, from + piece.special.length);
        }
      });
    }
    return located;
  }

  #forEachPiece(text: string, take: (piece: TextPiece, from: number) => void): void {
    let from = 0;
    for (const match of this.#specialPattern === undefined ? [] : text.matchAll(this.#specialPattern)) {
      take({ text: text.slice(from, match.index) }, from);
      take({ special: match[0] }, match.index);
      from = match.index + match[0].length;
    }
    take({ text: text.slice(from) }, from);
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
