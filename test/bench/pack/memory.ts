import { formatBytes } from "../../../pipeline/runtime/sizes.ts";
import { formatTable } from "../../../pipeline/runtime/table.ts";
import { grownCorpus } from "./grown.ts";
import { packOnce, rate } from "./measure.ts";

/** Peak memory, one foreign file of each size; then the smallest with more workers than fit. */
export async function benchMemory(
  documents: readonly string[],
  sizes: readonly number[],
  tokenizer: string,
  folder: string,
): Promise<void> {
  const rows: string[][] = [];
  for (const [i, size] of sizes.entries()) {
    const input = await grownCorpus(folder, documents, size);
    for (const workers of i === 0 ? ["2", "16"] : ["2"]) {
      const { cpu, wall, peakBytes } = await packOnce(input, tokenizer, folder, ["--workers", workers]);
      rows.push([formatBytes(size), workers, formatBytes(peakBytes), rate(size, cpu), rate(size, wall)]);
    }
  }
  console.log(
    formatTable([
      ["grown text, new words throughout", "--workers", "peak memory", "MB/s a core", "MB/s, wall"],
      ...rows,
    ]),
  );
}
