import type { CorpusFile } from "../../pipeline/corpus.ts";
import { readLineBlocks } from "../../pipeline/readers/lines.ts";
import { openBytes } from "../../pipeline/readers/open.ts";
import { asUserError, type DocumentEncoder } from "./encode-unit.ts";

/** What packing will read and write, extrapolated from a sample. */
export interface Estimate {
  readonly textBytes: number;
  readonly tokens: number;
  readonly documents: number;
  /** Encoding time on one thread. */
  readonly seconds: number;
}

/** Files looked into, spread evenly over the corpus, and bytes of text read of all of them. */
const SAMPLED_FILES = 8;
const SAMPLED_BYTES = 8 << 20;

/** Reads and encodes the beginning of some files, and extrapolates by the size of the files. */
export async function estimate(files: readonly CorpusFile[], encoder: DocumentEncoder): Promise<Estimate> {
  const step = Math.max(1, files.length / SAMPLED_FILES);
  const limit = SAMPLED_BYTES / Math.min(files.length, SAMPLED_FILES);
  const total = { fileBytes: 0, textBytes: 0, tokens: 0, documents: 0, seconds: 0 };
  for (let at = 0; at < files.length; at += step) {
    const sample = await sampleFile(files[Math.floor(at)]!, encoder, limit);
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += sample[key];
  }
  const fileBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const known = files.every((file) => file.textBytes !== undefined);
  const textBytes = known
    ? files.reduce((sum, file) => sum + (file.textBytes ?? 0), 0)
    : total.textBytes * (fileBytes / Math.max(1, total.fileBytes));
  const scale = textBytes / Math.max(1, total.textBytes);
  return {
    textBytes: Math.round(textBytes),
    tokens: Math.ceil(total.tokens * scale),
    documents: Math.ceil(total.documents * scale),
    seconds: total.seconds * scale,
  };
}

async function sampleFile(file: CorpusFile, { tokenizer, options, reader }: DocumentEncoder, limit: number) {
  const started = performance.now();
  let [fileBytes, textBytes, tokens, documents] = [0, 0, 0, 0];
  const count = (text: Uint8Array) => {
    textBytes += text.length;
    tokens += tokenizer.encodeUtf8(text).length + Number(options.bos) + Number(options.eos);
    documents += 1;
  };
  const source = openBytes(file.path, { onRead: (chunk) => (fileBytes += chunk.length) });
  try {
    if (file.name.endsWith(".txt")) {
      for await (const chunk of source) {
        count(chunk);
        if (textBytes >= limit) break;
      }
    } else {
      for await (const block of readLineBlocks(source, { blockBytes: limit })) {
        reader.read(block.bytes, count);
        break;
      }
    }
  } catch (error) {
    throw asUserError(file, error);
  }
  return { fileBytes, textBytes, tokens, documents, seconds: (performance.now() - started) / 1000 };
}
