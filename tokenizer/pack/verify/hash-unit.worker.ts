import { workerData } from "piscina";
import xxhash from "xxhash-wasm";
import { workerTask } from "../../../pipeline/runtime/workers.ts";
import type { TokenIds } from "../../engine/encoder.ts";
import {
  createDocumentEncoder,
  type EncodeOptions,
  encodeUnit,
  type UnitTexts,
} from "../encode/encode-unit.ts";
import { RowBuffers, type ShuffleOptions, type UnitIndex, UnitRows } from "../rows/unit-rows.ts";
import { rowHasher } from "../shards/ids.ts";

export interface HashUnitTask extends UnitTexts {
  readonly unit: number;
}

/** What a unit's rows should be, without the rows. */
export interface HashUnitResult {
  readonly index: UnitIndex;
  /** Hash of each row, in the order they would lie in the scratch file. */
  readonly hashes: BigUint64Array<ArrayBuffer>;
  /** The ids of the tails, train first. */
  readonly tails: TokenIds;
}

/** What a worker needs for all units. */
export interface HashUnitSettings {
  readonly encode: EncodeOptions;
  readonly shuffle: ShuffleOptions;
}

const { encode, shuffle }: HashUnitSettings = workerData;
const encoder = await createDocumentEncoder(encode);
const buffers = new RowBuffers(shuffle);
const hashRow = rowHasher(await xxhash());

export default workerTask(hashUnit, ({ hashes }) => [hashes.buffer]);

/** Encodes the documents of one unit as packing does, and hashes the rows instead of writing them. */
async function hashUnit(task: HashUnitTask): Promise<HashUnitResult> {
  const { seqLen } = shuffle;
  const hashes: bigint[] = [];
  const tails: number[] = [];
  const rows = new UnitRows(shuffle, task.unit, buffers, (ids) => {
    const whole = ids.length - (ids.length % seqLen);
    for (let start = 0; start < whole; start += seqLen)
      hashes.push(hashRow(ids.subarray(start, start + seqLen)));
    for (const id of ids.subarray(whole)) tails.push(id);
  });
  await encodeUnit(task, encoder, rows);
  const index = rows.finish();
  return {
    index,
    hashes: BigUint64Array.from(hashes),
    tails: shuffle.wide ? Uint32Array.from(tails) : Uint16Array.from(tails),
  };
}
