import { type FileHandle, open, readFile } from "node:fs/promises";
import { z } from "zod";
import { exists, writeFileAtomic } from "../pipeline/runtime/files.ts";
import type { Cursor } from "./loader.ts";

/** Figures that depend on the machine and the moment; everything else in a line is the same in every run. */
export interface Timing {
  readonly tokensPerSecond: number;
  /** By the count of `trainingFlopsPerToken`. */
  readonly teraflops: number;
  /** Share of the device's peak, where that was given. */
  readonly modelFlopsUtilization?: number;
  readonly seconds: number;
}

export interface StepMetrics {
  /** Completed steps, so 1 for the first. */
  readonly step: number;
  /** Mean cross-entropy in nats. */
  readonly loss: number;
  /** Share of tokens that were ranked first. */
  readonly accuracy: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** True when the gradient was not finite and no weight was changed. */
  readonly skipped?: true;
  readonly tokens: number;
  readonly cursor: Cursor;
  readonly timing: Timing;
}

export interface EvaluationMetrics {
  readonly step: number;
  readonly evaluation: Evaluation;
}

/** Quality on held-out rows. */
export interface Evaluation {
  readonly loss: number;
  readonly perplexity: number;
  readonly accuracy: number;
  /** Targets evaluated. */
  readonly tokens: number;
  /** Loss in bits, by the bytes of text that a token of the split stands for on average. */
  readonly bitsPerByte: number;
}

/** The file `metrics.jsonl` of a run: one line a step, and one an evaluation. */
export interface MetricsFile {
  /** Whether the file, when it was opened, had an evaluation of the step it continues after. */
  readonly hasEvaluation: boolean;
  append(metrics: StepMetrics | EvaluationMetrics): Promise<void>;
  /** Makes all lines durable; to be called before a checkpoint that counts on them. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

const lineSchema = z.looseObject({ step: z.int(), evaluation: z.unknown().optional() });

/**
 * Opens the metrics of a run that continues after `step`. Lines of later steps, which a killed run wrote after its last
 * checkpoint, are dropped: those steps will be taken again.
 */
export async function openMetrics(path: string, step: number): Promise<MetricsFile> {
  const text = (await exists(path)) ? await readFile(path, "utf8") : "";
  const lines = text.split("\n").flatMap((line) => parseLine(line) ?? []);
  const kept = lines.filter((line) => line.step <= step);
  await writeFileAtomic(path, kept.map((line) => `${line.text}\n`).join(""));
  const file: FileHandle = await open(path, "a");
  return {
    hasEvaluation: kept.some((line) => line.step === step && line.isEvaluation),
    append: (metrics) => file.appendFile(`${JSON.stringify(metrics)}\n`),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/** A line with what is needed of it; undefined for the half-written last line of a killed run. */
function parseLine(text: string): { text: string; step: number; isEvaluation: boolean } | undefined {
  try {
    const { step, evaluation } = lineSchema.parse(JSON.parse(text));
    return { text, step, isEvaluation: evaluation !== undefined };
  } catch {
    return undefined;
  }
}
