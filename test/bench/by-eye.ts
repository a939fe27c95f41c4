import { parseArgs } from "node:util";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { cleanForReading, markChanges, passagesOf } from "./quality/reading.ts";
import { CATEGORIES, readSample, readVerdicts, VERDICTS } from "./quality/verdicts.ts";

/**
 * `npm run bench -- by-eye --category NAME [--from 1] [--to 10] [--plain]`: shows documents of the dirty corpus as the steps leave them,
 * with what was taken out as `[-…-]` and what was put in as `{+…+}`, for a reader to judge; of long ones passages; `--plain` without the marks.
 * `npm run bench -- by-eye`: the tally of the verdicts in `quality/verdicts/CATEGORY.tsv`, one for each document read.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      corpus: { type: "string", default: "../shared/corpus" },
      category: { type: "string" },
      from: { type: "string", default: "1" },
      to: { type: "string", default: "10" },
      plain: { type: "boolean", default: false },
      window: { type: "string", default: "900" },
    },
  });
  if (values.category === undefined) return print(formatTable(tally()));
  const profile = CATEGORIES[values.category];
  if (profile === undefined) throw new Error(`--category: one of ${Object.keys(CATEGORIES).join(", ")}`);
  const sample = await readSample(values.corpus, values.category);
  const clean = cleanForReading(profile);
  for (const [i, { text, line }] of sample.entries()) {
    if (i + 1 < Number(values.from) || i + 1 > Number(values.to)) continue;
    const { after, verdict } = clean(text);
    print(`\n##### ${i + 1} of ${sample.length}, line ${line}: ${verdict}`);
    const shown = values.plain ? after : markChanges(text, after);
    print(passagesOf(shown, Number(values.window)).join("\n ⋯⋯⋯\n"));
  }
}

function tally(): (string | number)[][] {
  const rows = Object.entries(CATEGORIES).map(([category, profile]) => {
    const verdicts = readVerdicts(category);
    const counts = VERDICTS.map((verdict) => verdicts.filter((row) => row.verdict === verdict).length);
    return [`${category} (${profile})`, verdicts.length, ...counts];
  });
  const sums = [1, 2, 3, 4].map((column) => rows.reduce((sum, row) => sum + Number(row[column]), 0));
  return [["category (profile)", "read", ...VERDICTS], ...rows, ["all", ...sums]];
}

const print = (text: string) => void process.stdout.write(`${text}\n`);
