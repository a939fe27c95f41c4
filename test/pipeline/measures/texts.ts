import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";

const SAMPLE = new URL("../../../pipeline/sample/", import.meta.url);

/** The sample's texts, whole. */
export function sampleTexts(): string[] {
  const files = [
    "texts-damaged.txt",
    "texts-foreign.txt",
    ...readdirSync(new URL("texts", SAMPLE)).map((name) => `texts/${name}`),
  ];
  return files.map((file) => readFileSync(new URL(file, SAMPLE), "utf8"));
}

const PIECES = [
  ..."aąbęzżółZŻÓŁéßйД日 \n\t.,:;!?…\"'„”»«()[]{}<>&@#|•›-–—¬=*§©`0123456789²½\u0000\u00a0\u00ad\ufeff\ufffd\ud800\udc00",
  ...[
    "😀",
    "𝒂",
    "ﬁ",
    "  ",
    "\n\n",
    " . ",
    ' " ',
    "``",
    "...",
    "....",
    " a b c ",
    "Art. 1",
    "1. ",
    "(2) ",
    "a) ",
    "[12:30] ",
  ],
  ...[
    "nie",
    "się",
    "jest",
    "w",
    "i",
    "z",
    "PRZEZ",
    "łódka-",
    "powie-\ndział",
    "12\n",
    "<nick> ",
    "konstantynopolitańczykowianeczka",
    ...[
      " Cookies",
      " ciastecz",
      " ZASTRZEżone",
      " reserved",
      " prywatność",
      "powered by",
      "projekt i wykonanie",
    ],
    ...["2009Linki", "tekstZobacz", ")Z"],
  ],
];

/** Texts of all that the measures tell apart, in any order. */
export const mixedTexts = fc
  .array(
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...PIECES) },
      { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    ),
    {
      maxLength: 300,
    },
  )
  .map((pieces) => pieces.join(""));
