import { join } from "node:path";
import { openCorpus, readTexts } from "../../../pipeline/corpus.ts";
import { writeGrownCorpus } from "./grown-corpus.ts";
import { printTable } from "./report.ts";
import { trainApart } from "./training.ts";

/** Trains on a corpus of so many GB, of which different words grow as in real text, within a memory budget. */
export async function benchGrown(
  folder: string,
  corpus: string,
  gigabytes: number,
  memory: string,
): Promise<void> {
  const texts: string[] = [];
  for (const file of (await openCorpus(corpus)).files) {
    for await (const batch of readTexts(file)) texts.push(...batch.texts);
  }
  const grown = join(folder, "grown.jsonl.zst");
  await writeGrownCorpus(grown, texts, gigabytes * 1e9);
  const trained = trainApart("apt3", grown, join(folder, "out"), "31980", "113", memory);
  const size = trained.textBytes / 1e9;
  printTable([
    [
      `training within --memory ${memory}, 2 workers`,
      "GB",
      "different words",
      "pruned",
      "s",
      "s a GB",
      "peak MB",
    ],
    [
      "grown corpus",
      size.toFixed(2),
      trained.differentWords,
      trained.prunedWords,
      trained.seconds.toFixed(0),
      (trained.seconds / size).toFixed(1),
      trained.megabytes.toFixed(0),
    ],
  ]);
}
