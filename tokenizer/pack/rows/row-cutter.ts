import type { TokenIds } from "../../engine/encoder.ts";
import { newIds } from "../shards/ids.ts";
import type { Strategy } from "../shards/packed-manifest.ts";
import { bestFit } from "./best-fit.ts";

/** Bytes of ids collected before rows are made of them. */
const BUFFER_BYTES = 8 << 20;

export interface RowOptions {
  readonly seqLen: number;
  /** 32-bit ids, for vocabularies above 65,536. */
  readonly wide: boolean;
  readonly strategy: Strategy;
  /** Fills rows that documents do not; needed by `best-fit` only. */
  readonly padId: number | undefined;
}

/** Makes rows of documents, many at a time. Rows are whole, one behind the other, valid until the next are asked for. */
export interface RowCutter {
  readonly paddingTokens: number;
  add(document: TokenIds): Iterable<TokenIds>;
  /** The rows that are left, once all documents were added. */
  finish(): TokenIds;
  /** Tokens behind the last whole row, after `finish`. */
  readonly tail: TokenIds;
}

/** @param buffer from `newRowBuffer`; the cutter has it to itself until it is finished and its rows are taken */
export function createRowCutter(options: RowOptions, buffer: TokenIds): RowCutter {
  return options.strategy === "concat"
    ? new ConcatCutter(options, buffer)
    : new BestFitCutter(options, buffer);
}

/** Memory for as many rows as are made at a time. */
export function newRowBuffer({ seqLen, wide }: RowOptions): TokenIds {
  return newIds(Math.max(1, Math.floor(BUFFER_BYTES / (seqLen * (wide ? 4 : 2)))) * seqLen, wide);
}

/** One stream of tokens, cut every `seqLen`. */
class ConcatCutter implements RowCutter {
  readonly paddingTokens = 0;
  readonly #seqLen: number;
  readonly #buffer: TokenIds;
  #length = 0;

  constructor({ seqLen }: RowOptions, buffer: TokenIds) {
    this.#seqLen = seqLen;
    this.#buffer = buffer;
  }

  get tail(): TokenIds {
    return this.#buffer.subarray(this.#wholeRows, this.#length);
  }

  get #wholeRows(): number {
    return this.#length - (this.#length % this.#seqLen);
  }

  *add(document: TokenIds): Generator<TokenIds> {
    for (let offset = 0; offset < document.length; ) {
      const part = document.subarray(offset, offset + this.#buffer.length - this.#length);
      this.#buffer.set(part, this.#length);
      this.#length += part.length;
      offset += part.length;
      if (this.#length < this.#buffer.length) continue;
      this.#length = 0;
      yield this.#buffer;
    }
  }

  finish(): TokenIds {
    return this.#buffer.subarray(0, this.#wholeRows);
  }
}

/** Documents whole where they fit a row; longer ones are cut every `seqLen`, and what is left is a piece like others. */
class BestFitCutter implements RowCutter {
  paddingTokens = 0;
  readonly #options: RowOptions;
  readonly #buffer: TokenIds;
  readonly #pieces: number[] = [];
  #length = 0;

  constructor(options: RowOptions, buffer: TokenIds) {
    this.#options = options;
    this.#buffer = buffer;
  }

  get tail(): TokenIds {
    return this.#buffer.subarray(0, 0);
  }

  *add(document: TokenIds): Generator<TokenIds> {
    const { seqLen } = this.#options;
    for (let offset = 0; offset < document.length; offset += seqLen) {
      const piece = document.subarray(offset, offset + seqLen);
      if (this.#length + piece.length > this.#buffer.length) yield this.finish();
      this.#buffer.set(piece, this.#length);
      this.#length += piece.length;
      this.#pieces.push(piece.length);
    }
  }

  finish(): TokenIds {
    const { seqLen, wide, padId } = this.#options;
    const fit = bestFit(Uint32Array.from(this.#pieces), seqLen);
    const rows = newIds(fit.rows * seqLen, wide).fill(padId ?? 0);
    const filled = new Uint32Array(fit.rows);
    let offset = 0;
    for (const [piece, length] of this.#pieces.entries()) {
      const row = fit.row[piece] as number;
      rows.set(this.#buffer.subarray(offset, offset + length), row * seqLen + filled[row]!);
      filled[row]! += length;
      offset += length;
    }
    this.paddingTokens += rows.length - this.#length;
    this.#pieces.length = 0;
    this.#length = 0;
    return rows;
  }
}
