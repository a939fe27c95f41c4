import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { ComputeType } from "../../model/backend.ts";
import { createCpuBackend } from "../../model/backends/cpu.ts";
import type { ModelConfig } from "../../model/config.ts";
import { initialValues } from "../../model/init.ts";
import { backward, forward, loss } from "../../model/llama.ts";
import { createRandom } from "../../model/random.ts";
import { createTrainingModel, setMicroBatch, setWeights } from "../../model/training-model.ts";
import { applyAdamW } from "../../train/adamw.ts";

/**
 * `npm run bench -- train --python PATH`: training steps of the `cpu` backend and of PyTorch (transformers'
 * LlamaForCausalLM with scaled-dot-product attention and fused AdamW; bf16 through autocast), and matrix products of both.
 * Every measurement runs in a process of its own, so that peak memory is its own, with the same threads on both sides,
 * in alternation. The best time counts on both sides. On a machine that others use too, tokens per second of processor
 * time with `--threads 1` are the figure to trust: waiting for a turn is not in them.
 */
const models: Readonly<Record<string, { dModel: number; layers: number; dHidden: number }>> = {
  d256x4: { dModel: 256, layers: 4, dHidden: 704 },
  d512x8: { dModel: 512, layers: 8, dHidden: 1408 },
  d768x12: { dModel: 768, layers: 12, dHidden: 2048 },
};
const sequenceLength = 512;
const matmulShapes = [
  [256, 256, 256],
  [256, 256, 1024],
  [512, 2048, 2048],
  [2048, 768, 768],
  [2048, 4096, 768],
  [2048, 8192, 512],
] as const;
const matmulFlops = 2e10;

interface Job {
  readonly kind: "train" | "matmul";
  readonly dtype: ComputeType;
  readonly threads: number;
}
interface TrainJob extends Job {
  readonly kind: "train";
  readonly model: ModelConfig;
  readonly sequences: number;
  readonly sequenceLength: number;
  readonly warmUp: number;
  readonly steps: number;
  readonly compile: boolean;
}
interface MatmulJob extends Job {
  readonly kind: "matmul";
  readonly shapes: readonly (readonly [number, number, number])[];
  readonly flops: number;
}
interface TrainResult {
  readonly seconds: readonly number[];
  /** Processor time of all threads. */
  readonly cpuSeconds: readonly number[];
  /** Largest resident memory of the process, and that before the model was made. */
  readonly peakBytes: number;
  readonly startBytes: number;
  readonly version?: string;
}
interface MatmulResult {
  readonly gflops: readonly number[];
}

export async function run(words: readonly string[]): Promise<void> {
  if (words[0] === "measure") return measure(JSON.parse(words[1] ?? "{}") as TrainJob | MatmulJob);
  const { values } = parseArgs({
    args: [...words],
    options: {
      python: { type: "string" },
      threads: { type: "string", default: String(availableParallelism()) },
      models: { type: "string", default: Object.keys(models).join(",") },
      vocabularies: { type: "string", default: "8000,31980" },
      types: { type: "string", default: "f32,bf16" },
      steps: { type: "string", default: "3" },
      sequences: { type: "string", default: "4" },
      rounds: { type: "string", default: "2" },
      parts: { type: "string", default: "products,steps" },
      compile: { type: "boolean", default: false },
    },
  });
  const { python } = values;
  const [threads, steps, rounds] = [Number(values.threads), Number(values.steps), Number(values.rounds)];
  const types = values.types.split(",") as ComputeType[];
  print(`${createCpuBackend({ threads }).device}; Node ${process.version}`);
  if (python === undefined) print("PyTorch: not measured (no --python with torch and transformers)");
  const parts = values.parts.split(",");
  for (const dtype of parts.includes("products") ? types : [])
    compareProducts({ kind: "matmul", dtype, threads }, python, rounds);
  print(
    "\nmodel          vocabulary type  tokens/s: apt3  torch  ratio | per CPU second: apt3 torch ratio | peak MB: apt3  torch  ratio | above start",
  );
  for (const name of parts.includes("steps") ? values.models.split(",") : []) {
    for (const vocabSize of values.vocabularies.split(",").map(Number)) {
      for (const dtype of types) {
        const job: TrainJob = {
          kind: "train",
          dtype,
          threads,
          model: modelConfig(name, vocabSize),
          sequences: Number(values.sequences),
          sequenceLength,
          warmUp: 1,
          steps,
          compile: values.compile,
        };
        print(
          `${name.padEnd(14)} ${String(vocabSize).padEnd(10)} ${dtype.padEnd(5)} ${compareSteps(job, python, rounds)}`,
        );
      }
    }
  }
}

function modelConfig(name: string, vocabSize: number): ModelConfig {
  const shape = models[name];
  if (shape === undefined)
    throw new Error(`--models: ${name} is not one of ${Object.keys(models).join(", ")}`);
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

function compareSteps(job: TrainJob, python: string | undefined, rounds: number): string {
  const { ours, theirs } = alternate<TrainResult>(job, python, rounds);
  const tokens = job.sequences * job.sequenceLength;
  const speed = (results: readonly TrainResult[]) =>
    tokens / Math.min(...results.flatMap(({ seconds }) => seconds));
  const cpuSpeed = (results: readonly TrainResult[]) =>
    tokens / Math.min(...results.flatMap(({ cpuSeconds }) => cpuSeconds));
  const megabytes = (bytes: number) => bytes / 2 ** 20;
  const peak = (results: readonly TrainResult[]) =>
    megabytes(Math.max(...results.map(({ peakBytes }) => peakBytes)));
  const own = (results: readonly TrainResult[]) =>
    megabytes(Math.max(...results.map(({ peakBytes, startBytes }) => peakBytes - startBytes)));
  const row = (of: (results: readonly TrainResult[]) => number) => {
    const peer =
      theirs.length === 0
        ? "not measured"
        : `${of(theirs).toFixed(0).padStart(7)} ${(of(ours) / of(theirs)).toFixed(2)}`;
    return `${of(ours).toFixed(0).padStart(7)} ${peer}`;
  };
  return `${row(speed)} | ${row(cpuSpeed)} | ${row(peak)} | ${row(own)}  ${theirs[0]?.version ?? ""}`;
}

function compareProducts(job: Job, python: string | undefined, rounds: number): void {
  const full: MatmulJob = { ...job, kind: "matmul", shapes: matmulShapes, flops: matmulFlops };
  const { ours, theirs } = alternate<MatmulResult>(full, python, rounds);
  print(
    `\nGFLOP/s, ${job.dtype}, ${job.threads === 1 ? "1 thread, processor time" : `${job.threads} threads`}   apt3  torch  ratio`,
  );
  for (const [index, [m, n, k]] of matmulShapes.entries()) {
    const best = (results: readonly MatmulResult[]) =>
      Math.max(...results.map(({ gflops }) => gflops[index] ?? 0));
    const [mine, other] = [best(ours), best(theirs)];
    const peer =
      theirs.length === 0 ? "not measured" : `${other.toFixed(0).padStart(6)} ${(mine / other).toFixed(2)}`;
    print(`${`${m}×${n}×${k}`.padEnd(22)} ${mine.toFixed(0).padStart(10)} ${peer}`);
  }
}

/** Measures us and the peer in turn; `theirs` stays empty where the peer cannot be measured. */
function alternate<Result>(
  job: TrainJob | MatmulJob,
  python: string | undefined,
  rounds: number,
): { ours: Result[]; theirs: Result[] } {
  const ours: Result[] = [];
  const theirs: Result[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(measureHere(job) as Result);
    const peer = python === undefined ? undefined : measureTorch(python, job);
    if (peer !== undefined) theirs.push(peer as Result);
  }
  return { ours, theirs };
}

const print = (line: string) => process.stdout.write(`${line}\n`);

function measureHere(job: TrainJob | MatmulJob): unknown {
  const dispatcher = fileURLToPath(new URL("run.ts", import.meta.url));
  const child = spawnSync(process.execPath, [dispatcher, "train", "measure", JSON.stringify(job)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(child.stdout);
}

/** Undefined, with a line that says why, where the interpreter lacks something. */
function measureTorch(python: string, job: TrainJob | MatmulJob): unknown {
  // OPENBLAS_CORETYPE may pin a slower kernel than the processor has: the peer is measured at its best.
  const { OPENBLAS_CORETYPE: _, ...env } = process.env;
  const script = fileURLToPath(new URL("train_torch.py", import.meta.url));
  const child = spawnSync(python, [script], { encoding: "utf8", input: JSON.stringify(job), env });
  if (child.status === 0) return JSON.parse(child.stdout.trim().split("\n").at(-1) ?? "");
  print(`PyTorch: not measured (${child.error?.message ?? child.stderr.trim().split("\n").at(-1)})`);
  return undefined;
}

async function measure(job: TrainJob | MatmulJob): Promise<void> {
  print(JSON.stringify(job.kind === "matmul" ? await measureProducts(job) : await measureSteps(job)));
}

async function measureProducts({ dtype, threads, shapes, flops }: MatmulJob): Promise<MatmulResult> {
  const backend = createCpuBackend({ threads });
  const random = createRandom(1, "matmul");
  const gflops: number[] = [];
  // On one thread processor time is what the time would be without other users of the machine.
  const cpuSeconds = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  const clock = threads === 1 ? cpuSeconds : () => performance.now() / 1000;
  for (const [m, n, k] of shapes) {
    const [a, b] = [
      backend.create({ name: "a", dtype, rows: m, columns: k }),
      backend.create({ name: "b", dtype, rows: n, columns: k }),
    ];
    const out = backend.create({ name: "out", dtype, rows: m, columns: n });
    const end = backend.create({ name: "end", dtype: "f32", rows: 1, columns: 1 });
    for (const operand of [a, b]) {
      const size = operand.rows * operand.columns;
      backend.write(operand, Float32Array.from({ length: size }, random.normal));
    }
    const multiply = () => backend.matmul({ a, b, out, transposition: "nt" });
    multiply();
    await backend.read(end);
    const repetitions = Math.max(1, Math.floor(flops / (2 * m * n * k)));
    let best = 0;
    for (let trial = 0; trial < 3; trial++) {
      const started = clock();
      for (let repetition = 0; repetition < repetitions; repetition++) multiply();
      await backend.read(end);
      best = Math.max(best, (2 * m * n * k * repetitions) / (clock() - started) / 1e9);
    }
    gflops.push(best);
    for (const buffer of [a, b, out]) backend.free(buffer);
  }
  await backend.close();
  return { gflops };
}

async function measureSteps(job: TrainJob): Promise<TrainResult> {
  const backend = createCpuBackend({ threads: job.threads });
  const startBytes = process.memoryUsage.rss();
  const model = createTrainingModel(backend, {
    config: job.model,
    sequences: job.sequences,
    sequenceLength: job.sequenceLength,
    computeType: job.dtype,
    recompute: "none",
    documentAttention: false,
  });
  await setWeights(model, (tensor) => initialValues(job.model, tensor, 1));
  const random = createRandom(1, "tokens");
  const tokens = job.sequences * job.sequenceLength;
  const ids = Int32Array.from({ length: tokens }, () => Math.floor(random.uniform() * job.model.vocabSize));
  const settings = { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 } as const;
  const seconds: number[] = [];
  const cpuSeconds: number[] = [];
  for (let step = 0; step < job.warmUp + job.steps; step++) {
    const started = performance.now();
    const cpuStarted = process.cpuUsage();
    const targets = setMicroBatch(model, ids);
    backend.zero(model.state.sums);
    forward(model);
    loss(model, 1 / targets);
    backward(model);
    applyAdamW(model, settings, 1e-4, step + 1);
    await backend.read(model.state.sums);
    seconds.push((performance.now() - started) / 1000);
    const { user, system } = process.cpuUsage(cpuStarted);
    cpuSeconds.push((user + system) / 1e6);
  }
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  await backend.close();
  return {
    seconds: seconds.slice(job.warmUp),
    cpuSeconds: cpuSeconds.slice(job.warmUp),
    peakBytes,
    startBytes,
  };
}
