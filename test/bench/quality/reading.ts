import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCleaner } from "../../../pipeline/clean.ts";
import { PROFILES, type ProfileName } from "../../../pipeline/profiles.ts";

/** A text longer than so many passages is shown at as many places. */
const PASSAGES = 3;

/** The whole chain of a profile for one text at a time: the text it ends as, and `kept` or what it was dropped for. */
export function cleanForReading(profile: ProfileName) {
  let result = { after: "", verdict: "" };
  const clean = createCleaner(PROFILES[profile], {
    hash: () => 0n,
    traces: 0,
    onKept: ({ text }) => {
      result = { after: text, verdict: "kept" };
    },
    onReject: ({ step, reason }, text) => {
      result = { after: text, verdict: `dropped, ${step}: ${reason}` };
    },
  });
  return (text: string) => {
    clean(Buffer.from(`${JSON.stringify({ text })}\n`), 1);
    return result;
  };
}

/** Both texts in one, word by word, as `git diff --word-diff` writes it. */
export function markChanges(before: string, after: string): string {
  const folder = mkdtempSync(join(tmpdir(), "apt3-reading-"));
  try {
    writeFileSync(join(folder, "before"), `${before.trim()}\n`);
    writeFileSync(join(folder, "after"), `${after.trim()}\n`);
    const flags = ["--no-index", "--word-diff=plain", "--unified=1000000", "--text", "--no-color"];
    const { stdout } = spawnSync("git", ["diff", ...flags, "before", "after"], {
      cwd: folder,
      maxBuffer: 1e9,
    });
    const marked = stdout.toString();
    return marked === ""
      ? before.trim()
      : marked.slice(marked.indexOf("\n", marked.indexOf("\n@@ ") + 1) + 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The text whole, or its beginning, middle and end. */
export function passagesOf(text: string, length: number): string[] {
  if (text.length <= length * PASSAGES) return [text];
  return Array.from({ length: PASSAGES }, (_, i) => {
    const start = Math.floor((i * (text.length - length)) / (PASSAGES - 1));
    return text.slice(start, start + length);
  });
}
