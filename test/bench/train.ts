import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { ComputeType } from "../../model/backend.ts";
import { measurePeak } from "../../model/backends/cpu/peak.ts";
import { createCpuBackend } from "../../model/backends/cpu.ts";
import type { ModelConfig } from "../../model/config.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import type { Job, ProductsJob, StepsJob, Summary, Times } from "./train/job.ts";
import { leastFlopsPerToken } from "./train/least-flops.ts";
import { openOurs, openTorch, type Side } from "./train/side.ts";

/**
 * `npm run bench -- train --python PATH`: training steps of the `cpu` backend and of PyTorch (transformers'
 * LlamaForCausalLM with scaled-dot-product attention and fused AdamW; bf16 through autocast), and matrix products of both.
 * Both sides live in processes of their own, with the same number of threads, and are measured in turn, one step each;
 * after a first pair that counts for nothing. Ratios are medians over the pairs. On a machine that others use too, tokens
 * per second of processor time are the figure to trust: waiting for a turn is not in them.
 *
 * The last columns tell how near both are to the processor's peak, measured in the same run as multiply-adds between
 * registers: the share of it that the products of a step alone amount to, and the ratio that we should have if a step
 * were nothing but those products at that peak. No program can exceed that ratio on this machine.
 *
 * `--full` adds the vocabulary of 31,980 and PyTorch's compiler, and takes about half an hour; the default takes five
 * minutes of two quiet cores. Any row can be had alone: `--parts steps --models d512x8 --vocabularies 31980 --types bf16`,
 * and the matrix products by `--parts products`.
 */
const models: Readonly<Record<string, { dModel: number; layers: number; dHidden: number }>> = {
  d256x4: { dModel: 256, layers: 4, dHidden: 704 },
  d512x8: { dModel: 512, layers: 8, dHidden: 1408 },
  d768x12: { dModel: 768, layers: 12, dHidden: 2048 },
};
const sequenceLength = 512;
const matmulShapes = [
  [128, 128, 128],
  [256, 256, 256],
  [256, 256, 1024],
  [512, 2048, 2048],
  [2048, 768, 768],
  [2048, 4096, 768],
  [2048, 8192, 512],
] as const;
const matmulFlops = 5e9;

/** Two sides' measurements, pair by pair; the second side is missing where there is no peer. */
interface Pairs {
  readonly pairs: readonly { readonly ours: Times[]; readonly theirs: Times[] | undefined }[];
  readonly ours: Summary;
  readonly theirs: Summary | undefined;
}

export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      python: { type: "string" },
      threads: { type: "string", default: String(availableParallelism()) },
      models: { type: "string", default: Object.keys(models).join(",") },
      vocabularies: { type: "string" },
      types: { type: "string", default: "f32,bf16" },
      sequences: { type: "string", default: "4" },
      pairs: { type: "string", default: "4" },
      parts: { type: "string", default: "products,steps" },
      compile: { type: "boolean", default: false },
      full: { type: "boolean", default: false },
    },
  });
  const { python } = values;
  const [threads, pairs] = [Number(values.threads), Number(values.pairs)];
  const types = oneOf<ComputeType>("--types", values.types, ["f32", "bf16"]);
  const names = oneOf("--models", values.models, Object.keys(models));
  const vocabularies = values.vocabularies ?? (values.full ? "8000,31980" : "8000");
  const parts = oneOf("--parts", values.parts, ["products", "steps"]);
  const compiles = values.compile || values.full ? [false, true] : [false];
  print(`${createCpuBackend({ threads }).device}; Node ${process.version}; ${pairs} pairs a row`);
  if (python === undefined) print("PyTorch: not measured (no --python with torch and transformers)");

  if (parts.includes("products")) {
    const rows: string[][] = [];
    for (const dtype of types) {
      const job: ProductsJob = { kind: "products", dtype, threads, shapes: matmulShapes, flops: matmulFlops };
      rows.push(...productRows(job, await alternate(job, python, pairs)));
    }
    print(
      `\n${formatTable([["a · bᵀ", "", "GFLOP/s: apt3", "torch", "ratio", "a CPU second: ratio"], ...rows])}`,
    );
  }

  if (!parts.includes("steps")) return;
  /** The best of all measurements, one before each row: a neighbour on the machine can spoil a single one. */
  const peaks = new Map<ComputeType, number>();
  const measured: { readonly name: string; readonly job: StepsJob; readonly pairs: Pairs }[] = [];
  const rowOf = ({ name, job, pairs }: (typeof measured)[number]) =>
    stepsRow(name, job, pairs, peaks.get(job.dtype) ?? Number.NaN);
  for (const name of names) {
    for (const vocabSize of vocabularies.split(",").map(Number)) {
      for (const dtype of types) {
        for (const compile of python === undefined ? [false] : compiles) {
          const model = modelConfig(name, vocabSize);
          const sequences = Number(values.sequences);
          const job: StepsJob = { kind: "steps", dtype, threads, model, sequences, sequenceLength, compile };
          peaks.set(dtype, Math.max(peaks.get(dtype) ?? 0, await measurePeak(threads, dtype)));
          const result = { name, job, pairs: await alternate(job, python, pairs) };
          measured.push(result);
          process.stderr.write(`${rowOf(result).join("  ")}\n`);
        }
      }
    }
  }
  const titles = ["model", "vocabulary", "type", "peer", "tokens/s: apt3", "torch", "ratio"];
  const more = ["a CPU second: apt3", "torch", "ratio", "peak MB: apt3", "torch", "ratio"];
  const bound = ["of the FMA peak: apt3", "torch", "ratio possible at the peak"];
  print(`\n${formatTable([[...titles, ...more, ...bound], ...measured.map(rowOf)])}`);
  const speeds = [...peaks].map(([dtype, peak]) => `${dtype} ${(peak / 1e9).toFixed(0)}`).join(", ");
  print(`Peak of ${threads} threads, GFLOP/s: ${speeds}`);
}

/** The words of a comma-separated flag, each of which must be known. */
function oneOf<Word extends string>(flag: string, value: string, known: readonly Word[]): Word[] {
  return value.split(",").map((word) => {
    const found = known.find((name) => name === word);
    if (found === undefined) throw new UserError(`${flag}: ${word} is not one of ${known.join(", ")}`);
    return found;
  });
}

function modelConfig(name: string, vocabSize: number): ModelConfig {
  const shape = models[name]!;
  const heads = shape.dModel / 64;
  return {
    ...shape,
    vocabSize,
    heads,
    kvHeads: heads,
    maxSequenceLength: sequenceLength,
    rmsNormEpsilon: 1e-6,
    ropeTheta: 10_000,
    initializerRange: 0.02,
  };
}

/** Measures us and the peer in turn. */
async function alternate(job: Job, python: string | undefined, count: number): Promise<Pairs> {
  const ours = openOurs(job);
  const theirs = python === undefined ? undefined : await openPeer(job, python);
  await ours.measure();
  const pairs: { ours: Times[]; theirs: Times[] | undefined }[] = [];
  for (let pair = 0; pair < count; pair++) {
    pairs.push({ ours: await ours.measure(), theirs: await theirs?.measure() });
  }
  return { pairs, ours: await ours.end(), theirs: await theirs?.end() };
}

/** Undefined, with a line that says why, where the peer cannot be measured: its first step shows it. */
async function openPeer(job: Job, python: string): Promise<Side | undefined> {
  const side = openTorch(job, python);
  try {
    await side.measure();
    return side;
  } catch (error) {
    const compiled = job.kind === "steps" && job.compile ? " compiled" : "";
    print(`PyTorch${compiled}: not measured (${error instanceof Error ? error.message : error})`);
    return undefined;
  }
}

function stepsRow(name: string, job: StepsJob, { pairs, ours, theirs }: Pairs, peak: number): string[] {
  const tokens = job.sequences * job.sequenceLength;
  const speeds = (key: keyof Times) =>
    columns(pairs.map((pair) => [tokens / pair.ours[0]![key], perSecond(tokens, pair.theirs?.[0], key)]));
  const megabytes = ({ peakBytes }: Summary) => peakBytes / 2 ** 20;
  const memory = columns([[megabytes(ours), theirs === undefined ? undefined : megabytes(theirs)]]);
  const peer = theirs === undefined ? "-" : `${theirs.version}${job.compile ? ", compiled" : ""}`;
  return [
    name,
    String(job.model.vocabSize),
    job.dtype,
    peer,
    ...speeds("seconds"),
    ...speeds("cpuSeconds"),
    ...memory,
    ...peakColumns(job, { pairs, ours, theirs }, peak),
  ];
}

/** Our share of the processor's peak, the peer's, and what remains between the peer's and all of it. */
function peakColumns({ model, sequences, sequenceLength: length }: StepsJob, { pairs }: Pairs, peak: number) {
  const flops = leastFlopsPerToken(model, length) * sequences * length;
  const own = median(pairs.map(({ ours }) => flops / ours[0]!.seconds / peak));
  const seconds = pairs.flatMap(({ theirs }) => (theirs === undefined ? [] : [theirs[0]!.seconds]));
  if (seconds.length < pairs.length) return [own.toFixed(2), "not measured", "-"];
  const other = median(seconds.map((time) => flops / time / peak));
  return [own.toFixed(2), other.toFixed(2), (1 / other).toFixed(2)];
}

function productRows({ shapes, dtype }: ProductsJob, { pairs }: Pairs): string[][] {
  return shapes.map(([m, n, k], index) => {
    const gigaflops = (2 * m * n * k) / 1e9;
    const speeds = (key: keyof Times) =>
      columns(
        pairs.map((pair) => [
          gigaflops / pair.ours[index]![key],
          perSecond(gigaflops, pair.theirs?.[index], key),
        ]),
      );
    return [`${m}×${n}×${k}`, dtype, ...speeds("seconds"), speeds("cpuSeconds")[2]!];
  });
}

const perSecond = (amount: number, times: Times | undefined, key: keyof Times): number | undefined =>
  times === undefined ? undefined : amount / times[key];

/** Our median, the peer's, and the median of the ratios of the pairs. */
function columns(pairs: readonly (readonly [number, number | undefined])[]): string[] {
  const ours = median(pairs.map(([own]) => own)).toFixed(0);
  const theirs = pairs.flatMap(([, other]) => (other === undefined ? [] : [other]));
  if (theirs.length < pairs.length) return [ours, "not measured", "-"];
  const ratios = pairs.map(([own], index) => own / theirs[index]!);
  return [ours, median(theirs).toFixed(0), median(ratios).toFixed(2)];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
}

const print = (line: string) => process.stdout.write(`${line}\n`);
