import { loadAddon } from "../../../native/load.ts";
import { type JsonText, portableJson } from "../json-text.ts";
import { newUnits, textOfUnits, unitsOf } from "../units.ts";

/** What of pipeline/measures/native/addon.cpp is for JSON; units are those of units.ts, their margins included. */
interface Addon {
  /** Whether the line begins with a text; its units are written, and to `found` its length and where it ends in the line. */
  leadingText(line: Uint8Array, units: Uint16Array, found: Uint32Array): boolean;
  /** Returns how many bytes were written; 0 for a text with signs that are escaped by their code. */
  json(units: Uint16Array, length: number, bytes: Uint8Array, at: number): number;
}

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
  return {
    readLeading(line) {
      // no more units than bytes
      if (!addon.leadingText(line, newUnits(line.length), found)) return undefined;
      const [length = 0, end = 0] = found;
      return { text: textOfUnits(length), end };
    },
    write: (text, bytes, at) => addon.json(unitsOf(text), text.length, bytes, at),
  };
}
