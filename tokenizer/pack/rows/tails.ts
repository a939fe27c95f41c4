import { join } from "node:path";
import { exists } from "../../../pipeline/runtime/files.ts";
import { readJson, writeJson } from "../../../pipeline/runtime/manifest.ts";
import { newIds } from "../shards/ids.ts";
import { describeScratch, readScratch, type Scratch } from "./row-sources.ts";
import { ScratchFile } from "./scratch-file.ts";
import { RowBuffers, type ShuffleOptions, type UnitIndex, UnitRows, unitIndexSchema } from "./unit-rows.ts";

/**
 * Joins what the units of each group left over behind their last whole row, and cuts it into rows like a unit of its
 * own. What is left over then, less than a row a group and split, is dropped.
 *
 * @returns a scratch file for each group; its `tails` are the tokens that are dropped
 */
export async function packTails(
  units: readonly Scratch[],
  work: string,
  options: ShuffleOptions,
): Promise<Scratch[]> {
  const buffers = new RowBuffers(options);
  const packed: Scratch[] = [];
  for (const [number, group] of [...new Set(units.map(({ group }) => group))].entries()) {
    const path = join(work, `tails-${number}.rows`);
    const mark = `${path}.json`;
    if (!(await exists(mark))) {
      const own = units.filter((unit) => unit.group === group);
      await writeJson(mark, await writeTails(path, own, tailUnit(number), buffers, options));
    }
    packed.push(describeScratch(path, group, await readJson(mark, unitIndexSchema)));
  }
  return packed;
}

/** In the place of a unit's index, for the tails of the group whose units came first, second, …: far from all units. */
export const tailUnit = (group: number): number => 0xffff_ffff - group;

async function writeTails(
  path: string,
  units: readonly Scratch[],
  unit: number,
  buffers: RowBuffers,
  options: ShuffleOptions,
): Promise<UnitIndex> {
  const file = new ScratchFile(path);
  try {
    const rows = new UnitRows(options, unit, buffers, (ids) => file.write(ids));
    for (const scratch of units) {
      const { tails, splits } = scratch;
      const ids = newIds(tails.train + tails.validation, options.wide);
      if (ids.length === 0) continue;
      const place = (splits.train.rows + splits.validation.rows) * options.seqLen;
      await readScratch(scratch, (reader) => reader.read(place, ids));
      rows.add("train", ids.subarray(0, tails.train), 0);
      rows.add("validation", ids.subarray(tails.train), 0);
    }
    const index = rows.finish();
    file.commit();
    return index;
  } finally {
    file.discard();
  }
}
