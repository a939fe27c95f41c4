import { basename } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import { AtomicFile } from "../runtime/files.ts";
import { type Archive, kindOf } from "./evidence.ts";

/** Text of one kind that becomes a frame; so much of every kind is in memory at most. */
const FRAME_BYTES = 1 << 20;
const FIRST_BYTES = 1 << 12;

const compress = promisify(zstdCompress);

/** A whole document that was dropped, on its way to its archive. */
export interface RejectedDocument {
  readonly id: string;
  readonly source: string;
  readonly file: string;
  readonly line: number;
  readonly step: string;
  readonly reason: string;
}

/**
 * All rejects of one unit in one file: zstd frames of JSON lines, each of one kind, so that later the frames of a kind
 * can be put behind each other without being inflated. Where frames end depends on the documents alone.
 */
export class RejectArchive {
  readonly #file: AtomicFile;
  readonly #pending = new Map<string, Lines>();
  readonly #frames: Archive["frames"] = [];

  private constructor(file: AtomicFile) {
    this.#file = file;
  }

  static async create(path: string): Promise<RejectArchive> {
    return new RejectArchive(await AtomicFile.create(path));
  }

  /** Adds a finished line; its memory may be used again at once. */
  addLine(kind: string, line: Uint8Array): void {
    const lines = this.#pending.get(kind) ?? new Lines();
    this.#pending.set(kind, lines);
    lines.add(line);
  }

  add(document: RejectedDocument, text: string): void {
    const line = `${JSON.stringify({ text: text.toWellFormed(), meta: document })}\n`;
    this.addLine(kindOf(document.step, document.reason), Buffer.from(line));
  }

  /** Writes what is enough for a frame. To be called now and then between additions. */
  async settle(): Promise<void> {
    for (const [kind, lines] of this.#pending)
      if (lines.bytes.length >= FRAME_BYTES) await this.#flush(kind, lines);
  }

  async commit(): Promise<Archive> {
    for (const [kind, lines] of [...this.#pending].sort(([a], [b]) => (a < b ? -1 : 1)))
      if (lines.documents > 0) await this.#flush(kind, lines);
    await this.#file.commit();
    return { file: basename(this.#file.path), frames: this.#frames };
  }

  /** Drops what was written. Safe to call after `commit`, where it does nothing. */
  async discard(): Promise<void> {
    await this.#file.discard();
  }

  async #flush(kind: string, lines: Lines): Promise<void> {
    const frame = await compress(lines.bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
    await this.#file.write(frame);
    this.#frames.push({ kind, documents: lines.documents, bytes: frame.length });
    lines.clear();
  }
}

/** Lines in one piece of memory that grows. */
class Lines {
  documents = 0;
  #memory = Buffer.alloc(FIRST_BYTES);
  #length = 0;

  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#length);
  }

  add(line: Uint8Array): void {
    if (this.#memory.length - this.#length < line.length) {
      const grown = Buffer.alloc(Math.max(this.#memory.length * 2, this.#length + line.length));
      grown.set(this.bytes);
      this.#memory = grown;
    }
    this.#memory.set(line, this.#length);
    this.#length += line.length;
    this.documents += 1;
  }

  clear(): void {
    this.documents = 0;
    this.#length = 0;
    if (this.#memory.length > FRAME_BYTES * 2) this.#memory = Buffer.alloc(FIRST_BYTES); // one long text had grown it
  }
}
