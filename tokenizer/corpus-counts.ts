import { z } from "zod";

const count = z.number().int().min(0);

/** What counting a file of the corpus, or all of it, found. */
export const corpusCountsSchema = z.strictObject({
  /** Documents counted. */
  documents: count,
  /** UTF-16 units and UTF-8 bytes of their texts. */
  characters: count,
  bytes: count,
  heldOutDocuments: count,
  /** Texts of some of the documents held out. */
  heldOut: z.array(z.string()),
  /** Lines that were no text, by reason. */
  rejected: z.record(z.string(), count),
  /** Names of the sorted runs of word counts. */
  runs: z.array(z.string()),
});

export type CorpusCounts = z.infer<typeof corpusCountsSchema>;

/** The counts of all files together. */
export function sumCounts(all: readonly CorpusCounts[]): CorpusCounts {
  const sum = (of: (counts: CorpusCounts) => number) => all.reduce((total, counts) => total + of(counts), 0);
  const reasons = [...new Set(all.flatMap(({ rejected }) => Object.keys(rejected)))].sort();
  return {
    documents: sum(({ documents }) => documents),
    characters: sum(({ characters }) => characters),
    bytes: sum(({ bytes }) => bytes),
    heldOutDocuments: sum(({ heldOutDocuments }) => heldOutDocuments),
    heldOut: all.flatMap(({ heldOut }) => heldOut),
    rejected: Object.fromEntries(
      reasons.map((reason) => [reason, sum(({ rejected }) => rejected[reason] ?? 0)]),
    ),
    runs: all.flatMap(({ runs }) => runs),
  };
}
