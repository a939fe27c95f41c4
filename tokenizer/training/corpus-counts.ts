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
  /** Documents of groups of which the mix asks less than there is. */
  leftOutDocuments: count,
  /** Texts of some of the documents held out. */
  heldOut: z.array(z.string()),
  /** Lines that held no text. */
  rejectedLines: count,
  /** .txt files of bytes that are not UTF-8: counted with U+FFFD in their place. */
  damagedFiles: count,
  /** Names of the sorted runs of word counts. */
  runs: z.array(z.string()),
});

export type CorpusCounts = z.infer<typeof corpusCountsSchema>;

/** What counting nothing finds. */
export const NO_COUNTS: CorpusCounts = {
  documents: 0,
  characters: 0,
  bytes: 0,
  heldOutDocuments: 0,
  leftOutDocuments: 0,
  heldOut: [],
  rejectedLines: 0,
  damagedFiles: 0,
  runs: [],
};

/** The counts of all files together. */
export function sumCounts(all: readonly CorpusCounts[]): CorpusCounts {
  return all.reduce(
    (sum, counts) => ({
      documents: sum.documents + counts.documents,
      characters: sum.characters + counts.characters,
      bytes: sum.bytes + counts.bytes,
      heldOutDocuments: sum.heldOutDocuments + counts.heldOutDocuments,
      leftOutDocuments: sum.leftOutDocuments + counts.leftOutDocuments,
      heldOut: [...sum.heldOut, ...counts.heldOut],
      rejectedLines: sum.rejectedLines + counts.rejectedLines,
      damagedFiles: sum.damagedFiles + counts.damagedFiles,
      runs: [...sum.runs, ...counts.runs],
    }),
    NO_COUNTS,
  );
}

/** What was counted, in a few words for people. */
export function describeCounts(counts: Omit<CorpusCounts, "heldOut" | "runs">): string {
  const parts = [`${counts.documents} documents`];
  if (counts.heldOutDocuments > 0) parts.push(`${counts.heldOutDocuments} held out`);
  if (counts.leftOutDocuments > 0) parts.push(`${counts.leftOutDocuments} left out for the mix`);
  if (counts.rejectedLines > 0) parts.push(`${counts.rejectedLines} lines that held no text`);
  if (counts.damagedFiles > 0) parts.push(`${counts.damagedFiles} files not all UTF-8`);
  return parts.join(", ");
}
