import { z } from "zod";

/** What one step did. All members are sums, so that parts can be added in any order. */
const stepStatisticsSchema = z.strictObject({
  documentsIn: z.number(),
  /** Documents whose text the step changed. */
  changed: z.number(),
  /** UTF-8 bytes of text before and after, of the documents the step kept. */
  bytesIn: z.number(),
  bytesOut: z.number(),
  /** Dropped documents by reason. */
  dropped: z.record(z.string(), z.number()),
});

/** What happened to a set of documents: always `read = kept + all that was dropped`. */
export const statisticsSchema = z.strictObject({
  /** Lines that are not empty; each is a document or rejected as one. */
  documentsRead: z.number(),
  bytesRead: z.number(),
  documentsKept: z.number(),
  /** UTF-8 bytes and UTF-16 units of the kept texts. */
  textBytesKept: z.number(),
  charactersKept: z.number(),
  /** Kept documents by quality in steps of 1/20, and by length in powers of two. */
  quality: z.array(z.number()),
  lengths: z.array(z.number()),
  /** In the order of the pipeline. `read` and `exact-dedup` are steps too. */
  steps: z.record(z.string(), stepStatisticsSchema),
});

export type StepStatistics = z.infer<typeof stepStatisticsSchema>;
export type Statistics = z.infer<typeof statisticsSchema>;

export function emptyStatistics(steps: readonly string[]): Statistics {
  return {
    documentsRead: 0,
    bytesRead: 0,
    documentsKept: 0,
    textBytesKept: 0,
    charactersKept: 0,
    quality: [],
    lengths: [],
    steps: Object.fromEntries(steps.map((name) => [name, emptyStep()])),
  };
}

const emptyStep = (): StepStatistics => ({
  documentsIn: 0,
  changed: 0,
  bytesIn: 0,
  bytesOut: 0,
  dropped: {},
});

/** The counters of one step, made when missing. */
export function stepOf(statistics: Statistics, name: string): StepStatistics {
  const found = statistics.steps[name];
  if (found !== undefined) return found;
  const made = emptyStep();
  statistics.steps[name] = made;
  return made;
}

/** Adds `part` to `sum`, in place. */
export function addStatistics(sum: Statistics, part: Statistics): void {
  sum.documentsRead += part.documentsRead;
  sum.bytesRead += part.bytesRead;
  sum.documentsKept += part.documentsKept;
  sum.textBytesKept += part.textBytesKept;
  sum.charactersKept += part.charactersKept;
  for (const [bin, count] of part.quality.entries()) addToHistogram(sum.quality, bin, count);
  for (const [bin, count] of part.lengths.entries()) addToHistogram(sum.lengths, bin, count);
  for (const [name, step] of Object.entries(part.steps)) {
    const into = stepOf(sum, name);
    into.documentsIn += step.documentsIn;
    into.changed += step.changed;
    into.bytesIn += step.bytesIn;
    into.bytesOut += step.bytesOut;
    for (const [reason, count] of Object.entries(step.dropped)) countDrop(into, reason, count);
  }
}

/** Bins of `quality`; the last holds only 1, the full score. */
export const QUALITY_BINS = 20;

export function addToHistogram(histogram: number[], bin: number, count = 1): void {
  while (histogram.length <= bin) histogram.push(0);
  histogram[bin] = (histogram[bin] as number) + count;
}

export function countDrop(step: StepStatistics, reason: string, count = 1): void {
  step.dropped[reason] = (step.dropped[reason] ?? 0) + count;
}

/** Dropped documents by `step: reason`, most frequent first. */
export function dropsByReason(statistics: Statistics): { reason: string; documents: number }[] {
  return Object.entries(statistics.steps)
    .flatMap(([step, { dropped }]) =>
      Object.entries(dropped).map(([reason, documents]) => ({ reason: `${step}: ${reason}`, documents })),
    )
    .sort((a, b) => b.documents - a.documents || (a.reason < b.reason ? -1 : 1));
}
