import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { UserError } from "./errors.ts";
import { describeIssue } from "./schema.ts";

/** What a YAML file holds, with the line of every part of it. */
export interface YamlFile<Content> {
  readonly content: Content;
  /** Line of the member at a path, or of the nearest one around it that the file holds. */
  lineOf(path: readonly PropertyKey[]): number;
}

/**
 * Parses YAML of a given form.
 *
 * @param name shown in errors
 * @throws UserError such as `datasets.yaml:12: sources[3].format: expected one of …, found "cvs"`
 */
export function parseYaml<Schema extends z.ZodType>(
  name: string,
  text: string,
  schema: Schema,
): YamlFile<z.infer<Schema>> {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const problem = document.errors[0];
  if (problem !== undefined)
    throw new UserError(`${name}:${counter.linePos(problem.pos[0]).line}: ${problem.message}`);
  const lineOf = (path: readonly PropertyKey[]) => counter.linePos(offsetOf(document, path)).line || 1;
  const value = plainValue(name, document);
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const line = lineOf(placeOf(parsed.error));
    throw new UserError(`${name}:${line}: ${describeIssue(parsed.error, value)}`);
  }
  return { content: parsed.data, lineOf };
}

/** Aliases that multiply are cut off: ten lines of them could fill any memory. */
function plainValue(name: string, document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new UserError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Of the first problem; a member that is not known stands under its parent's path. */
function placeOf({ issues: [issue] }: z.ZodError): PropertyKey[] {
  if (issue === undefined) return [];
  const key = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  return key === undefined ? issue.path : [...issue.path, key];
}

function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const name = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && key.value === name);
      if (isScalar(pair?.key) && pair.key.range) return pair.key.range[0];
    } else {
      const node = document.getIn(path.slice(0, length), true);
      if (typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range))
        return Number(node.range[0]);
    }
  }
  return 0;
}
