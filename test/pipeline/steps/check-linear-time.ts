import assert from "node:assert/strict";
import { it } from "node:test";
import { pick, seededRandom } from "../../../pipeline/sample/damage.ts";
import { EVIDENCE, repeated } from "./hostile-texts.ts";
import { slowSteps } from "./step-times.ts";

const MIXTURES = 400;

/** What the patterns of the steps begin with, end in, or stop at. */
const PIECES = [
  ..."[ [[ ] ]] {{ }} {| |} {% %} < > <a <p> </p> <ref <ref> <math> </math> <mi> <sup> <pre> <!-- --> ![ ]( & &amp; @".split(
    " ",
  ),
  ..."( ) ) -- --- – — ` `` ' '' ''' | • » 1 12 1. 12: 12:30 a A Ab ż ab, ab. , . ; : ? ! … = == # * ** _ __ ~ ^ $ \\ \\over".split(
    " ",
  ),
  ..."[quote [/quote] [img > http://a www. <nick> tel. nip paszport Plik: thumb| © do- sko ł em by kg o- II".split(
    " ",
  ),
  ...[
    " ",
    "  ",
    "\n",
    "\n\n",
    "\n ",
    " \n",
    "\t",
    "\r",
    "\u00a0",
    "\u00ad",
    "\u0301",
    "\ud83d",
    "Ĺ‚",
    "³",
    "日",
    "ō",
  ],
  ...[
    '"',
    '" ',
    ' "',
    "- ",
    " - ",
    "-\n",
    "a-\n",
    "-- \n",
    "\n12\n",
    "1)\n",
    "Zobacz też",
    "==a==\n",
    "\n* a",
  ],
];

/** `npm run check:fuzz`: what is too long for every `npm test`. */
it(`no step's time grows faster than ${MIXTURES} mixtures of what the steps look for`, () => {
  const random = seededRandom(20);
  for (let i = 0; i < MIXTURES; i++) {
    const unit = Array.from({ length: 1 + (i % 4) }, () => pick(PIECES, random)).join("");
    const opening = i % 2 === 0 ? "" : EVIDENCE;
    assert.deepEqual(slowSteps(repeated(opening, unit), 4000), [], JSON.stringify(opening + unit));
  }
});
