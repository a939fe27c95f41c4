import { isUtf8 } from "node:buffer";
import { type FoundAddon, loadAddon } from "../../native/load.ts";
import { type BpeTables, readBpeTables } from "../engine/bpe-tables.ts";
import { CACHED_WORDS } from "../engine/encoder.ts";
import type { Encoder, EncoderParts } from "../engine/engine.ts";
import { METASPACE, type MetaspaceWords, prependsSpace, SPACE } from "../engine/pre-tokenizer.ts";
import { GrowingIds, type TokenIds } from "../engine/token-ids.ts";

/** A handle to a native object. */
declare const encoderBrand: unique symbol;
interface NativeHandle {
  readonly [encoderBrand]: true;
}

/** What tokenizer/native/addon.cpp exports. */
interface Addon {
  open(tables: BpeTables, words: MetaspaceWords, wide: boolean, cachedWords: number): NativeHandle;
  /** Encodes `text[start, end)`, valid UTF-8, into `ids` from `count` on; returns how many there are then. */
  encode(
    encoder: NativeHandle,
    text: Uint8Array,
    start: number,
    end: number,
    ids: TokenIds,
    count: number,
  ): number;
}

/** Zeros the native side wants after a text. */
const READ_AHEAD = 32;

/** Ids it may write beyond one a byte. */
const SLACK = 4;

const utf8 = new TextEncoder();
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

const found = new Map<string, FoundAddon<Addon>>();

function findAddon(variant: "" | "sanitize"): FoundAddon<Addon> {
  const known = found.get(variant) ?? loadAddon<Addon>("encoder", "tokenizer/native", variant);
  found.set(variant, known);
  return known;
}

/** Why there is no native encoder here; undefined if there is one. */
export function nativeEncoderUnavailable(): string | undefined {
  const addon = findAddon("");
  return "reason" in addon ? addon.reason : undefined;
}

/**
 * The native encoder of a tokenizer whose words are cut at spaces, as all that `train-tokenizer` makes by default;
 * undefined for others, and where the addon was not built.
 *
 * @param variant `sanitize` is the build of `npm run check:sanitize`
 */
export function makeNativeEncoder(
  { ids, merges, options, preTokenization, wide }: EncoderParts,
  { variant = "", cachedWords = CACHED_WORDS }: { variant?: "" | "sanitize"; cachedWords?: number } = {},
): Encoder | undefined {
  if (preTokenization.kind !== "metaspace" || options.ignoreMerges || !ids.has(METASPACE)) return undefined;
  const opened = findAddon(variant);
  if ("reason" in opened) return undefined;
  const tables = readBpeTables(ids, merges, options);
  return new NativeEncoder(
    opened.addon,
    opened.addon.open(tables, preTokenization, wide, cachedWords),
    preTokenization,
    wide,
  );
}

/** BpeEncoder in C++: one call a text, which cuts it into words, looks them up and merges those it has not met. */
class NativeEncoder implements Encoder {
  readonly name = "apt3-native";
  readonly #addon: Addon;
  readonly #handle: NativeHandle;
  readonly #words: MetaspaceWords;
  /** The text being encoded, from byte 1 on; byte 0 is the "▁" put before it. */
  #text = new Uint8Array(1 << 16);
  readonly #ids: GrowingIds;

  constructor(addon: Addon, handle: NativeHandle, words: MetaspaceWords, wide: boolean) {
    this.#addon = addon;
    this.#handle = handle;
    this.#words = words;
    this.#ids = new GrowingIds(wide);
  }

  get length(): number {
    return this.#ids.length;
  }

  take(): TokenIds {
    return this.#ids.take();
  }

  reset(): void {
    this.#ids.length = 0;
  }

  push(id: number): void {
    this.#ids.push(id);
  }

  pushText(text: string, atStart: boolean): void {
    this.#makeRoom(text.length * 3);
    this.#encode(utf8.encodeInto(text, this.#text.subarray(1)).written, atStart);
  }

  pushUtf8(text: Uint8Array, atStart: boolean): void {
    this.#makeRoom(text.length);
    this.#text.set(text, 1);
    if (isUtf8(this.#text.subarray(1, 1 + text.length))) this.#encode(text.length, atStart);
    else this.pushText(lenient.decode(this.#text.subarray(1, 1 + text.length)), atStart);
  }

  #encode(length: number, atStart: boolean): void {
    if (length === 0) return;
    const end = length + 1;
    this.#text.fill(0, end, end + READ_AHEAD);
    this.#text[0] = SPACE;
    const start = prependsSpace(this.#words, this.#text, 1, atStart) ? 0 : 1;
    this.#ids.reserve(end - start + SLACK);
    const { array, length: count } = this.#ids;
    this.#ids.length = this.#addon.encode(this.#handle, this.#text, start, end, array, count);
  }

  #makeRoom(length: number): void {
    const needed = 1 + length + READ_AHEAD;
    if (needed > this.#text.length) this.#text = new Uint8Array(needed + (needed >> 1));
  }
}
