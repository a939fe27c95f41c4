import { FORMATS, type PlainFormat, type SourceFormat } from "../datasets-config.ts";
import { readMediaWiki } from "./mediawiki.ts";
import { type Compression, type OpenOptions, openBytes } from "./open.ts";
import { readParquet } from "./parquet.ts";
import { readWarc } from "./warc.ts";
import { readJsonArray, readOneDocument } from "./whole-file.ts";

/**
 * A longer line is counted as too long: a worker would need 15 times its size. The million words that profiles allow a
 * document have 8 MB.
 */
export const MAX_DOCUMENT_BYTES = 1 << 24;

/** The format that a file's name ends in. */
export const formatOfName = (path: string): SourceFormat | undefined =>
  FORMATS.find((ending) => path.endsWith(`.${ending}`));

export interface DocumentsOptions extends Pick<OpenOptions, "onRead" | "content"> {
  /** Column of a Parquet file that holds the text. */
  readonly textColumn: string;
}

/**
 * The documents of a file in any format as JSON lines in the Speakleash form, one document a line: all
 * formats then share one way through the workers, with the same counts and the same places to go on from.
 * A chunk is valid until the next one is asked for.
 *
 * @throws CorruptInput when the file is cut off, damaged, or not what its format says
 */
export function openDocuments(
  path: string,
  format: SourceFormat,
  { onRead, content, textColumn }: DocumentsOptions,
): AsyncIterable<Uint8Array> {
  if (format === "parquet") return withBytesCounted(path, readParquet(path, textColumn), onRead);
  const [plain, compression = "none"] = format.split(".") as [PlainFormat, Compression?];
  const bytes = openBytes(path, {
    compression,
    content,
    ...(onRead === undefined ? {} : { onRead }),
    freeChunks: plain === "jsonl", // whoever cuts lines copies them; the other readers keep pieces of chunks
  });
  switch (plain) {
    case "jsonl":
      return bytes;
    case "warc":
    case "wet":
      return readWarc(bytes);
    case "txt":
    case "html":
      return readOneDocument(bytes);
    case "json":
      return readJsonArray(bytes);
    case "xml":
      return readMediaWiki(bytes);
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
