import { UserError } from "../../../pipeline/runtime/errors.ts";
import type { PackedGroup } from "../shards/packed-manifest.ts";
import { scatter } from "./shuffle.ts";

/** Weights of groups; `undefined` takes every row of every group once. */
export type Mix = Readonly<Record<string, number>> | undefined;

/** How often the rows of a group are written. */
export interface GroupMix extends PackedGroup {
  /** Times every row is written. */
  readonly base: number;
  /** Rows that are written once more, chosen by the seed. */
  readonly extra: number;
}

/**
 * The weights to mix by.
 *
 * @param stated weights in the corpus' manifest
 * @param given `--mix`: weights, `none`, or nothing
 * @param groups of the corpus' files
 * @throws UserError when weights and groups do not fit each other
 */
export function chooseMix(
  stated: Readonly<Record<string, number>>,
  given: Readonly<Record<string, number>> | "none" | undefined,
  groups: ReadonlySet<string>,
): Mix {
  if (given === "none") return undefined;
  const mix = given ?? stated;
  const weighted = Object.keys(mix);
  // The bundled sample and files made elsewhere belong to no group of datasets.yaml: there is nothing to mix.
  if (given === undefined && !weighted.some((group) => groups.has(group))) return undefined;
  const remedy = "change the mix, or pack with --mix none";
  const empty = weighted.find((group) => !groups.has(group));
  if (empty !== undefined)
    throw new UserError(
      `group ${empty}: weight ${mix[empty]} in the mix but no text; ingest some, ${remedy}`,
    );
  if (Object.values(mix).every((weight) => weight === 0))
    throw new UserError(`the mix: all weights are 0; ${remedy}`);
  const unweighted = [...groups].find((group) => !Object.hasOwn(mix, group));
  if (unweighted !== undefined)
    throw new UserError(`group ${unweighted}: has text but no weight in the mix; ${remedy}`);
  return mix;
}

/**
 * Shares the rows there are out to the groups by weight. A group that would be read more than `maxEpochs` times gets
 * no more than that, and the others share the rest; so the realised mix can differ from the weights, and says so.
 *
 * @param available training rows of each group
 */
export function mixRows(
  available: ReadonlyMap<string, number>,
  mix: Mix,
  maxEpochs: number,
): ReadonlyMap<string, GroupMix> {
  const wanted = mix === undefined ? available : shareOut(available, mix, maxEpochs);
  const total = wanted.values().reduce((sum, rows) => sum + rows, 0);
  const mixed = new Map<string, GroupMix>();
  for (const [group, rowsAvailable] of available) {
    const rows = wanted.get(group) ?? 0;
    const weight = mix?.[group];
    const described: PackedGroup = {
      group,
      ...(weight === undefined ? {} : { weight }),
      rowsAvailable,
      rows,
      epochs: rowsAvailable === 0 ? 0 : rows / rowsAvailable,
      share: total === 0 ? 0 : rows / total,
      droppedRows: Math.max(0, rowsAvailable - rows),
    };
    mixed.set(group, withCopies(described));
  }
  return mixed;
}

/** @throws UserError when a group with a weight has texts but not one row: the mix would lack it unnoticed */
export function refuseEmptyGroups(available: ReadonlyMap<string, number>, mix: Mix): void {
  for (const [group, rows] of available) {
    const weight = mix?.[group] ?? 0;
    if (rows > 0 || weight === 0) continue;
    throw new UserError(
      `group ${group}: weight ${weight} in the mix but its texts do not fill one row; give it more text, change the mix, or pack with --mix none`,
    );
  }
}

/** How often the rows of a group are written, from what the manifest says of it. */
export function withCopies(group: PackedGroup): GroupMix {
  const { rows, rowsAvailable } = group;
  const base = rowsAvailable === 0 ? 0 : Math.floor(rows / rowsAvailable);
  return { ...group, base, extra: rows - base * rowsAvailable };
}

function shareOut(
  available: ReadonlyMap<string, number>,
  mix: Readonly<Record<string, number>>,
  maxEpochs: number,
): Map<string, number> {
  const wanted = new Map<string, number>();
  let left = available.values().reduce((sum, rows) => sum + rows, 0);
  let open = [...available.keys()];
  for (;;) {
    const weights = open.reduce((sum, group) => sum + (mix[group] ?? 0), 0);
    const shareOf = (group: string) => (left * (mix[group] ?? 0)) / weights;
    const capOf = (group: string) => maxEpochs * (available.get(group) ?? 0);
    const capped = open.filter((group) => shareOf(group) > capOf(group));
    if (capped.length === 0) {
      for (const group of open) wanted.set(group, Math.round(shareOf(group)));
      return wanted;
    }
    for (const group of capped) wanted.set(group, Math.floor(capOf(group)));
    left -= capped.reduce((sum, group) => sum + (wanted.get(group) ?? 0), 0);
    open = open.filter((group) => !capped.includes(group));
  }
}

/** Whether row number `row` of a group is among the `extra` ones. */
export function isExtra({ rowsAvailable, extra }: GroupMix, row: number, seed: number): boolean {
  return extra > 0 && scatter(row, rowsAvailable, seed) < extra;
}

/** Copies of a group's rows that exist, the chosen ones counted. */
export const copiesOf = ({ base, extra }: GroupMix): number => base + (extra > 0 ? 1 : 0);
