import type { z } from "zod";

/** A file written for another version has dozens of problems; this many are told at once. */
const SHOWN_ISSUES = 3;

/**
 * The problems zod found, on one line, the first three of them: where, what was expected and the value found there, such as
 * `sources[3].format: expected one of "jsonl"|"parquet", found "cvs"; sources[3].name is missing: expected string`.
 */
export function describeIssue(error: z.ZodError, root: unknown): string {
  if (error.issues.length === 0) return "does not fit the format";
  const shown = error.issues.slice(0, SHOWN_ISSUES).map((issue) => describe(issue, root));
  const more = error.issues.length > SHOWN_ISSUES ? ` (and ${error.issues.length - SHOWN_ISSUES} more)` : "";
  return `${shown.join("; ")}${more}`;
}

function describe(issue: z.core.$ZodIssue, root: unknown): string {
  const where = formatPath(issue.path);
  const what = issue.message.replace(/^Invalid (input|option): /, "");
  const place = where === "" ? "" : `${where}: `;
  if (issue.code === "unrecognized_keys") return place + what;
  const found = valueAt(root, issue.path);
  if (found !== undefined) return `${place}${what}, found ${preview(found)}`;
  return where === "" ? what : `${where} is missing: ${what.replace(/, received undefined$/, "")}`;
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (value === null || typeof value !== "object") return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** A value as short JSON, cut where it would flood the line. */
function preview(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
