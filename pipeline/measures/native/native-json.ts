import { loadAddon } from "../../../native/load.ts";
import { type JsonText, portableJson } from "../json-text.ts";
import { unitsOf } from "../units.ts";

/** What of pipeline/measures/native/addon.cpp is for JSON; units are those of units.ts, their margins included. */
interface Addon {
  /** Whether the line begins with a text; its UTF-8 is written, and to `found` its length and where it ends in the line. */
  leadingText(line: Uint8Array, text: Uint8Array, found: Uint32Array): boolean;
  /** Returns how many bytes were written; 0 for a text with signs that are escaped by their code. */
  json(units: Uint16Array, length: number, bytes: Uint8Array, at: number): number;
}

/** Memory for a longer line is given back with the next one. */
const ORDINARY_BYTES = 1 << 20;

let known: JsonText | undefined;

/** That of this machine, made when first asked for. */
export function jsonText(): JsonText {
  known ??= openNativeJson() ?? portableJson;
  return known;
}

/**
 * The one in C++; undefined where the addon was not built.
 *
 * @param variant `sanitize` is the build of `npm run check:sanitize`
 */
export function openNativeJson(variant: "" | "sanitize" = ""): JsonText | undefined {
  const loaded = loadAddon<Addon>("measures", "pipeline/measures/native", variant);
  if ("reason" in loaded) return undefined;
  const { addon } = loaded;
  const found = new Uint32Array(2);
  let scratch = Buffer.alloc(0);
  return {
    readLeading(line) {
      const needed = Math.max(line.length, ORDINARY_BYTES);
      if (scratch.length < needed || (needed === ORDINARY_BYTES && scratch.length > needed))
        scratch = Buffer.allocUnsafeSlow(needed);
      if (!addon.leadingText(line, scratch, found)) return undefined;
      const [bytes, end] = found as unknown as [number, number];
      return { text: scratch.toString("utf8", 0, bytes), bytes, end };
    },
    write: (text, bytes, at) => addon.json(unitsOf(text), text.length, bytes, at),
  };
}
