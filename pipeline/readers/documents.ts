import type { SourceFormat } from "../datasets-config.ts";
import { readMediaWiki } from "./mediawiki.ts";
import { type Compression, type OpenOptions, openBytes } from "./open.ts";
import { readParquet } from "./parquet.ts";
import { readWarc } from "./warc.ts";
import { readJsonArray, readOneDocument } from "./whole-file.ts";

export interface DocumentsOptions extends Pick<OpenOptions, "onRead" | "content"> {
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
  { onRead, content, textColumn }: DocumentsOptions,
): AsyncIterable<Uint8Array> {
  const open = (compression: Compression) =>
    openBytes(path, { compression, content, ...(onRead === undefined ? {} : { onRead }) });
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
      return readOneDocument(open("none"));
    case "json":
      return readJsonArray(open("none"));
    case "xml":
      return readMediaWiki(open("none"));
    case "xml.bz2":
      return readMediaWiki(open("bz2"));
    case "parquet":
      return withBytesCounted(path, readParquet(path, textColumn), onRead);
  }
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
