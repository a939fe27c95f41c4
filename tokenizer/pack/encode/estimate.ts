import type { CorpusFile } from "../../../pipeline/corpus.ts";
import { readLineBlocks } from "../../../pipeline/readers/lines.ts";
import { openBytes } from "../../../pipeline/readers/open.ts";
import { asUserError, type DocumentEncoder } from "./encode-unit.ts";

/** What packing will read and write, extrapolated from a sample. */
export interface Estimate {
  readonly textBytes: number;
  readonly tokens: number;
  readonly documents: number;
  /** Encoding time on one thread. */
  readonly seconds: number;
}

/** Files looked into, spread evenly over the corpus, and bytes of text encoded of all of them. */
const SAMPLED_FILES = 8;
const SAMPLED_BYTES = 8 << 20;
/** Bytes unpacked of all of them, so that what a decompressor has read ahead weighs little in the ratio. */
const UNPACKED_BYTES = 128 << 20;

const NOTHING = {
  /** Of the file as it lies on the disk, and of its content. */
  fileBytes: 0,
  contentBytes: 0,
  /** Of the content, what was encoded. */
  encodedBytes: 0,
  textBytes: 0,
  tokens: 0,
  documents: 0,
  seconds: 0,
};

/** Reads and encodes the beginning of some files, and extrapolates by the size of the files. */
export async function estimate(files: readonly CorpusFile[], encoder: DocumentEncoder): Promise<Estimate> {
  const step = Math.max(1, files.length / SAMPLED_FILES);
  const share = 1 / Math.min(files.length, SAMPLED_FILES);
  const total = { ...NOTHING };
  for (let at = 0; at < files.length; at += step) {
    const sample = await sampleFile(files[Math.floor(at)]!, encoder, share);
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += sample[key];
  }
  const fileBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const known = files.every((file) => file.textBytes !== undefined);
  const textBytes = known
    ? files.reduce((sum, file) => sum + (file.textBytes ?? 0), 0)
    : fileBytes * ratio(total.contentBytes, total.fileBytes) * ratio(total.textBytes, total.encodedBytes);
  const scale = ratio(textBytes, total.textBytes);
  return {
    textBytes: Math.round(textBytes),
    tokens: Math.ceil(total.tokens * scale),
    documents: Math.ceil(total.documents * scale),
    seconds: total.seconds * scale,
  };
}

const ratio = (part: number, whole: number): number => part / Math.max(1, whole);

async function sampleFile(
  file: CorpusFile,
  { tokenizer, options, reader }: DocumentEncoder,
  share: number,
): Promise<typeof NOTHING> {
  const started = performance.now();
  const sample = { ...NOTHING };
  const count = (text: Uint8Array) => {
    sample.textBytes += text.length;
    sample.tokens += tokenizer.encodeUtf8(text).length + Number(options.bos) + Number(options.eos);
    sample.documents += 1;
  };
  const isText = file.name.endsWith(".txt");
  const source = openBytes(file.path, { onRead: (chunk) => (sample.fileBytes += chunk.length) });
  try {
    for await (const { bytes } of isText
      ? chunks(source)
      : readLineBlocks(source, { blockBytes: SAMPLED_BYTES * share })) {
      sample.contentBytes += bytes.length;
      if (sample.encodedBytes === 0 || isText) {
        if (isText) count(bytes);
        else reader.read(bytes, count);
        sample.encodedBytes += bytes.length;
        sample.seconds = (performance.now() - started) / 1000;
      }
      if (sample.contentBytes >= (isText ? SAMPLED_BYTES : UNPACKED_BYTES) * share) break;
    }
  } catch (error) {
    throw asUserError(file, error);
  }
  if (isText) sample.documents = 1;
  return sample;
}

async function* chunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<{ bytes: Uint8Array }> {
  for await (const bytes of source) yield { bytes };
}
