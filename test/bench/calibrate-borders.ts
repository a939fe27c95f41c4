import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { constants, zstdCompressSync } from "node:zlib";
import {
  addWord,
  type BorderModel,
  bonusPlace,
  codesOfLetters,
  commonnessOf,
  emptyModel,
  GAP_FEATURES,
  gapFeatures,
  splitWords,
  storedBonus,
  storedTables,
  storedWeight,
} from "../../pipeline/measures/word-borders.ts";
import { pick, type Random, seededRandom } from "../../pipeline/sample/damage.ts";
import { type CorpusText, isHeldOut, readCorpus } from "./quality/corpus.ts";

const TABLES = new URL("../../pipeline/measures/word-border-tables.ts", import.meta.url);
const SEED = 3;
/** Of a long text, so much is read. */
const LONGEST = 200_000;
/** Share of the words that begin a run to learn from, and to measure on. */
const [LEARN, MEASURE] = [0.6, 0.05];
/** Emphasis is a word mostly, sometimes a phrase of so many. */
const PHRASES = [1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4];
/** Rarer words are not entered. */
const MIN_COUNT = 2;
const ROUNDS = 4;
const RATE = 0.15;
const BIAS_RATE = 0.002;
/** Weights nearer to 0 are left out: they are chance, and zeros take no room. */
const LEAST_WEIGHT = 2;
/** Rounds over every eighth run, and the step of each, for the words' bonuses. */
const BONUS_ROUNDS = 2;
const BONUS_STEP = 0.05;

/** Words that stand beside each other with nothing but spaces between. */
type Phrase = readonly string[];

/**
 * `npm run bench -- calibrate-borders [--corpus FOLDER]`: learns, on the even lines of prose-pl, where words end in
 * runs of letters, writes the tables into pipeline/measures/, and tells how many runs of the odd lines are split right.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: { corpus: { type: "string", default: "../shared/corpus" } },
  });
  const texts = await readCorpus(values.corpus, "prose-pl");
  const random = seededRandom(SEED);
  const own = texts.filter((text) => !isHeldOut(text));
  const phrases = phrasesOf(own, LEARN, random);
  const model = emptyModel();
  learnGaps(phrases, model);
  enterWords(own, model);
  learnBonuses(
    phrases.filter((_, i) => i % 8 === 0),
    model,
  );
  write(model);
  measure(phrasesOf(texts.filter(isHeldOut), MEASURE, random), model);
}

/** Words of five to nine letters, some with those that follow, and always with words of one letter at their sides. */
function phrasesOf(texts: readonly CorpusText[], share: number, random: Random): Phrase[] {
  const phrases: Phrase[] = [];
  for (const { text } of texts) {
    const words = text.slice(0, LONGEST).toLowerCase().split(/\s+/);
    for (const [i, word] of words.entries()) {
      if (!/^[„"]?\p{L}{5,9}[,.]?$/u.test(word) || random() >= share) continue;
      const length = pick(PHRASES, random);
      let [first, last] = [i, i];
      while (last - i + 1 < length && isOpen(words, last)) last += 1;
      while (isOpen(words, last) && words[last + 1]?.length === 1) last += 1;
      while (first > 0 && isOpen(words, first - 1) && words[first - 1]?.length === 1) first -= 1;
      phrases.push(words.slice(first, last + 1).map((own) => own.replace(/^[„"]|[,.]$/g, "")));
    }
  }
  return phrases;
}

/** Whether only a space stands between a word and the next, and both are whole words. */
const isOpen = (words: readonly string[], at: number) =>
  /^[„"]?\p{L}+$/u.test(words[at] ?? "") && /^\p{L}+[,.]?$/u.test(words[at + 1] ?? "");

/** Logistic regression by stochastic gradient descent, each weight with a step of its own (AdaGrad). */
function learnGaps(phrases: readonly Phrase[], model: BorderModel): void {
  const weights = new Float64Array(model.gaps.length - 1);
  const squares = new Float64Array(weights.length).fill(1e-3);
  const features = new Int32Array(GAP_FEATURES);
  let bias = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let loss = 0;
    let gaps = 0;
    for (const phrase of phrases) {
      const codes = codesOfLetters(phrase.join(""));
      const borders = bordersOf(phrase);
      for (let at = 1; at < codes.length; at++) {
        gapFeatures(codes, at, features);
        const logit = features.reduce((sum, place) => sum + (weights[place] as number), bias);
        const isBorder = borders.has(at);
        const error = 1 / (1 + Math.exp(-logit)) - Number(isBorder);
        loss -= Math.log(Math.max(1 - Math.abs(error), 1e-9));
        gaps += 1;
        bias -= BIAS_RATE * error;
        for (const place of features) {
          squares[place] = (squares[place] as number) + error * error;
          weights[place] = (weights[place] as number) - (RATE * error) / Math.sqrt(squares[place] as number);
        }
      }
    }
    console.log(`gaps, round ${round + 1}: loss ${(loss / gaps).toFixed(4)}`);
  }
  for (const [place, weight] of weights.entries()) {
    const stored = storedWeight(weight);
    model.gaps[place] = Math.abs(stored) < LEAST_WEIGHT ? 0 : stored;
  }
  model.gaps[weights.length] = storedWeight(bias);
}

/** Places where words begin, the first left out. */
function bordersOf(phrase: Phrase): ReadonlySet<number> {
  const borders = new Set<number>();
  let at = 0;
  for (const word of phrase.slice(0, -1)) {
    at += word.length;
    borders.add(at);
  }
  return borders;
}

function enterWords(texts: readonly CorpusText[], model: BorderModel): void {
  const counts = new Map<string, number>();
  for (const { text } of texts)
    for (const [word] of text.toLowerCase().matchAll(/\p{L}{2,}/gu))
      counts.set(word, (counts.get(word) ?? 0) + 1);
  const usual = [...counts].filter(([, count]) => count >= MIN_COUNT).sort((a, b) => b[1] - a[1]);
  for (const [word, count] of usual) addWord(model, word, commonnessOf(count));
  const entered = model.words.filter((entry) => entry !== 0).length;
  console.log(`words: ${entered} entered of ${usual.length} seen at least ${MIN_COUNT} times`);
}

/** The averaged perceptron: what a wrong split holds loses, what the right one holds gains. */
function learnBonuses(phrases: readonly Phrase[], model: BorderModel): void {
  const sums = new Float64Array(model.bonuses.length);
  for (let round = 0; round < BONUS_ROUNDS; round++) {
    for (const phrase of phrases) {
      const split = splitWords(phrase.join(""), undefined, model);
      if (split.join(" ") !== phrase.join(" ")) {
        for (const word of phrase) change(model.bonuses, bonusPlace(model, word), BONUS_STEP);
        for (const word of split) change(model.bonuses, bonusPlace(model, word), -BONUS_STEP);
      }
      for (const [i, bonus] of model.bonuses.entries()) sums[i] = (sums[i] as number) + bonus;
    }
  }
  for (const [i, sum] of sums.entries())
    model.bonuses[i] = storedBonus(sum / (phrases.length * BONUS_ROUNDS));
}

function change(values: Float64Array, at: number, by: number): void {
  values[at] = (values[at] as number) + by;
}

function write(model: BorderModel): void {
  const bytes = zstdCompressSync(storedTables(model), {
    params: { [constants.ZSTD_c_compressionLevel]: 22 },
  });
  const lines = [
    "// Written by `npm run bench -- calibrate-borders`: weights and counts of public domain, CC0, CC BY, CC BY-SA and GPL",
    "// texts (the corpus prose-pl), none of which is in it.\n",
    "/** See word-borders.ts; zstd in base64. */",
    `export const WORD_TABLES =\n  "${bytes.toString("base64")}";`,
  ];
  writeFileSync(TABLES, `${lines.join("\n")}\n`);
  console.log(`${bytes.length} bytes of tables`);
}

function measure(phrases: readonly Phrase[], model: BorderModel): void {
  const kindOf = (phrase: Phrase) =>
    phrase.length === 1
      ? "one word"
      : phrase.filter((word) => word.length > 1).length === 1
        ? "one word beside words of one letter"
        : "several words";
  for (const [kind, list] of Map.groupBy(phrases, kindOf)) {
    const right = list.filter(
      (phrase) => splitWords(phrase.join(""), undefined, model).join(" ") === phrase.join(" "),
    );
    console.log(`${kind}: ${((100 * right.length) / list.length).toFixed(1)} % of ${list.length} right`);
  }
}
