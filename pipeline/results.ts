import { basename, join } from "node:path";
import type { Reject } from "./clean.ts";
import type { CleanDataset, CleanShard } from "./clean-manifest.ts";
import type { Unit } from "./journal.ts";
import { writeFileAtomic } from "./runtime/files.ts";
import type { Dataset } from "./sources/dataset.ts";
import { addStatistics, emptyStatistics, type Statistics } from "./statistics.ts";

/** Rejects written out for each reason: enough to see what the reason means. */
const REJECTS_PER_REASON = 20;

/** A data set's entry in the manifest, added up from its units. */
export function describeResult(dataset: Dataset, units: readonly Unit[]): CleanDataset {
  const statistics = emptyStatistics([]);
  for (const unit of units) addStatistics(statistics, unit.statistics);
  const { name, source, group, profile, thresholds, licence } = dataset;
  const ended = new Map(units.flatMap((unit) => unit.ended).map((end) => [end.input, end]));
  const inputs = dataset.inputs.map(({ path, bytes }, index) => {
    const { lines = 0, sha256 } = ended.get(index) ?? {};
    return { file: basename(path), bytes, lines, ...(sha256 === undefined ? {} : { sha256 }) };
  });
  return { name, source, group, profile, thresholds, licence, inputs, statistics };
}

export function shardsOf(dataset: Dataset, units: readonly Unit[]): CleanShard[] {
  return units.flatMap(({ shard }) =>
    shard === undefined ? [] : [{ ...shard, dataset: dataset.name, group: dataset.group }],
  );
}

export function sumStatistics(datasets: readonly CleanDataset[]): Statistics {
  const sum = emptyStatistics([]);
  for (const { statistics } of datasets) addStatistics(sum, statistics);
  return sum;
}

/** Writes `rejects/STEP--REASON.jsonl`: the first few documents that were dropped for each reason. */
export async function writeRejects(out: string, units: readonly Unit[]): Promise<void> {
  const files = new Map<string, (Reject & { readonly dataset: string })[]>();
  for (const { dataset, rejects } of units) {
    for (const reject of rejects) {
      const name = `${reject.step}--${reject.reason}`;
      const sample = files.get(name) ?? [];
      if (sample.length < REJECTS_PER_REASON) sample.push({ dataset, ...reject });
      files.set(name, sample);
    }
  }
  for (const [name, sample] of files) {
    const lines = sample.map((reject) => `${JSON.stringify(reject)}\n`).join("");
    await writeFileAtomic(join(out, "rejects", `${name}.jsonl`), lines);
  }
}

/** Writes `traces/STEP.jsonl`: what each step did to the first few documents it changed. */
export async function writeTraces(out: string, units: readonly Unit[]): Promise<void> {
  const files = Map.groupBy(
    units.flatMap(({ dataset, traces }) => traces.map((trace) => ({ dataset, ...trace }))),
    ({ step }) => step,
  );
  for (const [step, traces] of files) {
    const lines = traces.map((trace) => `${JSON.stringify(trace)}\n`).join("");
    await writeFileAtomic(join(out, "traces", `${step}.jsonl`), lines);
  }
}
