import { splitSentences } from "./texts.ts";

/**
 * The ways real crawled Polish text is broken, one pure function each. All take their chance from the
 * generator they are given, so the same seed always gives the same damage.
 */

/** A source of chance: each call gives the next number in [0, 1). */
export type Random = () => number;

/** A function that breaks a text in one way. */
export type Damage = (text: string, random: Random) => string;

/** A 32-bit xorshift generator (Marsaglia 2003, shifts 13, 17, 5): small, and the same on every machine. */
export function seededRandom(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** One of `items`, which must not be empty. */
export function pick<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random() * items.length)]!;
}

/** The items in a random order (Fisher–Yates); the input stays as it is. */
export function shuffle<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

const decodeAs = (text: string, encoding: string): string =>
  new TextDecoder(encoding).decode(new TextEncoder().encode(text));

/**
 * UTF-8 bytes read as windows-1250: „ż” → „ĹĽ”. The five bytes the code page leaves undefined become C1
 * control characters, as the WHATWG Encoding Standard has it, so no byte is lost.
 */
export const mojibakeWindows1250 = (text: string): string => decodeAs(text, "windows-1250");

/** UTF-8 bytes read as ISO-8859-2: „ó” → „Ăł”; the bytes 0x80–0x9F of most other letters become C1 controls. */
export const mojibakeIso88592 = (text: string): string => decodeAs(text, "iso-8859-2");

/** UTF-8 bytes read as windows-1252 (what browsers do with "iso-8859-1"): „ł” → „Å‚”. */
export const mojibakeWindows1252 = (text: string): string => decodeAs(text, "windows-1252");

/** Broken twice: the windows-1250 mojibake was saved as UTF-8 and read as windows-1250 again. */
export const mojibakeTwice = (text: string): string => mojibakeWindows1250(mojibakeWindows1250(text));

const SCRIPTS = [
  `<script type="text/javascript">window.dataLayer = window.dataLayer || []; if (a < b && c > 0) { track("view"); }</script>`,
  `<style>.lead{font-weight:700;margin:0 0 1em}.foto>img{max-width:100%}</style>`,
  `<!-- koniec modułu: artykuł -->`,
  `<noscript><img src="https://licznik.example/piksel.gif" alt="" /></noscript>`,
];

/**
 * Markup left by a careless scraper: paragraphs in `<p>`, `<br />` and inline tags, `&nbsp;` after
 * one-letter words, a script, a style sheet, a comment.
 */
export const htmlTags: Damage = (text, random) => {
  const paragraphs = text.split(/\n{2,}/).map((paragraph) => {
    const inline = paragraph
      .replace(/\n/g, "<br />\n")
      .replace(/(?<=\s)([aiouwz]) (?=\p{L})/giu, "$1&nbsp;")
      .replace(/(?<=\s)\p{L}{9,}(?=\s)/gu, (word) => (random() < 0.12 ? emphasise(word, random) : word));
    return random() < 0.7 ? `<p>${inline}</p>` : `<p class="tekst">${inline}<br></p>`;
  });
  const extra = shuffle(SCRIPTS, random).slice(0, 2);
  paragraphs.splice(1, 0, extra[0]!);
  return [`<div class="artykul">`, ...paragraphs, extra[1]!, `</div>`].join("\n");
};

function emphasise(word: string, random: Random): string {
  return pick([`<b>${word}</b>`, `<a href="/tag?id=7&amp;s=1">${word}</a>`, `<span>${word}</span>`], random);
}

const NAMED_ENTITIES: Readonly<Record<string, string>> = {
  ó: "&oacute;",
  Ó: "&Oacute;",
  "„": "&bdquo;",
  "”": "&rdquo;",
  "—": "&mdash;",
  "–": "&ndash;",
  "…": "&hellip;",
};

/**
 * Letters and punctuation as character references: named where HTML has a common name, else decimal or
 * hexadecimal. Every second paragraph is escaped once more (`&amp;oacute;`), as feeds often do.
 */
export const htmlEntities: Damage = (text, random) => {
  const first = random() < 0.5 ? 0 : 1;
  const paragraphs = text.split("\n\n").map((paragraph, index) => {
    const escaped = paragraph.replace(/[^\u0000-\u007f]/gu, (character) => {
      const code = character.codePointAt(0)!;
      return NAMED_ENTITIES[character] ?? (random() < 0.5 ? `&#${code};` : `&#x${code.toString(16)};`);
    });
    return index % 2 === first ? escaped.replaceAll("&", "&amp;") : escaped;
  });
  return paragraphs.join("\n\n");
};

/**
 * A place to hyphenate: between a vowel and a consonant that a vowel follows, which is always a syllable
 * boundary in Polish and never splits „sz”, „rz”, „ch”.
 */
const SYLLABLE_BOUNDARY = /(?<=\p{L}[aąeęioóuy])(?=[bcćdfghjklłmnńprsśtwzźż][aąeęioóuy]\p{L})/gu;

/** The longest head of `word` that fits `room` columns with a hyphen, if the word can be divided so. */
function hyphenate(word: string, room: number): [head: string, tail: string] | undefined {
  const breaks = [...word.matchAll(SYLLABLE_BOUNDARY)].map((match) => match.index);
  const at = breaks.findLast((index) => index + 1 <= room);
  return at === undefined ? undefined : [`${word.slice(0, at)}-`, word.slice(at)];
}

function wrapParagraph(paragraph: string, width: number, random: Random): string {
  const lines: string[] = [];
  let line = "";
  for (let word of paragraph.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      const parts = random() < 0.6 ? hyphenate(word, width - line.length - 1) : undefined;
      lines.push(parts ? `${line} ${parts[0]}` : line);
      if (parts) word = parts[1];
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}

/** Lines broken at a width of 60–72 columns with words divided at line ends, as in books and old e-mail. */
export const hardWrap: Damage = (text, random) => {
  const width = 60 + Math.floor(random() * 13);
  return text
    .split("\n\n")
    .map((paragraph) => wrapParagraph(paragraph, width, random))
    .join("\n\n");
};

/** Letters taken apart into a base letter and a combining mark (NFD), as macOS file tools leave them. */
export const decomposeDiacritics = (text: string): string => text.normalize("NFD");

const INVISIBLE = ["\u00ad", "\u00ad", "\u200b", "\u200d", "\u2060", "\ufeff"];
const CONTROL = ["\u0000", "\u0007", "\u0008", "\u001b", "\u007f", "\u0090"];

/** Soft hyphens and zero-width characters inside words, control characters and no-break spaces between. */
export const sprinkleInvisible: Damage = (text, random) => {
  const inside = text.replace(/(?<=\p{L}{2})(?=\p{L}{2})/gu, () =>
    random() < 0.04 ? pick(INVISIBLE, random) : "",
  );
  const between = inside.replace(/ /g, (space) => {
    const chance = random();
    if (chance < 0.02) return ` ${pick(CONTROL, random)}`;
    return chance < 0.08 ? "\u00a0" : space;
  });
  return `\ufeff${between}`;
};

/** Text typed or transliterated without Polish letters: ą → a, ł → l; typographic quotes and dashes go too. */
export const dropDiacritics = (text: string): string =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/ł/g, "l")
    .replace(/Ł/g, "L")
    .replace(/[„”]/g, '"')
    .replace(/[—–]/g, "-")
    .replace(/…/g, "...");

/** The same words with other white space: doubled blanks, tabs, blanks at line ends, more empty lines. */
export const varyWhitespace: Damage = (text, random) => {
  const blanks = text.replace(/ /g, () => (random() < 0.06 ? pick(["  ", "\t", "   "], random) : " "));
  return `  ${blanks.replace(/\n\n/g, "  \n\n\n")}\n`;
};

/** The same words in lower case. */
export const lowerCase = (text: string): string => text.toLocaleLowerCase("pl");

const FILLERS = ["podobno", "również", "zapewne", "zresztą", "właściwie", "ponoć", "niemal"];

/**
 * A reprint: about one word in a hundred (two at least) is replaced, and a line about the update is
 * added. Measured on the sample, texts of 100 words or more keep a Jaccard similarity of 5-word shingles
 * between 0.80 and 0.92.
 */
export const nearDuplicate: Damage = (text, random) => {
  const words = text.split(" ");
  const plain = [...words.keys()].filter((index) => /^\p{Ll}{4,}$/u.test(words[index]!));
  const changes = Math.max(2, Math.round(words.length / 100));
  for (const index of shuffle(plain, random).slice(0, changes)) words[index] = pick(FILLERS, random);
  return `${words.join(" ")}\n\nTekst zaktualizowano.`;
};

/** A broken template or a language model stuck in a loop: the beginning, then one long sentence 30 times. */
export const repeatSentence: Damage = (text, random) => {
  const sentences = splitSentences(text);
  const long = sentences.filter((sentence) => sentence.length > 40);
  const stuck = pick(long.length > 0 ? long : sentences, random);
  return [...sentences.slice(0, 3), ...Array.from({ length: 30 }, () => stuck)].join(" ");
};
