import { z } from "zod";

/** Where a document came from: a file of its data set, by its index, and a line of it. */
const place = { input: z.number(), line: z.number() };

const rejectSchema = z.strictObject({
  ...place,
  step: z.string(),
  reason: z.string(),
  /** The beginning of the text as it was when it was dropped. */
  excerpt: z.string(),
});

const traceSchema = z.strictObject({ ...place, step: z.string(), before: z.string(), after: z.string() });

/** A file of rejects in whole, and what its zstd frames hold, in order. */
const archiveSchema = z.strictObject({
  file: z.string(),
  frames: z.array(z.strictObject({ kind: z.string(), documents: z.number(), bytes: z.number() })),
});

/** What shows what a unit's steps did: kept on disk beside the unit, never in memory for all units. */
export const evidenceSchema = z.strictObject({
  rejects: z.array(rejectSchema),
  traces: z.array(traceSchema),
  /** Only with `--rejects all`. */
  archives: z.array(archiveSchema),
});

export type Reject = z.infer<typeof rejectSchema>;
/** What a step did to one document: the place of its first change, before and after. */
export type Trace = z.infer<typeof traceSchema>;
export type Archive = z.infer<typeof archiveSchema>;
export type Evidence = z.infer<typeof evidenceSchema>;

/** Evidence of one unit, or of one of the stages it went through. */
export interface UnitEvidence {
  readonly dataset: string;
  readonly evidence: Evidence;
}

/** What the names of archives end in. */
export const ARCHIVE_ENDING = ".rejected";

/** Whether rejects are written out as a few excerpts for each reason, or all of them whole. */
export const REJECTS = ["sampled", "all"] as const;
export type Rejects = (typeof REJECTS)[number];

/** What rejects of one file have in common; it is the file's name too. */
export const kindOf = (step: string, reason: string) => `${step}--${reason}`;

/** The place in a document's id, `DATASET:LINE` or `DATASET/INPUT:LINE`. */
export function placeOf(id: string): { input: number; line: number } {
  const [, input = "0", line] = /(?:\/(\d+))?:(\d+)$/.exec(id) ?? [];
  return { input: Number(input), line: Number(line) };
}
