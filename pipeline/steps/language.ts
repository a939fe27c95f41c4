import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { drop, keep, type Step } from "./step.ts";

/** FineWeb-2's stop words for Polish, and some more that no neighbour language shares. */
const STOP_WORDS = new Set(
  "w i na z do się roku od a jest przez po jako oraz o został był nie że to jak ale tym co czy tego który która które już tylko być ma są dla przy może ich jego jej".split(
    " ",
  ),
);
/** Letters that Polish has and its neighbours do not (Kashubian and Silesian share most, not all). */
const POLISH_ONLY = /[ąęłńśźżĄĘŁŃŚŹŻ]/g;
/** Letters that mark a neighbour: Czech, Slovak, Kashubian, Silesian, Lithuanian, Croatian, German. */
const FOREIGN = /[ěřůčšžďťňľĺŕôäëöüßãòùõÿőűđōŏéíáýČŠŽŘĚ]/g;
const CYRILLIC_GREEK = /[\u0370-\u03FF\u0400-\u04FF]/g;
const WORD = /\p{L}+/gu;

/** Certain cases are decided by the first characters; the detector reads no more than this either. */
const SAMPLE_CHARACTERS = 3000;
/** Certainly Polish: at least this share of stop words and of Polish-only letters, and hardly a foreign one.
 * Measured on the clean and dirty Polish corpora and short Czech, Slovak and English texts. */
const CERTAIN_STOP_WORDS = 0.12;
const CERTAIN_LETTERS = 0.02;
const CERTAIN_FOREIGN = 0.004;

/**
 * Keeps Polish. Certain cases are decided by stop words and letters; the rest goes to the `eld` detector
 * (large database), which tells Polish from Czech and Slovak better than its peers.
 */
export const language: Step = {
  name: "language",
  version: 1,
  create: () => (text) => {
    const sample = middle(text, SAMPLE_CHARACTERS);
    if (isCertainlyPolish(sample)) return keep(text);
    const letters = sample.match(/\p{L}/gu)?.length ?? 0;
    if (letters === 0) return drop("no-language");
    if ((sample.match(CYRILLIC_GREEK)?.length ?? 0) > letters / 2) return drop("language-other-script");
    const detected = detector().detect(sample).language;
    return detected === "pl" ? keep(text) : drop(`language-${detected === "" ? "unknown" : detected}`);
  },
};

type Detector = typeof import("eld/large")["default"];
let loaded: Detector | undefined;

/** The detector's database takes most of a second to load: only when the first doubtful text comes. */
function detector(): Detector {
  const path = fileURLToPath(import.meta.resolve("eld/large")); // exported for `import` only
  loaded ??= (createRequire(import.meta.url)(path) as { default: Detector }).default;
  return loaded;
}

function isCertainlyPolish(sample: string): boolean {
  const words = sample.toLowerCase().match(WORD) ?? [];
  if (words.length < 20) return false;
  const stopWords = words.filter((word) => STOP_WORDS.has(word)).length;
  const polish = sample.match(POLISH_ONLY)?.length ?? 0;
  const foreign = sample.match(FOREIGN)?.length ?? 0;
  return (
    stopWords >= words.length * CERTAIN_STOP_WORDS &&
    polish >= sample.length * CERTAIN_LETTERS &&
    foreign <= sample.length * CERTAIN_FOREIGN
  );
}

/** The middle of a text, where neither titles nor footers stand. */
function middle(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const start = (text.length - characters) >> 1;
  return text.slice(start, start + characters);
}
