import type { z } from "zod";

/**
 * The first problem zod found, on one line: where, what was expected and the value found there,
 * such as `sources[3].format: expected one of "jsonl"|"parquet", found "cvs"`.
 */
export function describeIssue(error: z.ZodError, root: unknown): string {
  const issue = error.issues[0];
  if (issue === undefined) return "does not fit the format";
  const where = formatPath(issue.path);
  const found = valueAt(root, issue.path);
  const shown = issue.code === "unrecognized_keys" || found === undefined ? "" : `, found ${preview(found)}`;
  const what = issue.message.replace(/^Invalid (input|option): /, "");
  const more = error.issues.length > 1 ? ` (and ${error.issues.length - 1} more)` : "";
  return `${where === "" ? "" : `${where}: `}${what}${shown}${more}`;
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
