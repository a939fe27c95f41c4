import { basename } from "node:path";
import type { CleanDataset, CleanShard } from "./clean-manifest.ts";
import type { Unit } from "./journal.ts";
import type { Dataset } from "./sources/dataset.ts";
import { addStatistics, emptyStatistics, type Statistics } from "./statistics.ts";

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
