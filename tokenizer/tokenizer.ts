import { UserError } from "../pipeline/runtime/errors.ts";
import { type ChatMessage, chatPieces } from "./chat-template.ts";
import { BpeEngine } from "./engine/bpe-engine.ts";
import { planBpe } from "./engine/bpe-plan.ts";
import type { TextStream } from "./engine/decoder.ts";
import type { Engine, EngineName, MakeEncoder } from "./engine/engine.ts";
import { HuggingFaceEngine } from "./engine/huggingface-engine.ts";
import type { TokenIds } from "./engine/token-ids.ts";
import { BOS_TOKEN, EOS_TOKEN, PAD_TOKEN, UNK_TOKEN } from "./special-tokens.ts";
import {
  type BpeTokenizerJson,
  isBpe,
  type OtherTokenizerJson,
  parseTokenizerJson,
} from "./tokenizer-json.ts";

export interface EncodeOptions {
  /** Put the beginning-of-text token first. Default false. */
  readonly addBos?: boolean;
  /** Put the end-of-text token last. Default false. */
  readonly addEos?: boolean;
  /**
   * Take the names of special tokens in the text (`</s>`, `[INST]`) for these tokens. Default false: text from
   * outside must not be able to end a document or to change roles in a chat.
   */
  readonly parseSpecials?: boolean;
}

/** Ids, and for each the start and end of what it stands for, in UTF-16 units: `offsets[2i]` and `offsets[2i + 1]`. */
export interface Encoding {
  readonly ids: TokenIds;
  readonly offsets: Uint32Array<ArrayBuffer>;
}

export interface DecodeOptions {
  /** Leave special tokens out instead of writing their names. Default false. */
  readonly skipSpecials?: boolean;
}

/**
 * A tokenizer read from a tokenizer.json: text to ids and back. The ids are those of Hugging Face's `tokenizers`;
 * text is never truncated or padded, whatever the file says of that. An instance keeps a cache of words and
 * buffers of its own and belongs to one thread.
 */
export class Tokenizer {
  /** Number of ids: one more than the largest. */
  readonly vocabSize: number;
  /** Which engine does the work. */
  readonly engine: EngineName;
  /** Ids of the special tokens by their usual names; undefined where the vocabulary has no such token. */
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
  readonly unkId: number | undefined;
  readonly #engine: Engine;
  readonly #tokens: readonly (string | undefined)[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #specialIds: ReadonlySet<number>;

  /** @param makeEncoder tried before the encoder in TypeScript */
  protected constructor(source: string | object, makeEncoder: MakeEncoder = () => undefined) {
    const json = parseTokenizerJson(source);
    const specials = json.added_tokens.filter(({ special }) => special);
    this.#ids = collectIds(json);
    this.#tokens = invert(this.#ids);
    this.#specialIds = new Set(specials.map(({ id }) => id));
    this.vocabSize = this.#tokens.length;
    const plan = isBpe(json) ? planBpe(json) : undefined;
    this.#engine =
      isBpe(json) && plan !== undefined
        ? new BpeEngine(json, plan, this.#tokens, makeEncoder)
        : new HuggingFaceEngine(
            typeof source === "string" ? JSON.parse(source) : source,
            specials.map(({ content }) => content),
            this.vocabSize > 1 << 16,
          );
    this.engine = this.#engine.name;
    this.bosId = this.#ids.get(BOS_TOKEN);
    this.eosId = this.#ids.get(EOS_TOKEN);
    this.padId = this.#ids.get(PAD_TOKEN);
    this.unkId = this.#ids.get(UNK_TOKEN);
  }

  /**
   * @param json the text of a tokenizer.json, or the value parsed from it
   * @throws UserError when it is damaged
   */
  static fromJson(json: string | object): Tokenizer {
    return new Tokenizer(json);
  }

  /** Ids of a text: 16-bit when all ids of the vocabulary fit, else 32-bit. Lone surrogates count as U+FFFD. */
  encode(text: string, options: EncodeOptions = {}): TokenIds {
    this.#begin(options);
    this.#engine.pushText(text, options.parseSpecials ?? false);
    return this.#finish(options);
  }

  /** The same for text in UTF-8. What is not UTF-8 counts as U+FFFD. */
  encodeUtf8(text: Uint8Array, options: EncodeOptions = {}): TokenIds {
    this.#begin(options);
    this.#engine.pushUtf8(text, options.parseSpecials ?? false);
    return this.#finish(options);
  }

  /** Ids of each text. */
  encodeBatch(texts: readonly string[], options: EncodeOptions = {}): TokenIds[] {
    return texts.map((text) => this.encode(text, options));
  }

  /**
   * Ids of a text and the part of it each stands for. Much slower than `encode`.
   *
   * @throws UserError when this tokenizer cannot tell: it changes the text first (NFC, NFKC), or runs on the other engine
   */
  encodeWithOffsets(text: string, options: EncodeOptions = {}): Encoding {
    const located = this.#engine.locate(text, options.parseSpecials ?? false);
    if (located === undefined) throw new UserError("this tokenizer cannot give offsets: encode without them");
    const { ids, offsets } = located;
    if (options.addBos) {
      ids.unshift(required(this.bosId, BOS_TOKEN));
      offsets.unshift(0, 0);
    }
    if (options.addEos) {
      ids.push(required(this.eosId, EOS_TOKEN));
      offsets.push(text.length, text.length);
    }
    return {
      ids: this.vocabSize > 1 << 16 ? Uint32Array.from(ids) : Uint16Array.from(ids),
      offsets: Uint32Array.from(offsets),
    };
  }

  /** Number of ids `encode` would give. */
  count(text: string, options: EncodeOptions = {}): number {
    this.#begin(options);
    this.#engine.pushText(text, options.parseSpecials ?? false);
    const ends = options.addEos ? 1 : 0;
    return this.#engine.length + ends;
  }

  /**
   * Text of ids.
   *
   * @throws RangeError when an id belongs to no token
   */
  decode(ids: Iterable<number>, { skipSpecials = false }: DecodeOptions = {}): string {
    const kept: number[] = [];
    for (const id of ids) {
      this.token(id);
      if (!skipSpecials || !this.#specialIds.has(id)) kept.push(id);
    }
    return this.#engine.decode(kept);
  }

  /** A decoding for ids that come one by one: text appears as soon as it is certain, never half a character. */
  decodeStream({ skipSpecials = false }: DecodeOptions = {}): TextStream {
    const stream = this.#engine.stream();
    return {
      push: (id) => {
        this.token(id);
        return skipSpecials && this.#specialIds.has(id) ? "" : stream.push(id);
      },
      end: () => stream.end(),
    };
  }

  /**
   * Ids of a conversation in Llama-2's chat format, ready for the model to answer. Names of special tokens inside
   * messages stay text.
   *
   * @throws UserError when roles do not alternate, or the vocabulary lacks the tokens of this format
   */
  applyChatTemplate(messages: readonly ChatMessage[]): TokenIds {
    const pieces = chatPieces(messages);
    for (const piece of pieces) {
      if ("special" in piece && !this.#specialIds.has(this.#ids.get(piece.special) ?? -1)) {
        throw new UserError(
          `chat: this tokenizer has no special token ${piece.special}; Llama-2's format needs it`,
        );
      }
    }
    this.#engine.reset();
    this.#engine.pushPieces(pieces);
    return this.#engine.take();
  }

  /**
   * The token of an id, "▁" for a space.
   *
   * @throws RangeError when there is none
   */
  token(id: number): string {
    const token = this.#tokens[id];
    if (token === undefined)
      throw new RangeError(`id ${id} belongs to no token; the vocabulary has ${this.vocabSize}`);
    return token;
  }

  /** Whether a token has this id. */
  has(id: number): boolean {
    return this.#tokens[id] !== undefined;
  }

  /** The id of a token, undefined when the vocabulary lacks it. */
  id(token: string): number | undefined {
    return this.#ids.get(token);
  }

  #begin({ addBos }: EncodeOptions): void {
    this.#engine.reset();
    if (addBos) this.#engine.push(required(this.bosId, BOS_TOKEN));
  }

  #finish({ addEos }: EncodeOptions): TokenIds {
    if (addEos) this.#engine.push(required(this.eosId, EOS_TOKEN));
    return this.#engine.take();
  }
}

function required(id: number | undefined, token: string): number {
  if (id === undefined) throw new UserError(`this tokenizer has no ${token} token`);
  return id;
}

/** All tokens and their ids, added ones included. Of vocabularies that are lists (Unigram) the place is the id. */
function collectIds(json: BpeTokenizerJson | OtherTokenizerJson): Map<string, number> {
  const ids = new Map<string, number>(vocabularyOf(json.model.vocab));
  for (const { content, id } of json.added_tokens) ids.set(content, id);
  return ids;
}

function* vocabularyOf(vocab: unknown): Generator<[string, number]> {
  if (vocab instanceof Map) yield* vocab;
  else if (Array.isArray(vocab)) for (const [id, entry] of vocab.entries()) yield [String(entry?.[0]), id];
  else if (vocab !== null && typeof vocab === "object") {
    for (const [token, id] of Object.entries(vocab)) if (typeof id === "number") yield [token, id];
  }
}

function invert(ids: ReadonlyMap<string, number>): (string | undefined)[] {
  const size = ids.values().reduce((largest, id) => Math.max(largest, id + 1), 0);
  const tokens = new Array<string | undefined>(size).fill(undefined);
  for (const [token, id] of ids) tokens[id] = token;
  return tokens;
}
