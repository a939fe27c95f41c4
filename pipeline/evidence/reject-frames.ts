import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../runtime/errors.ts";
import { exists, isCode, syncFolder } from "../runtime/files.ts";
import { ARCHIVE_ENDING, type Archive, type UnitEvidence } from "./evidence.ts";

/** Where all rejects are published, and the journal whose archives they come from. */
export interface RejectFolders {
  readonly out: string;
  readonly journal: string;
}

/** A piece of a published file: zstd of JSON lines. */
export interface RejectFrame {
  readonly kind: string;
  readonly frame: Uint8Array;
}

/** The file that holds all rejects of a kind. */
export const publishedRejects = (out: string, kind: string) => join(out, "rejects", `${kind}.jsonl.zst`);

/** Where published files wait while those are written that take their place. */
const earlierRejects = (journal: string) => join(journal, "earlier-rejects");

/**
 * Reads the frames of all rejects, archive by archive in the order in which they are published.
 *
 * Rejects lie on disk once. A run writes archives, publishes what is in them by kind, and removes them when the manifest says
 * that all is there (`removeArchives`). A later run with more data sets finds the archives of the earlier one gone: their
 * frames stand in the published files, in the same order, since it goes through the same units in that order and only
 * adds others. Before anything is published anew, those files are moved into the journal, so that a kill while the
 * new ones get their names takes nothing away: what a run reads from never is what it writes.
 */
export class RejectFrames {
  readonly #folders: RejectFolders;
  readonly #earlier = new Map<string, FrameReader>();

  constructor(folders: RejectFolders) {
    this.#folders = folders;
  }

  /** @throws UserError when a file is not as it was written */
  async *of({ file, frames }: Archive): AsyncGenerator<RejectFrame> {
    const archive = await FrameReader.open(join(this.#folders.journal, file));
    try {
      for (const { kind, bytes } of frames)
        yield { kind, frame: await (archive ?? (await this.#earlierOf(kind))).read(bytes) };
    } finally {
      await archive?.close();
    }
  }

  /** To be called behind the last archive: whether the files of the earlier run held nothing else. */
  async requireAllRead(): Promise<void> {
    for (const file of this.#earlier.values()) await file.requireEnd();
  }

  async close(): Promise<void> {
    for (const file of this.#earlier.values()) await file.close();
  }

  async #earlierOf(kind: string): Promise<FrameReader> {
    const found = this.#earlier.get(kind);
    if (found !== undefined) return found;
    const published = publishedRejects(this.#folders.out, kind);
    const folder = earlierRejects(this.#folders.journal);
    const path = join(folder, `${kind}.jsonl.zst`);
    if (!(await exists(path)) && (await exists(published))) {
      await mkdir(folder, { recursive: true });
      await rename(published, path);
      await syncFolder(folder);
    }
    const file = await FrameReader.open(path);
    if (file === undefined) throw notAsWritten(published, "missing");
    this.#earlier.set(kind, file);
    return file;
  }
}

/**
 * Whether the rejects that an earlier run published are all there: a run that goes on from it has nothing else to take
 * them from.
 *
 * @throws UserError when a file is missing or has another size
 */
export async function requirePublished(out: string, units: AsyncIterable<UnitEvidence>): Promise<void> {
  const expected = new Map<string, number>();
  for await (const { evidence } of units) {
    for (const { kind, bytes } of evidence.archives.flatMap(({ frames }) => frames))
      expected.set(kind, (expected.get(kind) ?? 0) + bytes);
  }
  for (const [kind, bytes] of expected) {
    const path = publishedRejects(out, kind);
    if (!(await exists(path))) throw notAsWritten(path, "missing");
    const { size } = await stat(path);
    if (size !== bytes) throw notAsWritten(path, `${size} bytes, written were ${bytes}`);
  }
}

/** Removes the archives of what is published. */
export async function removeArchives(journal: string): Promise<void> {
  for (const name of await readdir(journal))
    if (name.endsWith(ARCHIVE_ENDING)) await rm(join(journal, name), { force: true });
  await rm(earlierRejects(journal), { recursive: true, force: true });
}

const notAsWritten = (path: string, what: string) =>
  new UserError(`${path}: ${what}; put it back as it was, or choose another --out`);

/** Reads a file of frames from its beginning to its end. */
class FrameReader {
  readonly #path: string;
  readonly #file: FileHandle;
  #position = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Undefined when there is no such file. */
  static async open(path: string): Promise<FrameReader | undefined> {
    try {
      return new FrameReader(path, await open(path, "r"));
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  async read(bytes: number): Promise<Uint8Array> {
    const frame = new Uint8Array(bytes);
    const { bytesRead } = await this.#file.read(frame, 0, bytes, this.#position);
    this.#position += bytesRead;
    if (bytesRead < bytes) throw notAsWritten(this.#path, `cut off at byte ${this.#position}`);
    return frame;
  }

  async requireEnd(): Promise<void> {
    const { size } = await this.#file.stat();
    if (size !== this.#position)
      throw notAsWritten(this.#path, `${size} bytes, written were ${this.#position}`);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
