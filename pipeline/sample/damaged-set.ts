import { addBoilerplate } from "./boilerplate.ts";
import {
  type Damage,
  decomposeDiacritics,
  dropDiacritics,
  hardWrap,
  htmlEntities,
  htmlTags,
  lowerCase,
  mojibakeIso88592,
  mojibakeTwice,
  mojibakeWindows1250,
  mojibakeWindows1252,
  nearDuplicate,
  type Random,
  repeatSentence,
  seededRandom,
  shuffle,
  sprinkleInvisible,
  varyWhitespace,
} from "./damage.ts";
import { pythonLiteral } from "./python-literal.ts";
import { keywordSpam, linkFarm, repeatedLineSpam } from "./spam.ts";
import { countText, LICENSE, type SampleText } from "./texts.ts";

/** One line of the damaged set. */
export interface DamagedLine {
  readonly kind: string;
  /** What stands in the file, without the line break. */
  readonly line: string;
  /** The text a reader should find in it; absent from lines that hold none. */
  readonly text?: string;
}

/** Where a damaged text comes from: `sample` is the clean set, so that its repaired form is a duplicate. */
type Origin = "sample" | "damaged" | "foreign" | "generated";

interface Recipe {
  readonly kind: string;
  /** How many documents of the clean set are damaged so. */
  readonly sample: number;
  /** How many documents written for the damaged set are damaged so. */
  readonly own: number;
  readonly damage: Damage;
}

const ALL_AT_ONCE: Damage = (text, random) =>
  mojibakeWindows1250(htmlTags(addBoilerplate(text, random), random));

/** What is broken and how often. The controls (`none`) come first and stay at the head of the set. */
const RECIPES: readonly Recipe[] = [
  { kind: "none", sample: 0, own: 6, damage: (text) => text },
  { kind: "mojibake-windows-1250", sample: 3, own: 2, damage: mojibakeWindows1250 },
  { kind: "mojibake-iso-8859-2", sample: 2, own: 2, damage: mojibakeIso88592 },
  { kind: "mojibake-windows-1252", sample: 2, own: 2, damage: mojibakeWindows1252 },
  { kind: "mojibake-twice", sample: 2, own: 2, damage: mojibakeTwice },
  { kind: "html-tags", sample: 3, own: 3, damage: htmlTags },
  { kind: "html-entities", sample: 2, own: 2, damage: htmlEntities },
  { kind: "hard-wrap", sample: 3, own: 4, damage: hardWrap },
  { kind: "boilerplate", sample: 3, own: 3, damage: addBoilerplate },
  { kind: "decomposed-diacritics", sample: 2, own: 2, damage: decomposeDiacritics },
  { kind: "invisible-characters", sample: 2, own: 2, damage: sprinkleInvisible },
  { kind: "all-at-once", sample: 1, own: 1, damage: ALL_AT_ONCE },
  { kind: "exact-duplicate", sample: 3, own: 0, damage: (text) => text },
  { kind: "whitespace-duplicate", sample: 3, own: 0, damage: varyWhitespace },
  { kind: "case-duplicate", sample: 2, own: 0, damage: lowerCase },
  { kind: "near-duplicate", sample: 5, own: 0, damage: nearDuplicate },
  { kind: "repeated-sentence", sample: 1, own: 2, damage: repeatSentence },
  { kind: "no-diacritics", sample: 2, own: 3, damage: dropDiacritics },
  { kind: "carriage-returns", sample: 1, own: 2, damage: (text) => text.replaceAll("\n", "\r\n") },
  { kind: "text-as-list", sample: 2, own: 1, damage: (text) => text },
  { kind: "meta-as-string", sample: 1, own: 2, damage: (text) => text },
];

/** Whole lines that no reader can use, but that must not stop it. */
const BROKEN_LINES: readonly DamagedLine[] = [
  {
    kind: "not-json",
    line: "<!DOCTYPE html><html><head><title>503 Usługa niedostępna</title></head></html>",
  },
  { kind: "not-json", line: `{"text": "Zapis urwany w pół słowa, bo na dysku zabrakło miejs` },
  { kind: "not-json", line: "{'text': 'Słownik Pythona zamiast JSON-a', 'meta': None}" },
  { kind: "not-json", line: "" },
  { kind: "not-an-object", line: "null" },
  { kind: "not-an-object", line: `["tablica", "zamiast", "obiektu"]` },
  { kind: "no-text", line: `{"meta":{"title":"Rekord bez tekstu","damage":"no-text"}}` },
  { kind: "no-text", line: `{"text":null,"meta":{"title":"Tekst pusty jak null","damage":"no-text"}}` },
  { kind: "no-text", line: `{"text":2048,"meta":{"title":"Liczba zamiast tekstu","damage":"no-text"}}` },
];

const SHORT_TEXTS = ["Brak opisu.", "Zobacz zdjęcia w galerii.", "Ok"];

/** A poem or a list has short lines of its own; wrapping or repeating them would not be the damage meant. */
const canBeDamaged = (text: SampleText): boolean => text.genre !== "poems" && text.text.length >= 450;

function record(text: string, kind: string, title: string, origin: Origin): DamagedLine {
  const meta = { title, damage: kind, origin, license: LICENSE, ...countText(text) };
  const line = JSON.stringify({
    text: kind === "text-as-list" ? text.split("\n\n") : text,
    meta: kind === "meta-as-string" ? pythonLiteral(meta) : meta,
  });
  return { kind, line, text };
}

/** Takes documents off a list one after another, failing when there are too few. */
function taker(texts: readonly SampleText[], name: string): () => SampleText {
  let next = 0;
  return () => {
    const text = texts[next++];
    if (!text) throw new Error(`the damaged set needs ${next} documents of ${name}, found ${texts.length}`);
    return text;
  };
}

function spamLines(random: Random): DamagedLine[] {
  const kinds = [
    { kind: "spam-keywords", write: keywordSpam },
    { kind: "spam-repeated-lines", write: repeatedLineSpam },
    { kind: "spam-links", write: linkFarm },
  ];
  return kinds.flatMap(({ kind, write }) =>
    [1, 2].map((number) => record(write(random), kind, `${kind} ${number}`, "generated")),
  );
}

/**
 * Builds the lines of the damaged set: first the undamaged controls, then everything else in a random order.
 * @param sample the clean set, from which about half of the damaged texts are drawn
 * @param own documents that stand in no other set
 * @param foreign documents in other languages; their titles begin with a language code and a colon
 */
export function damagedLines(
  sample: readonly SampleText[],
  own: readonly SampleText[],
  foreign: readonly SampleText[],
  seed: number,
): DamagedLine[] {
  const random = seededRandom(seed);
  const takeSample = taker(shuffle(sample.filter(canBeDamaged), random), "the clean set");
  const takeOwn = taker(shuffle(own, random), "texts-damaged.txt");
  const damaged = RECIPES.flatMap(({ kind, sample: fromSample, own: fromOwn, damage }) => [
    ...Array.from({ length: fromSample }, () => apply(kind, damage, takeSample(), "sample", random)),
    ...Array.from({ length: fromOwn }, () => apply(kind, damage, takeOwn(), "damaged", random)),
  ]);
  const lines = [
    ...damaged,
    ...foreign.map(({ text, title }) => record(text, "foreign-language", title, "foreign")),
    ...spamLines(random),
    ...SHORT_TEXTS.map((text, index) => record(text, "too-short", `too-short ${index + 1}`, "generated")),
    ...["", " \n\t "].map((text, index) => record(text, "empty", `empty ${index + 1}`, "generated")),
    ...BROKEN_LINES,
  ];
  const controls = lines.filter((line) => line.kind === "none");
  return [
    ...controls,
    ...shuffle(
      lines.filter((line) => line.kind !== "none"),
      random,
    ),
  ];
}

function apply(
  kind: string,
  damage: Damage,
  source: SampleText,
  origin: Origin,
  random: Random,
): DamagedLine {
  return record(damage(source.text, random), kind, source.title, origin);
}
