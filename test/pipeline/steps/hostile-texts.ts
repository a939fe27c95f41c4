/** A text of about `length` characters, all of one kind. */
export type TextOf = (length: number) => string;

/** What the steps look for before they do anything: one of each kind of markup, and of each sign. */
export const EVIDENCE =
  "[a](http://b) [[c]] {{d}} '''e''' <p>f</p> &amp; `g` \" h \" a , b , c , d ; e . f . g - h- i 12, 13 a b c d e [quote]x[/quote] | • @ ¹ ? \n\n  x\n";
const PAGE = "<html><body><p>a</p>";
const XML = '<?xml version="1.0"?><doc xmlns="http://x">';
const CHAT = "<a> b\n<c> d\n<e> f\n";
const FRONT_MATTER = "---\ntitle: a\n---\n";
const STRIPPED_WIKI = "aZobacz też\n[[a]] thumb|";
/** Enough words of Polish for the steps that ask for the language. */
const POLISH = "To jest zdanie, które się urywa w środku i nie\n";

/** `unit` again and again between an opening and an ending. */
export const repeated =
  (opening: string, unit: string, ending = ""): TextOf =>
  (length) =>
    opening + unit.repeat(Math.ceil(length / unit.length)) + ending;

/** What `piece` gives for 0, 1, 2 and so on. */
const counted =
  (opening: string, piece: (i: number) => string): TextOf =>
  (length) => {
    const pieces = [opening];
    for (let [i, left] = [0, length]; left > 0; i++) {
      const next = piece(i);
      pieces.push(next);
      left -= next.length;
    }
    return pieces.join("");
  };

/** Eight letters that differ for each `i`. */
const letters = (i: number) => Array.from({ length: 8 }, (_, k) => "aegiklmno"[(i >> (3 * k)) & 7]).join("");

/**
 * Texts that a careless pattern or loop needs the square of their length for, or more: openings that are never closed, gaps
 * that can be read in several ways, lines without an end. Each was slow once, or is like one that was (2026-11).
 */
export const HOSTILE_TEXTS: Readonly<Record<string, TextOf>> = {
  "front matter without an end": repeated("---\n", 'a: "b"\n'),
  "a title of spaces": repeated("---\ntitle: a", " ", "b\n---\n"),
  "a heading of spaces": repeated(`${EVIDENCE}# a`, " ", "b"),
  "Liquid tags without an end": repeated(EVIDENCE, "{% if "),
  "images without an end": repeated(EVIDENCE, "!["),
  "an image's address without an end": repeated(`${EVIDENCE}![](`, "a"),
  "references with returns": repeated(EVIDENCE, "\r[a"),
  "wiki headings of spaces": repeated(`${EVIDENCE}=`, " ", "x"),
  "wiki headings without an end": repeated(EVIDENCE, "=a "),
  "blank lines around tables": repeated(`${EVIDENCE}{|`, "\n"),
  "wiki tables without an end": repeated(EVIDENCE, "{|\n"),
  "links to pages without an end": repeated(EVIDENCE, "[http://a "),
  "a bracket of spaces": repeated(`${EVIDENCE}(`, " "),
  "spaces before no mark": repeated(EVIDENCE, " ", "a"),
  "wiki references without an end": repeated(EVIDENCE, "<ref>"),
  "wiki references without a bracket": repeated(EVIDENCE, "<ref"),
  "galleries without an end": repeated(EVIDENCE, "<gallery>"),
  "fractions of TeX without an end": repeated(`${EVIDENCE}<math>{`, "\\over ", "</math>"),
  "sets of TeX without a letter": repeated(`${EVIDENCE}<math>\\mathbb`, " ", "</math>"),
  "glued words": repeated(STRIPPED_WIKI, "a"),
  "glued sentences without spaces": repeated(STRIPPED_WIKI, "nauki.Historia,"),
  "scripts without an end": repeated("", "<script>"),
  "scripts with another's end": repeated("", "<script></style>"),
  "tags without an end": repeated("", "<svg "),
  "comments without an end": repeated("", "<!--"),
  "declarations without an end": repeated("", "<?xml "),
  "a tag of spaces": repeated("<p", " "),
  "preformatted text without an end": repeated(PAGE, "<pre>"),
  "a long title with many headings": repeated(`<html><title>${"a ".repeat(2000)}</title>`, "<h1>b</h1>"),
  "metadata without an end": repeated(XML, "<metadata>"),
  "XML tags between spaces": repeated(XML, " <b>"),
  "references of CNXML without an end": repeated(XML, '<link target-id="a" '),
  "formulas without an end": repeated("", "<math>"),
  "formulas with many name spaces": counted("", (i) => `<a${i}:math>`),
  "formulas in formulas": repeated("<math>", "<mrow>", "</math>"),
  "marks on one letter": repeated("a", "\u0301\u0316"),
  "BBCode without an end": repeated("[/b]", "[img "),
  "quotes without an end": repeated("[/b]", "[quote "),
  "blank lines below a signature": repeated("a\n-- \n", "\n"),
  "many quotations announced": repeated("", "pisze w news ", "\n> a"),
  "a timed word of spaces": repeated("(1,2) a\n(3,4) b\n(5,6) c", " ", "d"),
  "a turn on many lines": repeated(CHAT, "  dalej\n"),
  "an action behind spaces": repeated(`${CHAT}12:30`, " ", "x"),
  "quotations on one line": repeated(EVIDENCE, '" ala ma " kota , '),
  "lone quotation marks on one line": repeated(EVIDENCE, '" Ala , '),
  "smileys on one line": repeated(EVIDENCE, "a : ) b "),
  "page numbers": counted(POLISH, (i) => `${(i % 9000) + 1}\n`),
  "a running head without pages": repeated(POLISH, "© 2020 Nikt\n"),
  "rubbish of a scan": repeated("ala-\nma-\nkota-\n", "xq\n\n"),
  "divided words": counted(
    "",
    (i) => `ala ma kota i psa, a pies ma je wszystkie ${letters(i)}-\n${letters(i)} `,
  ),
  "numbers of a list": repeated("", "7)\n"),
  "a shout without an end": repeated(
    "(Głos z sali: to jest bardzo długa linia tekstu która nie ma końca (nie)\n",
    "i jeszcze jedna linia tekstu, która ciągnie się i ciągnie dalej (Anna)\nAnno, i jeszcze jedna linia tekstu, która ciągnie się i ciągnie (tak)\n",
  ),
  "menus without separators": repeated("", `home ${"-".repeat(150)}${"a".repeat(60)}\n`),
  "a telephone of full stops": repeated("1234567 tel", "."),
  "an address without an end": repeated("a@", "a."),
  "addresses without a name": repeated("", "@ a@"),
  "a Silesian word": repeated(POLISH.repeat(25), "ō", `A ${POLISH.repeat(25)}`),
  "one word": repeated("", "a"),
  "letters apart": repeated("", "a b "),
  digits: repeated("", "1 "),
  "groups of digits": repeated("", "12. "),
  "question marks in words": repeated("", "a?b"),
  columns: repeated(`${"a".padEnd(40)}b\n`.repeat(14), "a   "),
  bullets: repeated(FRONT_MATTER, "- - "),
  "no line without an end": repeated(POLISH, "\n"),
};
