import type { ProfileName } from "../../../pipeline/profiles.ts";
import { addBoilerplate } from "../../../pipeline/sample/boilerplate.ts";
import {
  type Damage,
  decomposeDiacritics,
  hardWrap,
  htmlEntities,
  htmlTags,
  mojibakeIso88592,
  mojibakeTwice,
  mojibakeWindows1250,
  mojibakeWindows1252,
  pick,
  sprinkleInvisible,
  varyWhitespace,
} from "../../../pipeline/sample/damage.ts";

/** A way texts are broken, and whose repair is measured. */
export interface DamageKind {
  readonly name: string;
  readonly damage: Damage;
  /** Whether a repairer of encodings alone can be expected to mend it. */
  readonly isEncoding: boolean;
  readonly profile: ProfileName;
}

const paragraphsOf = (text: string) => text.split("\n");

/** Text encoded in one single-byte encoding and read as another; what the first lacks becomes an ASCII sign. */
function misread(written: string, read: string): Damage {
  const bytes = new Map<string, number>();
  for (let byte = 0x80; byte <= 0xff; byte++)
    bytes.set(new TextDecoder(written).decode(Uint8Array.of(byte)), byte);
  const decoder = new TextDecoder(read);
  return (text) =>
    decoder.decode(
      Uint8Array.from(plainMarks(text), (character) =>
        character < "\u0080" ? character.charCodeAt(0) : (bytes.get(character) ?? 0x3f),
      ),
    );
}

/** Typographic marks as typewriters have them, which every encoding holds. */
const plainMarks = (text: string) =>
  text
    .replace(/[„”“«»]/g, '"')
    .replace(/[—–]/g, "-")
    .replace(/…/g, "...")
    .replace(/’/g, "'");

/** Only every second paragraph was damaged, as where two sources were put together. */
const inPart =
  (damage: Damage): Damage =>
  (text, random) =>
    paragraphsOf(text)
      .map((paragraph, i) => (i % 2 === 0 ? damage(paragraph, random) : paragraph))
      .join("\n");

const ligatures: Damage = (text) =>
  text.replace(
    /ffi|ffl|ff|fi|fl/g,
    (letters) => ({ ffi: "ﬃ", ffl: "ﬄ", ff: "ﬀ", fi: "ﬁ", fl: "ﬂ" })[letters] as string,
  );

const controls: Damage = (text, random) =>
  text
    .replace(/ /g, (space) =>
      random() < 0.03 ? `${space}${pick(["\u0000", "\u0007", "\u001b", "\u0096"], random)}` : space,
    )
    .replaceAll("\n", "\r\n");

const noBreakSpaces: Damage = (text) => text.replace(/ ([aiouwz]) /gi, " $1\u00a0");

/** Lines of an exact width, words whole. */
function wrapAt(text: string, width: number): string {
  return paragraphsOf(text)
    .map((paragraph) => {
      const lines: string[] = [];
      let line = "";
      for (const word of paragraph.split(" ")) {
        if (line !== "" && line.length + 1 + word.length > width) {
          lines.push(line);
          line = word;
        } else line = line === "" ? word : `${line} ${word}`;
      }
      return [...lines, line].join("\n");
    })
    .join("\n\n");
}
const wrapped: Damage = (text, random) => wrapAt(text, 64 + Math.floor(random() * 14));

/** A book's pages: wrapped with divided words, a number every ten lines, so that a passage has a few. */
const PAGE = 10;
const pages: Damage = (text, random) => {
  const lines = hardWrap(text.replaceAll("\n", "\n\n"), random).split("\n");
  const first = 11 + Math.floor(random() * 80);
  return lines
    .flatMap((line, i) => (i % PAGE === PAGE - 1 ? [line, `${first + Math.floor(i / PAGE)}`, ""] : [line]))
    .join("\n");
};

const letterSpaced: Damage = (text, random) =>
  text.replace(/(?<=[ „])\p{Ll}{5,9}(?=[ ,.])/gu, (word) => (random() < 0.03 ? [...word].join(" ") : word));

const tokenised: Damage = (text) =>
  text.replace(/(?<=\S)([,.;:!?…)”])(?=\s|$)/gm, " $1").replace(/([(„])(?=\S)/g, "$1 ");

const doubledLines: Damage = (text, random) =>
  paragraphsOf(text)
    .flatMap((line) => (random() < 0.3 && line.length > 20 ? [line, line] : [line]))
    .join("\n");

const BBCODES = ["b", "i", "u"];
const bbcode: Damage = (text, random) => {
  const marked = text.replace(/(?<=\s)\p{L}{6,}(?=\s)/gu, (word) => {
    if (random() > 0.08) return word;
    const tag = pick(BBCODES, random);
    return `[${tag}]${word}[/${tag}]`;
  });
  return `[quote="Marek77"]Czy ktoś to [b]czytał[/b]?[/quote]\n[size=120]${marked}[/size]\n[img]http://obrazki.example/1.jpg[/img]`;
};

const forumQuotes: Damage = (text) =>
  `Dnia 12.03.2009 Marek napisał(a):\n> Czy ktoś to czytał?\n> Ja nie wiem, co o tym sądzić.\n\n${text}\n\n-- \nJan z Radomia\nmoje zdjęcia w profilu`;

const wikitext: Damage = (text, random) => {
  const linked = text.replace(/(?<=\s)\p{L}{7,}(?=\s)/gu, (word) => {
    const chance = random();
    if (chance < 0.06) return `[[${word}]]`;
    if (chance < 0.1) return `[[${word.slice(0, 5)}|${word}]]`;
    return chance < 0.12 ? `'''${word}'''` : word;
  });
  return `{{Infobox|nazwa=Przykład|rok=1910}}\n${linked}<ref name="a">Spis, s. 12</ref>\n\n[[Kategoria:Przykłady]]`;
};

const markdown: Damage = (text, random) => {
  const linked = text.replace(/(?<=\s)\p{L}{7,}(?=\s)/gu, (word) =>
    random() < 0.05 ? `[${word}](https://blog.example/${word.length})` : word,
  );
  return `---\nlayout: post\ndate: 2016-04-02\ntags: [a, b]\n---\n${linked}\n\n![zdjęcie](/img/1.jpg)`;
};

const stamp = (seconds: number) =>
  `00:${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")},000`;
const subtitles: Damage = (text) =>
  paragraphsOf(text)
    .map((line, i) => `${i + 1}\n${stamp(i * 4)} --> ${stamp(i * 4 + 3)}\n${line}\n`)
    .join("\n");

const speech: Damage = (text) =>
  text
    .split(/\s+/)
    .map((word, i) => `(${i * 300},${i * 300 + 280}) ${word}`)
    .join("\n");

const encoding = (name: string, damage: Damage): DamageKind => ({
  name,
  damage,
  isEncoding: true,
  profile: "web",
});
const other = (name: string, damage: Damage, profile: ProfileName = "web"): DamageKind => ({
  name,
  damage,
  isEncoding: false,
  profile,
});

export const DAMAGES: readonly DamageKind[] = [
  encoding("UTF-8 read as windows-1250", mojibakeWindows1250),
  encoding("UTF-8 read as ISO-8859-2", mojibakeIso88592),
  encoding("UTF-8 read as windows-1252", mojibakeWindows1252),
  encoding("windows-1250, twice", mojibakeTwice),
  encoding("windows-1252, then windows-1250", (text) => mojibakeWindows1250(mojibakeWindows1252(text))),
  encoding("ISO-8859-2, twice", (text) => mojibakeIso88592(mojibakeIso88592(text))),
  encoding("windows-1250, every second paragraph", inPart(mojibakeWindows1250)),
  encoding("windows-1250 read as ISO-8859-2", misread("windows-1250", "iso-8859-2")),
  encoding("ISO-8859-2 read as windows-1250", misread("iso-8859-2", "windows-1250")),
  encoding("windows-1250 read as windows-1252", misread("windows-1250", "windows-1252")),
  encoding("ISO-8859-2 read as windows-1252", misread("iso-8859-2", "windows-1252")),
  encoding("decomposed letters", decomposeDiacritics),
  encoding("entities, half of them double", htmlEntities),
  encoding("ligatures", ligatures),
  encoding("control characters, CRLF", controls),
  encoding("soft hyphens, zero-width, no-break", sprinkleInvisible),
  encoding("no-break spaces", noBreakSpaces),
  other("white space", varyWhitespace),
  other("hard-wrapped lines", wrapped, "prose"),
  other(
    "hard-wrapped, words divided",
    (text, random) => hardWrap(text.replaceAll("\n", "\n\n"), random),
    "prose",
  ),
  other("pages with numbers, words divided", pages, "prose"),
  other("letter-spaced words", letterSpaced, "prose"),
  other("tokenised", tokenised),
  other("repeated lines", doubledLines),
  other("HTML tags, script, style, comment", htmlTags),
  other("menus, cookies, sharing, copyright", addBoilerplate),
  other("BBCode with quote and image", bbcode, "forum"),
  other("quoted post and signature", forumQuotes, "forum"),
  other("wikitext", wikitext, "encyclopaedia"),
  other("Markdown with front matter", markdown),
  other("subtitles with times", subtitles, "dialogue"),
  other("speech recognition with times", speech, "dialogue"),
];
/** What a kind of damage cannot give back, because it is not in the damaged text any more. */
export function expectedOf(name: string, text: string): string {
  if (name.includes("read as") && !name.startsWith("UTF-8")) return plainMarks(text);
  if (name.startsWith("speech")) return text.replace(/\s+/g, " ");
  return text;
}
