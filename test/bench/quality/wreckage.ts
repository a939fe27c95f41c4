import { mojibakeWindows1250, pick, type Random, shuffle } from "../../../pipeline/sample/damage.ts";
import { keywordSpam, linkFarm, repeatedLineSpam } from "../../../pipeline/sample/spam.ts";
import { splitSentences } from "../../../pipeline/sample/texts.ts";

/** Makes, out of a clean text, something that no reader wants: no repair brings it back. */
export type Wreck = (text: string, random: Random) => string;

const LATIN = "abcdefghijklmnopqrstuvwxyz";
const OCR_NOISE = "|!1l;:'^~*•ii{}()[]\\/<>«»§%&#@0O";
const wordsOf = (text: string) => text.split(/\s+/).filter((word) => word !== "");
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const integer = (least: number, most: number, random: Random) =>
  least + Math.floor(random() * (most - least + 1));

/** A scan the recogniser could not read: every third character is another one. */
const ocrGarbage: Wreck = (text, random) =>
  text
    .slice(0, 2500)
    .replace(/\p{L}/gu, (letter) => (random() < 0.35 ? pick([...OCR_NOISE, ...LATIN], random) : letter));

/** Letters inside words in any order, as a broken font map gives. */
const scrambledLetters: Wreck = (text, random) =>
  text.slice(0, 2500).replace(/\p{L}{4,}/gu, (word) => shuffle([...word], random).join(""));

/** Words of random letters. */
const gibberish: Wreck = (_, random) =>
  times(integer(60, 300, random), () =>
    times(integer(2, 11, random), () => pick([...LATIN], random)).join(""),
  ).join(" ");

/** No spaces between the words of a line. */
const gluedWords: Wreck = (text) => text.slice(0, 2500).replace(/(?<=\p{L}[,.]?) (?=\p{L})/gu, "");

/** A space after every second or third letter. */
const brokenWords: Wreck = (text, random) =>
  text.slice(0, 2500).replace(/(?<=\p{L}{2})(?=\p{L})/gu, () => (random() < 0.55 ? " " : ""));

/** Every Polish letter became a question mark. */
const questionMarks: Wreck = (text) => text.slice(0, 4000).replace(/[ąćęłńóśźż]/giu, "?");

/** Every Polish letter became U+FFFD. */
const replacementCharacters: Wreck = (text) => text.slice(0, 4000).replace(/[ąćęłńóśźż]/giu, "\uFFFD");

/** Rows of figures. */
const numberTable: Wreck = (text, random) => {
  const names = wordsOf(text).filter((word) => /^\p{L}{4,}$/u.test(word));
  return times(integer(15, 60, random), () =>
    [
      pick(names.length > 0 ? names : ["razem"], random),
      ...times(5, () => (random() * 1000).toFixed(2).replace(".", ",")),
    ].join(" "),
  ).join("\n");
};

/** A shop's listing: name, code, price, button. */
const priceList: Wreck = (text, random) => {
  const names = wordsOf(text).filter((word) => /^\p{L}{4,}$/u.test(word));
  const name = () => times(3, () => pick(names.length > 0 ? names : ["towar"], random)).join(" ");
  return times(integer(10, 40, random), () =>
    [
      name(),
      `Kod: ${integer(10000, 99999, random)}`,
      `Cena: ${integer(5, 900, random)},99 zł`,
      "Do koszyka",
    ].join("\n"),
  ).join("\n");
};

/** A form or catalogue card made by a template. */
const template: Wreck = (text, random) => {
  const words = wordsOf(text).filter((word) => /^\p{L}{4,}$/u.test(word));
  const value = () => pick(words.length > 0 ? words : ["brak"], random);
  return times(integer(8, 25, random), (i) =>
    [
      `Nazwa: ${value()}`,
      `Typ: ${value()}`,
      `Numer: ${i + integer(1, 9000, random)}`,
      `Status: ${pick(["tak", "nie", "brak"], random)}`,
    ].join("\n"),
  ).join("\n\n");
};

/** A log or a listing of files. */
const logFile: Wreck = (_, random) =>
  times(integer(20, 60, random), () => {
    const time = times(3, () => String(integer(0, 59, random)).padStart(2, "0")).join(":");
    return `2019-0${integer(1, 9, random)}-1${integer(0, 9, random)} ${time} INFO [worker-${integer(1, 8, random)}] GET /api/v1/items/${integer(1, 99999, random)} 200 ${integer(1, 900, random)}ms`;
  }).join("\n");

const CODE = [
  "function render(items) {",
  "  for (let i = 0; i < items.length; i++) {",
  "    if (items[i].visible === true) { list.push(items[i].name); }",
  "  }",
  "  return list.join(',');",
  "}",
  "var x = document.getElementById('main');",
  "x.addEventListener('click', function (e) { e.preventDefault(); });",
  '$result = mysql_query("SELECT * FROM users WHERE id = $id");',
  "while ($row = mysql_fetch_array($result)) { echo $row['name']; }",
  "public static void main(String[] args) { System.out.println(args[0]); }",
];
/** Source code without a sentence. */
const sourceCode: Wreck = (_, random) => times(integer(20, 60, random), () => pick(CODE, random)).join("\n");

/** The first words of many articles, each cut off: a page of teasers. */
const teasers: Wreck = (text) =>
  splitSentences(text)
    .filter((sentence) => sentence.length > 50)
    .slice(0, 30)
    .map((sentence) => `${sentence.slice(0, 48)}…`)
    .join("\n");

/** Labels of menus and categories only. */
const menu: Wreck = (text, random) => {
  const words = wordsOf(text).filter((word) => /^\p{L}{4,12}$/u.test(word));
  return times(integer(40, 120, random), () => {
    const label = pick(words.length > 0 ? words : ["start"], random);
    return label.charAt(0).toUpperCase() + label.slice(1);
  }).join("\n");
};

/** What a page wants to be found by: pairs of its words between commas. */
const ownKeywords: Wreck = (text, random) => {
  const words = wordsOf(text.toLowerCase()).filter((word) => /^\p{L}{4,}$/u.test(word));
  const named = words.length > 0 ? words : ["okna", "tanio"];
  const pairs = times(integer(20, 80, random), () => times(integer(1, 3, random), () => pick(named, random)));
  return pairs.map((pair) => pair.join(" ")).join(", ");
};

/** Hash tags instead of sentences. */
const hashtags: Wreck = (text, random) =>
  shuffle(
    wordsOf(text).filter((word) => /^\p{L}{4,}$/u.test(word)),
    random,
  )
    .slice(0, 80)
    .map((word) => `#${word.toLowerCase()}`)
    .join(" ");

/** The same paragraph again and again. */
const loop: Wreck = (text, random) => {
  const sentences = splitSentences(text).filter((sentence) => sentence.length > 30);
  const stuck = pick(sentences.length > 0 ? sentences : [text.slice(0, 200)], random);
  return times(25, () => stuck).join(" ");
};

/** The same lines around one changing word: pages made by a script. */
const doorway: Wreck = (text, random) => {
  const towns = shuffle(
    wordsOf(text).filter((word) => /^\p{Lu}\p{L}{3,}$/u.test(word)),
    random,
  ).slice(0, 20);
  const names = towns.length > 2 ? towns : ["Radom", "Kielce", "Opole"];
  return times(
    30,
    (i) => `Tanie pożyczki ${names[i % names.length]} bez sprawdzania w bazach przez internet.`,
  ).join("\n");
};

/** Bytes of a file that is no text, decoded all the same. */
const binary: Wreck = (_, random) =>
  mojibakeWindows1250(times(1500, () => String.fromCharCode(integer(33, 255, random))).join(""));

/** Every word the same length and none Polish: keys and hashes. */
const hashes: Wreck = (_, random) =>
  times(60, () => times(32, () => pick([..."0123456789abcdef"], random)).join("")).join("\n");

/** Without the small words and all marks: an index of a search engine. */
const wordIndex: Wreck = (text) =>
  [...new Set(wordsOf(text.toLowerCase()).filter((word) => /^\p{L}{5,}$/u.test(word)))]
    .sort()
    .slice(0, 300)
    .join(" ");

/** Kinds the quality score is calibrated on. */
export const WRECKS: Readonly<Record<string, Wreck>> = {
  "OCR garbage": ocrGarbage,
  "scrambled letters": scrambledLetters,
  gibberish,
  "glued words": gluedWords,
  "broken words": brokenWords,
  "table of numbers": numberTable,
  "price list": priceList,
  "template cards": template,
  "log file": logFile,
  "keyword list": (_, random) => keywordSpam(random),
  "keywords of the text": ownKeywords,
  "link farm": (_, random) => linkFarm(random),
  "menu labels": menu,
  hashtags,
};

/** Kinds it has not seen. */
export const UNSEEN_WRECKS: Readonly<Record<string, Wreck>> = {
  "lost letters as ?": questionMarks,
  "lost letters as U+FFFD": replacementCharacters,
  "source code": sourceCode,
  "cut teasers": teasers,
  "looping sentence": loop,
  "repeated offer": (_, random) => repeatedLineSpam(random),
  "doorway page": doorway,
  "binary file": binary,
  hashes,
  "word index": wordIndex,
};
