import { basename, extname, join } from "node:path";
import type { Backend } from "../model/backend.ts";
import { type BackendName, openBackend, probeBackends } from "../model/backends/registry.ts";
import type { Figures, JobContext } from "../pipeline/runtime/command.ts";
import { exists } from "../pipeline/runtime/files.ts";
import { formatCount } from "../pipeline/runtime/sizes.ts";
import { readTrainingConfig, type TrainingConfig } from "./config.ts";
import { checkData, targetSteps } from "./data/data-for-config.ts";
import { openPackedData, type PackedData } from "./data/packed-data.ts";
import { type InitialWeights, openInitialWeights } from "./initial-weights.ts";
import { settleConfig } from "./plan/fit-memory.ts";
import {
  checkMemory,
  checkPatience,
  formatPlan,
  formatTime,
  planTraining,
  type TrainingPlan,
} from "./plan/plan.ts";
import { configPathOf, openRun } from "./run/run-folder.ts";
import { openSampler } from "./sampler.ts";
import { trainRun } from "./train-run.ts";

export interface PretrainOptions {
  /** A training config or the name of a shipped one; without it a resumed run's own, or that of apt3-1b. */
  readonly config?: string | undefined;
  /** A packed folder. */
  readonly data: string;
  /** The run's folder; `runs/` and the config's name without it. */
  readonly out?: string | undefined;
  readonly backend: BackendName | "auto";
  /** Continue an existing run, also beyond the step it was finished at. */
  readonly resume: boolean;
  /** Stop at this step of the schedule. */
  readonly steps?: number | undefined;
  /** Stop at the last step that stays within so many tokens of the whole run. */
  readonly maxTokens?: number | undefined;
  /** End this command, with a checkpoint, before it takes longer. */
  readonly maxSeconds?: number | undefined;
  /** Passes over the data after which training ends, instead of the config's. */
  readonly epochs?: number | "unlimited" | undefined;
  /** A Hugging Face folder whose weights a new run starts from. */
  readonly initFrom?: string | undefined;
  /** The folder of the tokenizer the data was packed with, for samples during training. */
  readonly tokenizer?: string | undefined;
  /** Print what the run takes, and stop. */
  readonly plan: boolean;
  /** For the plan: a speed to calculate the time with. */
  readonly tokensPerSecond?: number | undefined;
  readonly peakTeraflops?: number | undefined;
}

/** Trains a model from packed rows; see `openRun` for what happens to an existing run. */
export async function pretrain(options: PretrainOptions, context: JobContext): Promise<Figures> {
  // 1. What to train, on what data, how far.
  const data = await openPackedData(options.data);
  const resumed = options.resume && options.config === undefined && options.out !== undefined;
  const configPath = resumed ? configPathOf(options.out) : (options.config ?? "apt3-1b");
  const config = await readConfig(options, configPath, data);
  checkData(config, data, configPath);
  const steps = targetSteps(config, data, options, context);

  // 2. On which device, and whether it fits.
  const backend = await openBackend(options.backend);
  let initial: InitialWeights | undefined;
  try {
    const sampler = await openSampler(options.tokenizer, { config, data, backend }, context);
    const out = options.out ?? join("runs", basename(configPath, extname(configPath)));
    const precise = settleConfig(await withRecordedMoments(config, out), backend, sampler?.bytes);
    const plan = planTraining(precise, backend, steps, sampler?.bytes);
    if (options.plan) return printPlan(plan, options, precise, backend, context);
    await checkPlan(plan, options, precise, backend, context);

    // 3. The run's folder, and the training itself.
    context.progress.log(
      `${formatCount(plan.parameters)} parameters on the ${backend.name} backend: ${backend.device}`,
    );
    if (options.initFrom !== undefined) {
      initial = await openInitialWeights(options.initFrom, config.model, data.tokenizer.sha256);
    }
    const { resume, maxSeconds, peakTeraflops } = options;
    const run = await openRun(out, precise, data, { steps, resume, initialWeights: initial?.sha256 });
    try {
      if (run.finished) {
        context.print(`${out}: already trained to step ${steps}; nothing to do`);
        return { run: out, steps, alreadyFinished: true };
      }
      const job = { run, config: precise, data, backend, steps, resume, sampler, maxSeconds, peakTeraflops };
      const figures = await trainRun({ ...job, initialWeights: initial?.folder }, context);
      context.print(`${out}: step ${figures.steps} of ${steps}; see ${join(out, "report.html")}`);
      return { run: out, parameters: plan.parameters, ...figures };
    } finally {
      await run.release();
    }
  } finally {
    await initial?.folder.close();
    await backend.close();
  }
}

async function readConfig(
  { epochs }: PretrainOptions,
  path: string,
  data: PackedData,
): Promise<TrainingConfig> {
  const config = await readTrainingConfig(path, {
    vocabSize: data.tokenizer.vocabSize,
    seqLen: data.seqLen,
  });
  return epochs === undefined ? config : { ...config, data: { ...config.data, epochs } };
}

/** A run keeps the type of its moments, whatever `auto` would choose on the device at hand: it decides the weights. */
async function withRecordedMoments(config: TrainingConfig, out: string): Promise<TrainingConfig> {
  const path = configPathOf(out);
  if (config.optimizer.moments !== "auto" || !(await exists(path))) return config;
  const { moments } = (await readTrainingConfig(path, undefined)).optimizer;
  return { ...config, optimizer: { ...config.optimizer, moments } };
}

function printPlan(
  plan: TrainingPlan,
  { tokensPerSecond }: PretrainOptions,
  config: TrainingConfig,
  backend: Backend,
  context: JobContext,
): Figures {
  context.print(formatPlan(plan, config, backend));
  if (tokensPerSecond !== undefined) context.print(formatTime(plan, tokensPerSecond));
  const total = plan.memory.totalBytes + plan.sampleBytes;
  return {
    ...plan,
    memory: { ...Object.fromEntries(plan.memory.byKind), samples: plan.sampleBytes, total },
  };
}

/** Refuses what cannot work before the first step, with the plan that shows why. */
async function checkPlan(
  plan: TrainingPlan,
  { backend: chosen }: PretrainOptions,
  config: TrainingConfig,
  backend: Backend,
  context: JobContext,
): Promise<void> {
  try {
    checkPatience(plan, backend, chosen, await reasonsAgainstBackends());
    checkMemory(plan, backend);
  } catch (error) {
    context.progress.log(formatPlan(plan, config, backend));
    throw error;
  }
}

async function reasonsAgainstBackends(): Promise<string[]> {
  return [...(await probeBackends())].flatMap(([name, found]) =>
    found.available ? [] : [`${name}: ${found.reason}`],
  );
}
