import { workerData } from "piscina";
import xxhash from "xxhash-wasm";
import { type CorpusFile, readTexts } from "../../pipeline/corpus.ts";
import { workerTask } from "../../pipeline/runtime/workers.ts";
import { loadTokenizer } from "../load.ts";
import { RowScratchWriter, type ScratchIndex, type ScratchOptions } from "./row-scratch.ts";

/** What every worker needs for all units. */
export interface PackWorkerData {
  /** Folder of the tokenizer. */
  readonly tokenizer: string;
  readonly validationShare: number;
}

export interface PackUnitTask {
  readonly file: CorpusFile;
  readonly scratch: ScratchOptions;
}

export interface PackUnitResult {
  readonly index: ScratchIndex;
  readonly rejectedLines: number;
  readonly sha256: string;
}

const { tokenizer: folder, validationShare }: PackWorkerData = workerData;
const { tokenizer } = await loadTokenizer(folder);
const { h32Raw } = await xxhash();
const utf8 = new TextEncoder();

export default workerTask(packUnit);

/** Encodes the documents of one file and leaves them as rows in a scratch file. */
async function packUnit({ file, scratch }: PackUnitTask): Promise<PackUnitResult> {
  const writer = await RowScratchWriter.create(scratch);
  let rejectedLines = 0;
  let sha256 = "";
  try {
    for await (const batch of readTexts(file, onEnd)) {
      rejectedLines += batch.rejected;
      for (const text of batch.texts) {
        const bytes = utf8.encode(text);
        const ids = tokenizer.encodeUtf8(bytes, { addBos: true, addEos: true });
        await writer.add(isHeldOut(bytes) ? "validation" : "train", ids, bytes.length);
      }
    }
    return { index: await writer.commit(), rejectedLines, sha256 };
  } finally {
    await writer.discard();
  }

  function onEnd(hash: string): void {
    sha256 = hash;
  }
}

/** Held out by its text alone: the same document is on the same side in every run, order and corpus. */
function isHeldOut(text: Uint8Array): boolean {
  return h32Raw(text) < validationShare * 2 ** 32;
}
