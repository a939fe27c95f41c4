import type { SourceFormat } from "../datasets-config.ts";
import { decodeText } from "./decode.ts";
import { type OpenOptions, openBytes } from "./open.ts";
import { readParquet } from "./parquet.ts";
import { readWarc } from "./warc.ts";

export interface DocumentsOptions extends Pick<OpenOptions, "onRead"> {
  /** Column of a Parquet file that holds the text. */
  readonly textColumn: string;
}

/**
 * The documents of a file in any format as JSON lines in the Speakleash form, one document a line: all
 * formats then share one way through the workers, with the same counts and the same places to go on from.
 *
 * @throws CorruptInput when the file is cut off, damaged, or not what its format says
 */
export function openDocuments(
  path: string,
  format: SourceFormat,
  { onRead, textColumn }: DocumentsOptions,
): AsyncIterable<Uint8Array> {
  const open = (compression: "zst" | "gz" | "none") =>
    openBytes(path, { compression, ...(onRead === undefined ? {} : { onRead }) });
  switch (format) {
    case "jsonl":
      return open("none");
    case "jsonl.gz":
      return open("gz");
    case "jsonl.zst":
      return open("zst");
    case "warc":
    case "wet":
      return readWarc(open("none"));
    case "warc.gz":
    case "wet.gz":
      return readWarc(open("gz"));
    case "txt":
    case "html":
      return readWhole(open("none"));
    case "parquet":
      return withBytesCounted(path, readParquet(path, textColumn), onRead);
  }
}

/** A file that is one document. */
async function* readWhole(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.concat(await Array.fromAsync(source));
  yield Buffer.from(`${JSON.stringify({ text: decodeText(bytes), meta: {} })}\n`);
}

/** Parquet is read out of order; its hash and progress are taken from a pass of their own. */
async function* withBytesCounted(
  path: string,
  lines: AsyncIterable<Uint8Array>,
  onRead: OpenOptions["onRead"],
): AsyncGenerator<Uint8Array> {
  yield* lines;
  for await (const chunk of openBytes(path, { compression: "none" })) onRead?.(chunk);
}
