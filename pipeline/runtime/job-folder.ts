import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { UserError } from "./errors.ts";
import { exists, removePartialFiles } from "./files.ts";
import { lockFolder } from "./lock.ts";
import { readJson, writeJson } from "./manifest.ts";

/** What every stage's manifest has: which settings and inputs made the folder, and whether it is finished. */
export interface JobManifest {
  /** Format and version, such as `apt3.clean/2`. */
  readonly format: string;
  /** `fingerprint` of all that decides the output's bytes: inputs, settings, versions of the steps. */
  readonly fingerprint: string;
  /** Set last, when every file of the folder is in its place. */
  readonly complete: boolean;
}

/** An output folder this process has to itself, with what an earlier run of the same job left there. */
export interface JobFolder<Manifest> {
  readonly path: string;
  /** The manifest an earlier run of the same job wrote, finished or not, or that of a job this one extends. */
  readonly found: Manifest | undefined;
  /** Where the job keeps what only an unfinished run needs. Made by the job; gone once a complete manifest stands. */
  readonly work: string;
  save(manifest: Manifest): Promise<void>;
  release(): Promise<void>;
}

/**
 * Opens the folder a job writes to: locks it, reads the manifest of an earlier run and clears what a kill
 * left half-written. The same job continues; anything else is refused rather than overwritten.
 *
 * @throws UserError when the folder is in use, belongs to another configuration, or holds foreign files
 */
export async function openJobFolder<Manifest extends JobManifest>(
  path: string,
  job: {
    readonly fingerprint: string;
    readonly schema: z.ZodType<Manifest>;
    /** What another configuration may differ in, for the refusal. */
    readonly settings: string;
    /** Whether this job goes on from what another one left in the folder. */
    readonly extends?: (found: Manifest) => boolean;
  },
): Promise<JobFolder<Manifest>> {
  const release = await lockFolder(path);
  try {
    const manifestPath = join(path, "manifest.json");
    const found = (await exists(manifestPath)) ? await readJson(manifestPath, job.schema) : undefined;
    if (found === undefined) await refuseForeignFiles(path);
    else if (found.fingerprint !== job.fingerprint && job.extends?.(found) !== true) {
      throw new UserError(
        `${path}: made by another configuration (${job.settings} differ); choose another --out or remove the folder`,
      );
    }
    await removePartialFiles(path);
    const work = join(path, "work");
    const isDone = found?.complete === true && found.fingerprint === job.fingerprint;
    if (isDone) await rm(work, { recursive: true, force: true }); // a kill may have come before it was removed
    const save = async (manifest: Manifest) => {
      await writeJson(manifestPath, manifest);
      if (manifest.complete) await rm(work, { recursive: true, force: true });
    };
    return { path, found, work, save, release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function refuseForeignFiles(path: string): Promise<void> {
  const foreign = (await readdir(path)).find((name) => !name.startsWith(".") && !name.endsWith(".partial"));
  if (foreign !== undefined) {
    throw new UserError(
      `${path}: not empty and not ours (${foreign}, no manifest.json); choose another --out`,
    );
  }
}
