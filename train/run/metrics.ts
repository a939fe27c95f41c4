import { z } from "zod";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { exists, readText, writeFileAtomic } from "../../pipeline/runtime/files.ts";
import { openAppender } from "./appender.ts";

const step = z.int().nonnegative();

/** JSON has no NaN or Infinity: both are written as null. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

const stepSchema = z.object({
  /** Completed steps, so 1 for the first. */
  step,
  /** Mean cross-entropy in nats. */
  loss: figure,
  /** Share of tokens that were ranked first. */
  accuracy: figure,
  learningRate: figure,
  /** Before clipping. */
  gradientNorm: figure,
  /** Why no weight was changed: the gradient was not finite, or the loss was a spike. */
  skipped: z.enum(["gradient", "spike"]).optional(),
  /** The loss from which it counts as a spike, when it was one. */
  spikeLimit: z.number().optional(),
  tokens: z.number(),
  cursor: z.object({ epoch: z.int(), row: z.int() }),
  /** What depends on the machine and the moment; everything else in a line is the same in every run. */
  timing: z.object({
    /** When the step ended, in seconds since 1970. */
    time: z.number(),
    seconds: z.number(),
    tokensPerSecond: z.number(),
    /** By the count of `trainingFlopsPerToken`. */
    teraflops: z.number(),
    /** Share of the device's peak, where that was given. */
    modelFlopsUtilization: z.number().optional(),
    /** Main memory of the process. */
    memoryBytes: z.number(),
  }),
});

const evaluationSchema = z.object({
  loss: figure,
  perplexity: figure,
  accuracy: figure,
  /** Targets evaluated. */
  tokens: z.number(),
  /** Loss in bits, by the bytes of text that a token of the split stands for on average. */
  bitsPerByte: figure,
});

const sampleSchema = z.object({ prompt: z.string(), text: z.string() });

export type StepMetrics = z.infer<typeof stepSchema>;
/** Quality on held-out rows. */
export type Evaluation = z.infer<typeof evaluationSchema>;
/** A prompt and what the model wrote after it. */
export type Sample = z.infer<typeof sampleSchema>;

export interface EvaluationMetrics {
  readonly step: number;
  readonly evaluation: Evaluation;
}

export interface SampleMetrics {
  readonly step: number;
  readonly samples: readonly Sample[];
}

/** One line of `metrics.jsonl`. */
export type MetricsLine = StepMetrics | EvaluationMetrics | SampleMetrics;

/** All that a run has measured, each in the order of its steps. */
export interface RunHistory {
  readonly steps: StepMetrics[];
  readonly evaluations: EvaluationMetrics[];
  readonly samples: SampleMetrics[];
}

const lineSchema = z.union([
  z.object({ step, evaluation: evaluationSchema }),
  z.object({ step, samples: z.array(sampleSchema) }),
  stepSchema,
]);

/** The file `metrics.jsonl` of a run: one line a step, and one an evaluation and a set of samples. */
export interface MetricsFile {
  /** The lines so far; what is appended is added. */
  readonly history: RunHistory;
  append(line: MetricsLine): Promise<void>;
  /** Makes all lines durable; to be called before a checkpoint that counts on them. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the metrics of a run that continues after `lastStep`. Lines of later steps, which a killed run wrote after its
 * last checkpoint, are dropped: those steps will be taken again.
 *
 * @param onDiskFull told when lines begin to wait for room on the disk
 * @throws UserError naming a damaged line among those to keep
 */
export async function openMetrics(
  path: string,
  lastStep: number,
  onDiskFull: () => void,
): Promise<MetricsFile> {
  const kept = await readLines(path, lastStep);
  await writeFileAtomic(path, kept.map(({ text }) => `${text}\n`).join(""));
  const history = collect(kept.map(({ line }) => line));
  const file = await openAppender(path, onDiskFull);
  return {
    history,
    append(line) {
      addLine(history, line);
      return file.append(`${JSON.stringify(line)}\n`);
    },
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/**
 * Reads the metrics of a run.
 *
 * @throws UserError naming a damaged line
 */
export async function readHistory(path: string): Promise<RunHistory> {
  return collect((await readLines(path)).map(({ line }) => line));
}

interface WrittenLine {
  readonly text: string;
  readonly line: MetricsLine;
}

/** The lines up to a step. What is unreadable behind them is what a killed run wrote last; between them it is damage. */
async function readLines(path: string, lastStep = Number.POSITIVE_INFINITY): Promise<WrittenLine[]> {
  const content = (await exists(path)) ? await readText(path) : "";
  const found: WrittenLine[] = [];
  let damaged: number | undefined;
  for (const [index, text] of content.split("\n").entries()) {
    if (text === "") continue;
    const line = parseLine(text);
    if (line === undefined) damaged ??= index + 1;
    if (line === undefined || line.step > lastStep) continue;
    if (damaged !== undefined)
      throw new UserError(`${path}:${damaged}: not a line of metrics; delete it to go on without it`);
    found.push({ text, line });
  }
  return found;
}

function parseLine(text: string): MetricsLine | undefined {
  try {
    return lineSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function collect(lines: readonly MetricsLine[]): RunHistory {
  const history: RunHistory = { steps: [], evaluations: [], samples: [] };
  for (const line of lines) addLine(history, line);
  return history;
}

function addLine({ steps, evaluations, samples }: RunHistory, line: MetricsLine): void {
  if (isEvaluation(line)) evaluations.push(line);
  else if (isSamples(line)) samples.push(line);
  else steps.push(line);
}

export const isEvaluation = (line: MetricsLine): line is EvaluationMetrics => "evaluation" in line;
export const isSamples = (line: MetricsLine): line is SampleMetrics => "samples" in line;
