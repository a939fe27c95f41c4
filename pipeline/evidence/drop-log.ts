import type { CleanResult } from "../clean.worker.ts";
import { type Archive, placeOf, type Reject, type Rejects } from "./evidence.ts";
import { RejectArchive } from "./reject-archive.ts";
import { RejectSample } from "./reject-sample.ts";

export interface DropLogOptions {
  /** Where whole documents go. */
  readonly path: string;
  readonly rejects: Rejects;
  /** How people name a data set's input. */
  readonly fileOf: (dataset: string, input: number) => string;
}

/** A document as it stands in a shard. */
interface ShardDocument {
  readonly text: string;
  readonly meta: { readonly id: string; readonly source: string };
}

/** What is dropped from one unit: a few excerpts for each reason, or in addition all of it whole. */
export class DropLog {
  readonly #options: DropLogOptions;
  readonly #sample = new RejectSample();
  #archive: RejectArchive | undefined;

  private constructor(options: DropLogOptions, archive: RejectArchive | undefined) {
    this.#options = options;
    this.#archive = archive;
  }

  static async create(options: DropLogOptions): Promise<DropLog> {
    return new DropLog(
      options,
      options.rejects === "all" ? await RejectArchive.create(options.path) : undefined,
    );
  }

  /** Takes over what the workers dropped of a block. */
  addBlock({ rejects, rejected }: Pick<CleanResult, "rejects" | "rejected">): void {
    for (const reject of rejects) this.#sample.add(reject, reject.step, reject.reason, () => reject.excerpt);
    for (const [i, end] of rejected.ends.entries())
      this.#archive?.addLine(
        rejected.kinds[i] as string,
        rejected.records.subarray(i === 0 ? 0 : rejected.ends[i - 1], end),
      );
  }

  /** Drops a document that had come as far as a shard; it is read only if it is written anywhere. */
  addDocument(step: string, reason: string, read: () => ShardDocument): void {
    if (this.#archive === undefined && this.#sample.isFull(step, reason)) return;
    const { text, meta } = read();
    const { id, source } = meta;
    const { input, line } = placeOf(id);
    this.#sample.add({ input, line }, step, reason, () => text);
    const file = this.#options.fileOf(source, input);
    this.#archive?.add({ id, source, file, line, step, reason }, text);
  }

  /** Writes what is enough to be written. To be called now and then between additions. */
  async settle(): Promise<void> {
    await this.#archive?.settle();
  }

  async commit(): Promise<{ rejects: Reject[]; archives: Archive[] }> {
    const archive = await this.#archive?.commit();
    return { rejects: this.#sample.sample, archives: archive === undefined ? [] : [archive] };
  }

  /** Drops what was written. Safe to call after `commit`, where it does nothing. */
  async discard(): Promise<void> {
    await this.#archive?.discard();
  }
}
