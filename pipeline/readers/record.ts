import { isUtf8 } from "node:buffer";
import { z } from "zod";
import { jsonText } from "../measures/native/native-json.ts";
import type { QualityLabel } from "../profiles.ts";
import { READER_DROPS, type ReaderDrop } from "./json-line.ts";
import { speakleashLabel } from "./speakleash-label.ts";

/** What a line of a JSON lines file must be for us: a text, and facts about it that we pass on. */
const recordSchema = z.object({
  /** Real files also hold lists of paragraphs here. */
  text: z.union([z.string(), z.array(z.string())]),
  /** Real files also hold a Python dictionary as a string here. Anything else says nothing of the text, nor against it. */
  meta: z
    .union([z.record(z.string(), z.unknown()), z.string()])
    .optional()
    .catch(undefined),
});

/** What a reader of another format says of a document that it refuses. */
const droppedSchema = z.object({ dropped: z.enum(READER_DROPS) });

export interface TextRecord {
  readonly text: string;
  readonly url: string | undefined;
  readonly title: string | undefined;
  /** Speakleash's quality label, when `meta` holds what it is made of. */
  readonly label: QualityLabel | undefined;
}

export type ParsedRecord =
  | { readonly ok: true; readonly record: TextRecord }
  | { readonly ok: false; readonly reason: "not-utf8" | "not-json" | "no-text" | ReaderDrop };

/** Parses one line in the Speakleash form `{"text": …, "meta": {…}}`. */
export function parseRecord(line: Uint8Array): ParsedRecord {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  if (!isUtf8(bytes)) return { ok: false, reason: "not-utf8" };
  let value: unknown;
  try {
    value = parseLine(bytes);
  } catch {
    return { ok: false, reason: "not-json" };
  }
  const plain = plainRecord(value);
  if (plain !== undefined) return { ok: true, record: plain };
  const parsed = recordSchema.safeParse(value);
  if (!parsed.success)
    return { ok: false, reason: droppedSchema.safeParse(value).data?.dropped ?? "no-text" };
  const { text, meta } = parsed.data;
  return {
    ok: true,
    record: {
      text: typeof text === "string" ? text : text.join("\n\n"),
      url: metaString(meta, "url"),
      title: metaString(meta, "title"),
      label: speakleashLabel(typeof meta === "string" ? pythonNumbers(meta) : meta),
    },
  };
}

/**
 * What `JSON.parse` makes of a line. A text that the line begins with, most of its bytes, is read natively; what is left is
 * parsed with another member in its place, whose name nobody asks for.
 *
 * @throws SyntaxError when it is not JSON
 */
function parseLine(line: Buffer): unknown {
  const leading = jsonText().readLeading(line);
  if (leading !== undefined) {
    const others: { text?: unknown } = JSON.parse(`{"":0${line.toString("utf8", leading.end)}`);
    if (!Object.hasOwn(others, "text")) {
      others.text = leading.text;
      return others;
    } // a second text: that one counts
  }
  return JSON.parse(line.toString().replace(/^\uFEFF/, ""));
}

/** The usual form, told by hand: the schema costs as much as parsing the line does (0.2 µs a member). */
function plainRecord(value: unknown): TextRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { text, meta }: { text?: unknown; meta?: unknown } = value;
  if (typeof text !== "string" || typeof meta !== "object" || meta === null || Array.isArray(meta))
    return undefined;
  const { url, title }: { url?: unknown; title?: unknown } = meta;
  const filled = (member: unknown) => (typeof member === "string" && member !== "" ? member : undefined);
  return { text, url: filled(url), title: filled(title), label: speakleashLabel(meta) };
}

function metaString(meta: Record<string, unknown> | string | undefined, key: string): string | undefined {
  if (meta === undefined) return undefined;
  const value = typeof meta === "string" ? pythonString(meta, key) : meta[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The string under `key` of a Python dictionary's `repr`, such as `{'url': 'https://…', 'words': 12}`. */
function pythonString(dictionary: string, key: string): string | undefined {
  const match = new RegExp(`'${key}': (?:'((?:[^'\\\\]|\\\\.)*)'|"((?:[^"\\\\]|\\\\.)*)")`).exec(dictionary);
  return (match?.[1] ?? match?.[2])?.replace(/\\(.)/g, "$1");
}

/** The numbers of such a dictionary. */
function pythonNumbers(dictionary: string): Record<string, number> {
  const pairs = dictionary.matchAll(/'(\w+)': (-?\d+(?:\.\d+)?(?:e-?\d+)?)(?=[,}])/g);
  return Object.fromEntries(Array.from(pairs, ([, key, value]) => [key as string, Number(value)]));
}
