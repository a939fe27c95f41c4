import { join } from "node:path";
import { type BackendName, openBackend } from "../model/backends/registry.ts";
import type { CleanManifest } from "../pipeline/clean-manifest.ts";
import { ingest } from "../pipeline/ingest.ts";
import { sumStatistics } from "../pipeline/results.ts";
import type { Figures, JobContext } from "../pipeline/runtime/command.ts";
import { shippedFile } from "../pipeline/runtime/installation.ts";
import { formatBytes, formatCount } from "../pipeline/runtime/sizes.ts";
import { formatTable } from "../pipeline/runtime/table.ts";
import { dropsByReason } from "../pipeline/statistics.ts";
import { pack } from "../tokenizer/pack/pack.ts";
import type { PackedManifest } from "../tokenizer/pack/shards/packed-manifest.ts";
import type { TrainedTokenizer } from "../tokenizer/training/train-tokenizer.ts";
import { trainTokenizer } from "../tokenizer/training/train-tokenizer.ts";
import { pretrain } from "./pretrain.ts";
import { readHistory } from "./run/metrics.ts";
import { metricsOf } from "./run/run-folder.ts";
import { exportRun } from "./use/export.ts";
import { generateText } from "./use/generate-text.ts";

export interface DemoOptions {
  /** Folder for texts, tokenizer, rows and the exported model. */
  readonly data: string;
  /** Folder of the training run. */
  readonly run: string;
  readonly workers: number;
  readonly backend: BackendName | "auto";
}

/** Sized for 150 kB of text: a larger vocabulary would be learnt by heart, a longer row would leave few rows. */
const VOCABULARY = 1024;
const ROW_TOKENS = 128;
/** One document in twenty, so that 150 documents leave something to measure on. */
const HELD_OUT_SHARE = 0.05;
const PROMPTS = ["W małym miasteczku nad rzeką", "Aby przygotować ciasto,", "— Dzień dobry — powiedział"];
const MEMORY_BYTES = 1e9;

/** The whole way on the bundled sample: texts, tokenizer, rows, training, Hugging Face folder, generated text. */
export async function demo(options: DemoOptions, context: JobContext): Promise<Figures> {
  const folder = (name: string) => join(options.data, name);
  const { workers } = options;

  // 1. Clean the bundled texts, a healthy set and a damaged one
  const datasets = shippedFile("datasets.yaml");
  const clean = await ingest({ config: datasets, only: ["sample"], out: folder("clean"), workers }, context);

  // 2. Train a tokenizer on them
  const tokenizer = await trainTokenizer(
    {
      input: folder("clean"),
      out: folder("tokenizer"),
      vocabSize: VOCABULARY,
      limitAlphabet: 113,
      heldOutShare: HELD_OUT_SHARE,
      workers,
      memoryBytes: MEMORY_BYTES,
    },
    context,
  );

  // 3. Pack them into rows
  const packed = await pack(
    {
      input: folder("clean"),
      tokenizer: folder("tokenizer"),
      out: folder("packed"),
      seqLen: ROW_TOKENS,
      seed: 1337,
      validationShare: HELD_OUT_SHARE,
      workers,
    },
    context,
  );

  // 4. Pretrain a small model, or a less small one where there is more than plain TypeScript to do it
  const { backend, run } = options;
  const data = folder("packed");
  const config = await trainingConfig(backend, context);
  await pretrain({ config, data, out: run, backend, resume: false, plan: false }, context);
  const training = await readTraining(run);

  // 5. Export it, and let it write
  await exportRun({ run, out: folder("model"), tokenizer: folder("tokenizer"), precision: "f32" }, context);
  context.print(`\n${summary(clean, tokenizer, packed, training)}\n`);
  const texts: string[] = [];
  for (const prompt of PROMPTS) {
    const { text } = await generateText(
      { model: folder("model"), prompt, maxNewTokens: 60, seed: 1337, topK: 40, temperature: 0.8 },
      context,
      () => undefined,
    );
    texts.push(String(text));
    context.print(`» ${String(text).replaceAll("\n", " ")}\n`);
  }
  const { documentsRead, documentsKept } = sumStatistics(clean.datasets);
  return { documentsRead, documentsKept, vocabulary: tokenizer.report.vocabSize, ...training, texts };
}

/** The shipped config that a backend trains in half a minute. */
async function trainingConfig(choice: BackendName | "auto", context: JobContext): Promise<string> {
  const backend = await openBackend(choice);
  await backend.close();
  if (backend.name === "cpu" || backend.name === "cuda") return "demo-large";
  context.progress.log(
    `the ${backend.name} backend is slow: a smaller model is trained (demo instead of demo-large)`,
  );
  return "demo";
}

interface Training {
  readonly steps: number;
  readonly firstLoss: number;
  readonly lastLoss: number;
  readonly validationLoss: number | undefined;
  readonly bitsPerByte: number | undefined;
  readonly tokensPerSecond: number;
}

/** Steps whose mean loss stands for the end of training: one step of two rows says little. */
const LAST_STEPS = 20;

/** Takes the figures from the run's own record, so that a demo that was done before shows them too. */
async function readTraining(run: string): Promise<Training> {
  const { steps, evaluations } = await readHistory(metricsOf(run));
  const { loss: validationLoss, bitsPerByte } = evaluations.at(-1)?.evaluation ?? {};
  const last = steps.slice(-LAST_STEPS);
  const seconds = steps.reduce((sum, { timing }) => sum + timing.seconds, 0);
  return {
    steps: steps.length,
    firstLoss: steps[0]?.loss ?? Number.NaN,
    lastLoss: last.reduce((sum, { loss }) => sum + loss, 0) / last.length,
    validationLoss,
    bitsPerByte,
    tokensPerSecond: (steps.at(-1)?.tokens ?? 0) / seconds,
  };
}

function summary(
  clean: CleanManifest,
  tokenizer: TrainedTokenizer,
  packed: PackedManifest,
  training: Training,
): string {
  const total = sumStatistics(clean.datasets);
  const drops = dropsByReason(total).map(({ reason, documents }) => [
    `  dropped, ${reason}`,
    String(documents),
  ]);
  const { train, validation } = packed.splits;
  const number = (value: number | undefined, digits = 2) => value?.toFixed(digits) ?? "not measured";
  return formatTable([
    ["the whole way on the bundled sample", ""],
    ["documents in", String(total.documentsRead)],
    ["documents kept", `${total.documentsKept} (${formatBytes(total.textBytesKept)} of text)`],
    ...drops,
    ["vocabulary", String(tokenizer.report.vocabSize)],
    ["characters a token", number(tokenizer.report.fit.charactersPerToken)],
    ["rows, train + validation", `${train.rows} + ${validation.rows} of ${packed.seqLen} tokens`],
    ["training steps", String(training.steps)],
    ["loss, first → last", `${number(training.firstLoss)} → ${number(training.lastLoss)}`],
    ["validation loss", `${number(training.validationLoss)} (${number(training.bitsPerByte)} bits a byte)`],
    ["tokens a second", formatCount(training.tokensPerSecond)],
  ]);
}
