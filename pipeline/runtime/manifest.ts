import { createHash } from "node:crypto";
import type { z } from "zod";
import { UserError } from "./errors.ts";
import { readText, writeFileAtomic } from "./files.ts";
import { describeIssue } from "./schema.ts";

/**
 * SHA-256 of a value's canonical JSON: two equal settings have equal fingerprints whatever the order their keys were
 * written in. `undefined` members are left out.
 */
export function fingerprint(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

/** A value's only JSON form: keys sorted, no spaces, `undefined` members left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/**
 * Reads and checks a JSON file. A file that does not fit is a `UserError` naming the file and the path inside, or the
 * other format that it has.
 */
export async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const text = await readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path}: not valid JSON (${error instanceof Error ? error.message : error})`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const format = otherFormat(parsed.error, value);
    throw new UserError(
      format === undefined
        ? `${path}: ${describeIssue(parsed.error, value)}`
        : `${path}: of another command or version of apt3 (format ${format}); name another folder`,
    );
  }
  return parsed.data;
}

/** The `format` of a manifest, if that is what does not fit: then everything else may be otherwise too. */
function otherFormat(error: z.ZodError, value: unknown): string | undefined {
  if (!error.issues.some(({ path }) => path.length === 1 && path[0] === "format")) return undefined;
  const format = Reflect.get(Object(value), "format");
  return typeof format === "string" && /^apt3\.[a-z]+\/\d+$/.test(format) ? format : undefined;
}

/** Writes a manifest as indented JSON, atomically. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}
