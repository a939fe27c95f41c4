import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after } from "node:test";

/** An empty folder, removed when the tests of the calling file have ended, or the given test. */
export function temporaryFolder(owner: { after(remove: () => void): void } = { after }): string {
  const folder = mkdtempSync(join(tmpdir(), "apt3-test-"));
  owner.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** SHA-256 of every file below a folder, by path: two folders are the same when these are. */
export function hashFolder(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Object.fromEntries(
    files.map((path) => [
      relative(folder, path),
      createHash("sha256").update(readFileSync(path)).digest("hex"),
    ]),
  );
}

/** The hashes of a stage's output without its views: report and TensorBoard files show what a clock said. */
export function hashOutput(folder: string): Record<string, string> {
  const views = /^(report\.html$|tensorboard\/)/;
  return Object.fromEntries(Object.entries(hashFolder(folder)).filter(([path]) => !views.test(path)));
}
