import { basename, extname, join } from "node:path";
import { type BackendName, openBackend } from "../model/backends/registry.ts";
import type { Figures, JobContext } from "../pipeline/runtime/command.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { formatCount } from "../pipeline/runtime/sizes.ts";
import { readTrainingConfig, rowsPerStep, type TrainingConfig } from "./config.ts";
import { openPackedData, type PackedData, rowsOf } from "./packed-data.ts";
import { checkMemory, formatPlan, planTraining, trainingShape } from "./plan.ts";
import { configPathOf, openRun } from "./run-folder.ts";
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
  /** Print what the run takes, and stop. */
  readonly plan: boolean;
  readonly peakTeraflops?: number | undefined;
}

/** Trains a model from packed rows; see `openRun` for what happens to an existing run. */
export async function pretrain(options: PretrainOptions, context: JobContext): Promise<Figures> {
  const data = await openPackedData(options.data);
  const resumed = options.resume && options.config === undefined && options.out !== undefined;
  const configPath = resumed ? configPathOf(options.out) : (options.config ?? "apt3-1b");
  const config = await readTrainingConfig(configPath, {
    vocabSize: data.tokenizer.vocabSize,
    seqLen: data.seqLen,
  });
  checkData(config, data, configPath);
  const steps = targetSteps(config, data, options.steps, context);

  const backend = await openBackend(options.backend);
  try {
    const plan = planTraining(config, backend, steps);
    if (options.plan) {
      context.print(formatPlan(plan, config, backend));
      return {
        ...plan,
        memory: { ...Object.fromEntries(plan.memory.byKind), total: plan.memory.totalBytes },
      };
    }
    checkMemory(plan, backend);
    context.progress.log(
      `${formatCount(plan.parameters)} parameters on the ${backend.name} backend: ${backend.device}`,
    );
    const out = options.out ?? join("runs", basename(configPath, extname(configPath)));
    const precise = { ...config, precision: trainingShape(config, backend).computeType };
    const run = await openRun(out, precise, data, { steps, resume: options.resume });
    try {
      if (run.finished) {
        context.print(`${out}: already trained to step ${steps}; nothing to do`);
        return { run: out, steps, alreadyFinished: true };
      }
      const { resume, peakTeraflops } = options;
      const figures = await trainRun(
        { run, config: precise, data, backend, steps, resume, peakTeraflops },
        context,
      );
      return { run: out, parameters: plan.parameters, ...figures };
    } finally {
      await run.release();
    }
  } finally {
    await backend.close();
  }
}

function checkData(config: TrainingConfig, data: PackedData, configPath: string): void {
  const { model, batch } = config;
  const { vocabSize } = data.tokenizer;
  const name = basename(configPath);
  if (vocabSize !== model.vocabSize) {
    throw new UserError(
      `${data.folder}: packed with a vocabulary of ${vocabSize}, ${name} has model.vocabSize ${model.vocabSize}; pack with the model's tokenizer or change the config`,
    );
  }
  if (data.seqLen !== batch.sequenceLength) {
    throw new UserError(
      `${data.folder}: rows of ${data.seqLen} tokens, ${name} has batch.sequenceLength ${batch.sequenceLength}; pack with --seq-len ${batch.sequenceLength} or change the config`,
    );
  }
}

/** The step to stop at: the schedule's last, the asked-for one, or the last that the data lasts for. */
function targetSteps(
  config: TrainingConfig,
  data: PackedData,
  asked: number | undefined,
  context: JobContext,
): number {
  const rows = rowsOf(data, "train");
  const perStep = rowsPerStep(config);
  const { epochs } = config.data;
  const available = Math.floor((rows * epochs) / perStep);
  if (available === 0) {
    throw new UserError(
      `${data.folder}: ${rows} training rows × data.epochs ${epochs}, a step takes ${perStep}; pack more text, lower batch.accumulation or raise data.epochs`,
    );
  }
  const wanted = asked ?? config.schedule.steps;
  if (wanted > available) {
    context.progress.log(
      `the data lasts for ${available} of ${wanted} steps (data.epochs ${epochs}): training ends there, before the learning rate has come down`,
    );
  }
  return Math.min(wanted, available);
}
