import { workerData } from "piscina";
import { AtomicFile } from "../../pipeline/runtime/files.ts";
import { workerTask } from "../../pipeline/runtime/workers.ts";
import { createDocumentEncoder, type EncodeOptions, encodeUnit, type UnitTexts } from "./encode-unit.ts";
import { bytesOf } from "./ids.ts";
import { RowBuffers, type ShuffleOptions, type UnitIndex, UnitRows } from "./unit-rows.ts";

export interface PackUnitTask extends UnitTexts {
  /** The unit's index in the corpus. */
  readonly unit: number;
  /** Where its rows go. */
  readonly path: string;
}

export interface PackUnitResult {
  readonly index: UnitIndex;
  readonly rejectedLines: number;
}

/** What a worker needs for all units. */
export interface PackUnitSettings {
  readonly encode: EncodeOptions;
  readonly shuffle: ShuffleOptions;
}

const { encode, shuffle }: PackUnitSettings = workerData;
const encoder = await createDocumentEncoder(encode);
const buffers = new RowBuffers(shuffle);

export default workerTask(packUnit);

/** Encodes the documents of one unit and leaves them as rows, sorted by bucket, in a scratch file. */
async function packUnit(task: PackUnitTask): Promise<PackUnitResult> {
  const file = await AtomicFile.create(task.path);
  try {
    const rows = new UnitRows(shuffle, task.unit, buffers, (ids) => file.write(bytesOf(ids)));
    const rejectedLines = await encodeUnit(task, encoder, rows);
    const index = await rows.finish();
    await file.commit();
    return { index, rejectedLines };
  } finally {
    await file.discard();
  }
}
