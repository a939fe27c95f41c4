import type { TokenMarks } from "../../model/training-model.ts";
import { readPackedManifest } from "../../tokenizer/pack/shards/packed-folder.ts";
import type { PackedManifest, PackedShard, Split } from "../../tokenizer/pack/shards/packed-manifest.ts";

/** A folder of packed rows as its manifest describes it. */
export interface PackedData extends PackedManifest {
  readonly folder: string;
}

/** Reads a packed folder's manifest. Shards are checked when they are read. */
export async function openPackedData(folder: string): Promise<PackedData> {
  return { ...(await readPackedManifest(folder)), folder };
}

/** The shards of a split, in their stored order. */
export const shardsOf = ({ shards }: PackedData, split: Split): PackedShard[] =>
  shards.filter((shard) => shard.split === split);

/** Rows of a split. */
export const rowsOf = (data: PackedData, split: Split): number =>
  shardsOf(data, split).reduce((sum, { rows }) => sum + rows, 0);

/** The tokens of the rows that mean something to training; an id the rows do not use marks nothing. */
export const tokenMarks = ({ bos, eos, tokenizer }: PackedData): TokenMarks => ({
  beginOfText: bos ? tokenizer.bosId : undefined,
  endOfText: eos ? tokenizer.eosId : undefined,
  padding: tokenizer.padId,
});
