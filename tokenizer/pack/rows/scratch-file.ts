import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { PARTIAL } from "../../../pipeline/runtime/files.ts";
import type { TokenIds } from "../../engine/token-ids.ts";
import { bytesOf } from "../shards/ids.ts";

/**
 * A file of ids that appears under its name only when it is complete and durable. Unlike `AtomicFile` it has no hash:
 * nobody would compare it, and what is wrong in a scratch file `verify` finds in the rows.
 */
export class ScratchFile {
  readonly #path: string;
  #descriptor: number | undefined;

  /** @param path in a folder that is there */
  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path + PARTIAL, "w");
  }

  /**
   * Appends ids; written at once, so that their memory may be used again.
   *
   * @throws the system's error, such as a full disk, with the file's path, which Node leaves out of it
   */
  write(ids: TokenIds): void {
    const bytes = bytesOf(ids);
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#descriptor!, bytes, done, bytes.length - done);
    } catch (error) {
      throw error instanceof Error ? Object.assign(error, { path: this.#path }) : error;
    }
  }

  /** Makes the content durable and gives it its name; the name is durable with the next file of the folder that is. */
  commit(): void {
    fsyncSync(this.#descriptor!);
    this.#close();
    renameSync(this.#path + PARTIAL, this.#path);
  }

  /** Drops what was written. Safe to call after `commit`, where it does nothing. */
  discard(): void {
    if (this.#descriptor === undefined) return;
    this.#close();
    rmSync(this.#path + PARTIAL, { force: true });
  }

  #close(): void {
    closeSync(this.#descriptor!);
    this.#descriptor = undefined;
  }
}
