import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { exists, writeFileAtomic } from "../../pipeline/runtime/files.ts";
import { type JobFolder, openJobFolder } from "../../pipeline/runtime/job-folder.ts";
import { fingerprint, readJson } from "../../pipeline/runtime/manifest.ts";
import { formatTrainingConfig, type TrainingConfig, weightSettings } from "../config.ts";
import type { PackedData } from "../data/packed-data.ts";
import type { RunIdentity } from "./checkpoint.ts";

const runManifestSchema = z.strictObject({
  format: z.literal("apt3.run/1"),
  fingerprint: z.string(),
  complete: z.boolean(),
  /** Steps of the finished training; absent while it is under way. */
  steps: z.int().positive().optional(),
  tokenizerSha256: z.string(),
  data: z.string(),
  /** Hash of the weights the run started from, when they were not drawn from the seed. */
  initialWeights: z.string().optional(),
});

type RunManifest = z.infer<typeof runManifestSchema>;

/** A run's folder, held by this process alone. */
export interface Run {
  readonly folder: string;
  readonly checkpoints: string;
  readonly metrics: string;
  readonly identity: RunIdentity;
  /** Whether an earlier command trained it to exactly the asked-for step. */
  readonly finished: boolean;
  /** Hash of the weights it starts or started from, when they are not drawn from the seed. */
  readonly initialWeights: string | undefined;
  finish(): Promise<void>;
  release(): Promise<void>;
}

export const configPathOf = (folder: string): string => join(folder, "config.yaml");
export const metricsOf = (folder: string): string => join(folder, "metrics.jsonl");
export const checkpointsOf = (folder: string): string => join(folder, "checkpoints");

/** The manifest of an existing run. */
export async function readRun(folder: string): Promise<RunManifest> {
  const path = join(folder, "manifest.json");
  if (!(await exists(path))) {
    throw new UserError(`${path}: no such file; give the folder of a run that \`npm run pretrain\` made`);
  }
  return readJson(path, runManifestSchema);
}

/**
 * Opens the folder of a run, by these rules:
 * - a new or empty folder becomes the run's;
 * - a run of the same settings and data that was killed or interrupted goes on;
 * - a run that is finished at the asked-for step is left as it is;
 * - a finished run goes on to a later step only with `resume`;
 * - a run of other settings or data is refused. How often a run evaluates and saves, and what it recomputes, may change.
 *
 * @param goal.steps the step to train to
 * @param goal.initialWeights hash of the weights to start from; a run that has started remembers its own
 */
export async function openRun(
  folder: string,
  config: TrainingConfig,
  data: PackedData,
  {
    steps,
    resume,
    ...goal
  }: { readonly steps: number; readonly resume: boolean; readonly initialWeights?: string | undefined },
): Promise<Run> {
  const initialWeights = goal.initialWeights ?? (await rememberedWeights(folder));
  const runFingerprint = fingerprint({
    settings: weightSettings(config),
    data: data.fingerprint,
    initialWeights,
  });
  const job = await openJobFolder(folder, {
    fingerprint: runFingerprint,
    schema: runManifestSchema,
    settings: "the training config or the data",
  });
  try {
    const finished = isFinished(folder, job, steps, resume);
    const manifest: RunManifest = {
      format: "apt3.run/1",
      fingerprint: runFingerprint,
      complete: false,
      tokenizerSha256: data.tokenizer.sha256,
      data: data.fingerprint,
      ...(initialWeights === undefined ? {} : { initialWeights }),
    };
    if (!finished) {
      await job.save(manifest);
      await writeFileAtomic(configPathOf(folder), formatTrainingConfig(config));
    }
    return {
      folder,
      checkpoints: checkpointsOf(folder),
      metrics: metricsOf(folder),
      identity: { fingerprint: runFingerprint, tokenizerSha256: data.tokenizer.sha256 },
      finished,
      initialWeights,
      finish: () => job.save({ ...manifest, complete: true, steps }),
      release: job.release,
    };
  } catch (error) {
    await job.release();
    throw error;
  }
}

async function rememberedWeights(folder: string): Promise<string | undefined> {
  return (await exists(join(folder, "manifest.json"))) ? (await readRun(folder)).initialWeights : undefined;
}

function isFinished(folder: string, job: JobFolder<RunManifest>, steps: number, resume: boolean): boolean {
  const done = job.found?.steps;
  if (job.found?.complete !== true || done === undefined) return false;
  if (done === steps) return true;
  if (done > steps) {
    throw new UserError(
      `${folder}: is already trained to step ${done}, beyond step ${steps}; choose another --out`,
    );
  }
  if (!resume) {
    throw new UserError(`${folder}: is trained to step ${done}; add --resume to go on to step ${steps}`);
  }
  return false;
}
