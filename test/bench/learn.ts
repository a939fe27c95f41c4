import { mkdir } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ComputeType } from "../../model/backend.ts";
import { openBackend } from "../../model/backends/registry.ts";
import { countParameters } from "../../model/parameters.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { openPackedData } from "../../train/data/packed-data.ts";
import { describePairs, meanAndError } from "./learn/paired.ts";
import { score } from "./learn/score.ts";
import { type Setting, settings, tokensOf, trainingConfig } from "./learn/setting.ts";
import { apt3, type Lesson, trainHere, trainInTorch } from "./learn/sides.ts";

/**
 * `npm run bench -- learn --text TEXTS --python PATH`: what a model has learnt after the same tokens with our trainer and
 * with PyTorch, measured in bits per byte of held-out rows. Both start from the same weights, read the same rows in the
 * same order at the same learning rates, and are measured by the same code in float32.
 *
 * Two trainings that differ in nothing but rounding part after some dozens of steps and end apart by chance: up to 1 % in
 * bf16, 0.06 % in float32 (1.7 M parameters, 300 steps, 2026-11). So one seed tells little: with `--seeds 6` the table ends
 * with means of the paired differences and their standard errors. `--model small` is cheap enough for that; `--precision f32,bf16` also compares each side with itself.
 *
 * By default a model of 27.7 M parameters, one seed, bf16 and 500 steps (2.05 M tokens), which take us about 15 minutes of
 * two quiet cores, PyTorch longer; what is done is kept in `--work`, and the same command goes on from there.
 */
const firstSeed = 1337;

export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      text: { type: "string" },
      python: { type: "string" },
      model: { type: "string", default: "large" },
      steps: { type: "string", default: "500" },
      seeds: { type: "string", default: "1" },
      precision: { type: "string", default: "bf16" },
      work: { type: "string", default: join(tmpdir(), "apt3-bench-learn") },
      threads: { type: "string", default: String(availableParallelism()) },
      /** Measure us and the peer at the same time: what is learnt does not depend on it, only the time does. */
      together: { type: "boolean", default: false },
    },
  });
  const { text, python } = values;
  const steps = Number(values.steps);
  const precisions = values.precision.split(",") as ComputeType[];
  const setting = settings[values.model];
  if (setting === undefined) throw new Error(`--model: one of ${Object.keys(settings).join(", ")}`);
  if (text === undefined)
    throw new Error("--text: a .jsonl, .jsonl.zst or .txt file with at least 10 MB of text");

  // 1. Rows, the same for all.
  const work = join(resolve(values.work), values.model);
  await mkdir(work, { recursive: true });
  const { data, tokenizer } = await prepareRows(text, work, setting);
  const { model } = trainingConfig(setting, data, steps, firstSeed, "f32");
  print(
    `${countParameters(model).toLocaleString("en")} parameters, ${steps} steps of ${setting.rowsPerStep} × ${setting.sequenceLength} tokens = ${(steps * tokensOf(setting)).toLocaleString("en")} tokens`,
  );

  // 2. Trainings, here and there, and what each has learnt.
  const backend = await openBackend("cpu");
  const learnt = new Map<string, number[]>();
  const note = async (who: string, folder: string) => {
    const { bitsPerByte, loss, accuracy, tokens } = await score(backend, folder, data);
    learnt.set(who, [...(learnt.get(who) ?? []), bitsPerByte]);
    print(
      `${who}: ${bitsPerByte.toFixed(4)} bits per byte, loss ${loss.toFixed(4)}, accuracy ${(100 * accuracy).toFixed(1)} % of ${tokens.toLocaleString("en")} held-out tokens`,
    );
  };
  for (let seed = firstSeed; seed < firstSeed + Number(values.seeds); seed++) {
    const folder = join(work, `${steps}-steps`, `seed-${seed}`);
    for (const precision of precisions) {
      const config = trainingConfig(setting, data, steps, seed, precision);
      const lesson: Lesson = { folder, config, data, tokenizer, precision };
      const ours = () => trainHere(lesson);
      const theirs = async () =>
        python === undefined ? undefined : trainInTorch(lesson, python, Number(values.threads));
      const [mine, other] = values.together
        ? await Promise.all([ours(), theirs()])
        : [await ours(), await theirs()];
      await note(`apt3 ${precision}`, mine);
      if (other !== undefined) await note(`torch ${precision}`, other);
    }
  }
  await backend.close();

  // 3. How they compare.
  print(`\n${formatTable(summary(learnt))}`);
  for (const [who, other] of comparisons(precisions)) {
    const [mine, theirs] = [learnt.get(who), learnt.get(other)];
    if (mine !== undefined && theirs !== undefined) {
      print(`${who} against ${other}: ${describePairs(mine, theirs)} (paired, ± standard error)`);
    }
  }
  if (python === undefined) print("torch: not measured (no --python with torch and transformers)");
}

/** A tokenizer trained on the texts, and the texts packed with it. */
async function prepareRows(text: string, work: string, { vocabSize, sequenceLength }: Setting) {
  const [tokenizer, packed] = [join(work, "tokenizer"), join(work, "packed")];
  const vocabulary = ["--vocab-size", String(vocabSize), "--out", tokenizer];
  await apt3("train-tokenizer", "--input", text, ...vocabulary);
  const rows = ["--seq-len", String(sequenceLength), "--validation-share", "0.01", "--out", packed];
  await apt3("pack", "--input", text, "--tokenizer", tokenizer, ...rows);
  return { data: await openPackedData(packed), tokenizer };
}

/** Bits per byte: a row for each seed, then the mean and its standard error. */
function summary(learnt: ReadonlyMap<string, readonly number[]>): string[][] {
  const columns = [...learnt.values()];
  const seeds = columns[0]?.length ?? 0;
  const rows = Array.from({ length: seeds }, (_, i) => [
    `seed ${firstSeed + i}`,
    ...columns.map((column) => column[i]!.toFixed(4)),
  ]);
  const means = columns.map(meanAndError);
  return [
    ["bits per byte", ...learnt.keys()],
    ...rows,
    ...(seeds > 1
      ? [["mean", ...means.map(({ mean, error }) => `${mean.toFixed(4)} ± ${error.toFixed(4)}`)]]
      : []),
  ];
}

/** Us against the peer in each precision; then each side's bf16 against its own f32. */
function comparisons(precisions: readonly ComputeType[]): [string, string][] {
  const pairs = precisions.map((precision): [string, string] => [`apt3 ${precision}`, `torch ${precision}`]);
  if (precisions.length === 1) return pairs;
  return [...pairs, ["apt3 bf16", "apt3 f32"], ["torch bf16", "torch f32"]];
}

const print = (line: string) => process.stdout.write(`${line}\n`);
