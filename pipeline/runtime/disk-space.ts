import { statfs } from "node:fs/promises";
import { UserError } from "./errors.ts";
import { formatBytes } from "./sizes.ts";

/** Bytes a user may still write to a folder's disk. */
export type FreeBytes = (folder: string) => Promise<number>;

export const freeBytes: FreeBytes = async (folder) => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/** Left free whatever is written: manifests, marks, and whoever else uses the disk. */
const RESERVE_BYTES = 16_000_000;

/** @throws UserError when less than `bytes` are free: known now is better than a full disk in three hours */
export async function requireSpace(
  folder: string,
  bytes: number,
  what: string,
  free: FreeBytes,
): Promise<void> {
  const found = await free(folder);
  if (found >= bytes + RESERVE_BYTES) return;
  throw new UserError(
    `${folder}: ${what} need about ${formatBytes(bytes + RESERVE_BYTES)}, ${formatBytes(found)} are free; free some space and run the same command again (finished work is kept), or choose another --out`,
  );
}
