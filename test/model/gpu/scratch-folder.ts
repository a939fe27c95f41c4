import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that goes when the program ends; tests have one of their own, which reports to node:test. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "apt3-check-gpu-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
