import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  FEATURES,
  type FeatureCalibration,
  type FeatureName,
  faultOf,
} from "../../pipeline/measures/quality.ts";
import { TextMeasures } from "../../pipeline/measures/text-measures.ts";
import { readTrigrams, TRIGRAMS } from "../../pipeline/measures/trigrams.ts";
import { dropDiacritics, seededRandom } from "../../pipeline/sample/damage.ts";
import { type CorpusText, isHeldOut, PROFILE_OF, readCorpus } from "./quality/corpus.ts";
import { createRepair } from "./quality/repair.ts";
import { WRECKS } from "./quality/wreckage.ts";

const MEASURES = new URL("../../pipeline/measures/", import.meta.url);
const NAMES = Object.keys(FEATURES) as FeatureName[];
/** Share of clean documents outside the healthy range on either side. */
const OUTSIDE = 0.005;
/** A triple rarer than once in so many is unlikely. */
const RARE = 1 / 1_000_000;
/** A clean document lost is as bad as this many wrecks kept. */
const CLEAN_WEIGHT = 8;
/** Shorter documents do not reach the score. */
const SHORT = 200;
/** Clean documents of ordinary length that make wrecks. */
const WRECKED = 4000;
/** Every so many clean texts stand in the fit as speech recognition and as old chats write, too: both are wanted. */
const PLAIN = 20;
const ROUNDS = 3000;
const RATE = 0.5;
/** Pull of every weight towards 0, so that features that tell the same share it. */
const RIDGE = 3e-4;

/**
 * `npm run bench -- calibrate-quality [--corpus FOLDER]`: finds, on the even lines of the clean corpora, the
 * likely letter triples (of words with and without their Polish marks) and each feature's healthy range, fits the features' weights on clean against wrecked
 * texts (logistic regression, no weight below 0), and writes both tables into pipeline/measures/.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: { corpus: { type: "string", default: "../shared/corpus" } },
  });
  const corpora = await Promise.all(["prose-pl", "msdocs-pl"].map((name) => readCorpus(values.corpus, name)));
  const texts = corpora.flat().filter((text) => !isHeldOut(text) && text.text.length > SHORT);

  const likely = findLikely(texts);
  write("likely-trigrams.ts", [
    "/** One bit for each triple of letters; see trigrams.ts. Written by `npm run bench -- calibrate-quality`. */",
    `export const LIKELY_TRIGRAMS =\n  "${Buffer.from(likely).toString("base64")}";`,
  ]);
  // the table just written is not the one that is loaded: go on in a second run when it has changed
  const { LIKELY_TRIGRAMS } = await import("../../pipeline/measures/likely-trigrams.ts");
  if (!Buffer.from(LIKELY_TRIGRAMS, "base64").equals(likely)) {
    console.log("the table of letter triples has changed: run this once more for the features");
    return;
  }

  const clean = texts.map(({ text, category }) => featuresOf(text, category));
  const wrecks = wreck(texts);
  const plain = texts
    .filter((_, i) => i % PLAIN === 0)
    .flatMap(({ text }) =>
      [asSpeech(text), dropDiacritics(text)].map((form) => featuresOf(form, "parliament")),
    );
  const ranges = NAMES.map((_, feature) => rangeOf(clean.map((values) => values[feature] as number)));
  const faults = (rows: readonly Float64Array[]) =>
    rows.map((row) => row.map((value, i) => faultOf(value, ranges[i]!.healthy, ranges[i]!.worst)));
  const { bias, weights } = fit(faults([...clean, ...plain]), faults(wrecks));

  const lines = NAMES.map((name, i) => {
    const { healthy, worst } = ranges[i]!;
    const list = (pair: readonly number[]) =>
      `[${pair.map((value) => Number(value.toPrecision(3))).join(", ")}]`;
    return `  "${name}": { healthy: ${list(healthy)}, worst: ${list(worst)}, weight: ${(weights[i] as number).toFixed(2)} },`;
  });
  write("quality-calibration.ts", [
    "// Written by `npm run bench -- calibrate-quality`.\n",
    `/** Logit of a text without a fault: the border to wrecks lies this far away. */`,
    `export const PERFECT_LOGIT = ${bias.toFixed(2)};\n`,
    `/** From ${clean.length} clean documents and ${wrecks.length} wrecks of ${Object.keys(WRECKS).length} kinds. */`,
    "export const CALIBRATION = {",
    ...lines,
    "} as const;",
  ]);
  console.log(lines.join("\n"));
  report("clean documents below 0.5", faults(clean), bias, weights);
  report("clean documents without marks or Polish letters below 0.5", faults(plain), bias, weights);
  report("wrecks below 0.5", faults(wrecks), bias, weights);
}

function write(name: string, lines: readonly string[]): void {
  writeFileSync(new URL(name, MEASURES), `${lines.join("\n")}\n`);
}

function findLikely(texts: readonly CorpusText[]): Uint8Array {
  const counts = new Uint32Array(TRIGRAMS);
  let all = 0;
  for (const { text } of texts) {
    for (const form of [text, dropDiacritics(text)]) {
      const trigrams = readTrigrams(form);
      for (const trigram of trigrams) counts[trigram] = (counts[trigram] as number) + 1;
      all += trigrams.length;
    }
  }
  const bits = new Uint8Array(Math.ceil(TRIGRAMS / 8));
  let likely = 0;
  for (const [trigram, count] of counts.entries()) {
    if (count <= all * RARE) continue;
    likely += 1;
    bits[trigram >> 3] = (bits[trigram >> 3] as number) | (1 << (trigram & 7));
  }
  console.log(`${likely} likely triples of ${TRIGRAMS}, from ${all}`);
  return bits;
}

/** The features of a text as the selecting steps see it: repaired. */
function featuresOf(text: string, category: string): Float64Array {
  const measures = new TextMeasures(createRepair(PROFILE_OF[category] ?? "web")(text));
  return Float64Array.from(NAMES, (name) => FEATURES[name](measures));
}

/** Small letters, no marks, one line. */
const asSpeech = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();

function wreck(texts: readonly CorpusText[]): Float64Array[] {
  const random = seededRandom(1);
  const ordinary = texts.filter(({ text }) => text.length > 600 && text.length < 20_000);
  const step = Math.max(1, Math.floor(ordinary.length / WRECKED));
  const kinds = Object.values(WRECKS);
  return ordinary
    .filter((_, i) => i % step === 0)
    .map(({ text }, i) => featuresOf(kinds[i % kinds.length]!(text, random), "web"));
}

function rangeOf(values: number[]): Pick<FeatureCalibration, "healthy" | "worst"> {
  const sorted = values.sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.round((sorted.length - 1) * part)] as number;
  const [low, median, high] = [at(OUTSIDE), at(0.5), at(1 - OUTSIDE)];
  return {
    healthy: [low, high],
    worst: [Math.max(0, low - (median - low)), high + Math.max(high - median, 0.01)],
  };
}

/** Gradient descent on the weighted mean logistic loss; `bias − Σ weight · fault` is the logit of being clean. */
function fit(clean: readonly Float64Array[], wrecks: readonly Float64Array[]) {
  const weights = new Float64Array(NAMES.length);
  let bias = 1;
  // most clean documents have no fault at all: equal rows are counted once
  const rows = new Map<
    string,
    { readonly faults: Float64Array; readonly isClean: boolean; weight: number }
  >();
  const add = (faults: Float64Array, isClean: boolean, weight: number) => {
    const key = `${isClean} ${faults.join(" ")}`;
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { faults, isClean, weight });
    else row.weight += weight;
  };
  for (const faults of clean) add(faults, true, CLEAN_WEIGHT / clean.length);
  for (const faults of wrecks) add(faults, false, 1 / wrecks.length);
  for (let round = 0; round < ROUNDS; round++) {
    const gradient = new Float64Array(NAMES.length);
    let biasGradient = 0;
    for (const { faults, isClean, weight } of rows.values()) {
      const logit = faults.reduce((sum, fault, i) => sum - fault * (weights[i] as number), bias);
      const error = (1 / (1 + Math.exp(-logit)) - Number(isClean)) * weight;
      biasGradient += error;
      for (const [i, fault] of faults.entries()) gradient[i] = (gradient[i] as number) - error * fault;
    }
    bias -= RATE * biasGradient;
    for (const [i, slope] of gradient.entries())
      weights[i] = Math.max(0, (weights[i] as number) * (1 - RATE * RIDGE) - RATE * slope);
  }
  return { bias, weights };
}

function report(name: string, rows: readonly Float64Array[], bias: number, weights: Float64Array): void {
  const low = rows.filter(
    (faults) => faults.reduce((sum, fault, i) => sum - fault * (weights[i] as number), bias) < 0,
  ).length;
  console.log(`${name}: ${((100 * low) / rows.length).toFixed(2)} % of ${rows.length}`);
}
