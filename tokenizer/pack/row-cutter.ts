import type { TokenIds } from "../engine/encoder.ts";
import { bestFit } from "./best-fit.ts";
import { newIds } from "./ids.ts";
import type { Strategy } from "./packed-manifest.ts";

/** Bytes of ids collected before rows are made of them. Two of these a worker, and a sorted copy. */
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

export function createRowCutter(options: RowOptions): RowCutter {
  return options.strategy === "concat" ? new ConcatCutter(options) : new BestFitCutter(options);
}

const bufferTokens = ({ seqLen, wide }: RowOptions): number =>
  Math.max(1, Math.floor(BUFFER_BYTES / (seqLen * (wide ? 4 : 2)))) * seqLen;

/** One stream of tokens, cut every `seqLen`. */
class ConcatCutter implements RowCutter {
  readonly paddingTokens = 0;
  readonly #seqLen: number;
  readonly #buffer: TokenIds;
  #length = 0;

  constructor(options: RowOptions) {
    this.#seqLen = options.seqLen;
    this.#buffer = newIds(bufferTokens(options), options.wide);
  }

  get tail(): TokenIds {
    return this.#buffer.subarray(0, this.#length);
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
    const whole = this.#length - (this.#length % this.#seqLen);
    const rows = this.#buffer.slice(0, whole);
    this.#buffer.copyWithin(0, whole, this.#length);
    this.#length -= whole;
    return rows;
  }
}

/** Documents whole where they fit a row; longer ones are cut every `seqLen`, and what is left is a piece like others. */
class BestFitCutter implements RowCutter {
  paddingTokens = 0;
  readonly #options: RowOptions;
  readonly #buffer: TokenIds;
  readonly #pieces: number[] = [];
  #length = 0;

  constructor(options: RowOptions) {
    this.#options = options;
    this.#buffer = newIds(bufferTokens(options), options.wide);
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
