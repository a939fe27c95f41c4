import { workerData } from "piscina";
import { workerTask } from "../../../pipeline/runtime/workers.ts";
import { ScratchFile } from "../rows/scratch-file.ts";
import { RowBuffers, UnitRows } from "../rows/unit-rows.ts";
import { createDocumentEncoder, type EncodeOptions, encodeUnit } from "./encode-unit.ts";
import type { EncoderResult, EncoderTask, PackUnitResult, PackUnitTask, TokenizerFacts } from "./encoders.ts";
import { estimate } from "./estimate.ts";

const options: EncodeOptions = workerData;
const loading = createDocumentEncoder(options);
loading.catch(() => undefined); // the first task fails with it
let buffers: RowBuffers | undefined;

export default workerTask(async (task: EncoderTask): Promise<EncoderResult> => {
  switch (task.about) {
    case "tokenizer":
      return await describeTokenizer();
    case "sample":
      return await estimate(task.files, await loading);
    case "unit":
      return await packUnit(task.unit);
  }
});

async function describeTokenizer(): Promise<TokenizerFacts> {
  const { tokenizer, sha256 } = await loading;
  const { vocabSize, bosId, eosId, padId } = tokenizer;
  return { sha256, vocabSize, bosId, eosId, padId };
}

async function packUnit({ unit, shuffle, path, ...texts }: PackUnitTask): Promise<PackUnitResult> {
  buffers ??= new RowBuffers(shuffle);
  const file = new ScratchFile(path);
  try {
    const rows = new UnitRows(shuffle, unit, buffers, (ids) => file.write(ids));
    const rejectedLines = await encodeUnit(texts, await loading, rows);
    const index = rows.finish();
    file.commit();
    return { index, rejectedLines };
  } finally {
    file.discard();
  }
}
