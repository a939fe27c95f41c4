import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  type RowGroup,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { CorruptInput } from "./corrupt-input.ts";
import { documentLine } from "./json-line.ts";

/** Columns that are passed on beside the text, when the file has them. */
const META_COLUMNS = ["url", "title"];
/** Uncompressed text held at a time; larger row groups are read in parts. */
const PART_BYTES = 1 << 26;
/** No page is larger, whatever its header says: it is the unit of Parquet, 1 MB by its specification's advice. */
const MAX_PAGE_BYTES = 1 << 28;

/**
 * The rows of a Parquet file as JSON lines in the Speakleash form, row group by row group (Snappy, gzip, zstd,
 * Brotli, LZ4). hyparquet reads all of these in plain JavaScript; parquetjs knows no zstd.
 *
 * @throws CorruptInput when the file is damaged or has no such column of texts
 */
export async function* readParquet(path: string, textColumn: string): AsyncGenerator<Uint8Array> {
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const columns = columnsToRead(metadata, textColumn);
    let groupStart = 0;
    for (const group of metadata.row_groups) {
      const rows = Number(group.num_rows);
      if (!Number.isSafeInteger(rows) || rows < 0)
        throw new CorruptInput(`damaged Parquet file (a group of ${rows} rows)`);
      yield* readRows(file, metadata, {
        columns,
        textColumn,
        from: groupStart,
        to: groupStart + rows,
        parts: partsOf(group),
      });
      groupStart += rows;
    }
  } catch (error) {
    if (error instanceof CorruptInput) throw error;
    if (error instanceof Error && "syscall" in error && "code" in error)
      throw new CorruptInput(`cannot be read (${error.code})`);
    throw new CorruptInput(
      `damaged Parquet file (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}

/** The text column and those of `META_COLUMNS` that the file has at its top level. */
function columnsToRead({ schema }: FileMetaData, textColumn: string): string[] {
  const top: { name: string; type: string | undefined; isList: boolean }[] = [];
  for (let i = 1; i < schema.length; ) {
    const { name, type, converted_type, logical_type } = schema[i] as FileMetaData["schema"][number];
    top.push({ name, type, isList: converted_type === "LIST" || logical_type?.type === "LIST" });
    i += subtreeSize(schema, i);
  }
  const names = top.map(({ name }) => name);
  const text = top.find(({ name }) => name === textColumn);
  if (text === undefined) {
    throw new CorruptInput(`has no column ${textColumn}; set \`textColumn\` to one of ${names.join(", ")}`);
  }
  if (text.type !== "BYTE_ARRAY" && !text.isList) {
    const what = text.type === undefined ? "groups of columns" : `${text.type} values`;
    throw new CorruptInput(
      `column ${textColumn} holds ${what}, no text; set \`textColumn\` to another of ${names.join(", ")}`,
    );
  }
  return [textColumn, ...META_COLUMNS.filter((name) => name !== textColumn && names.includes(name))];
}

/** Elements that a schema element and all below it take up. */
function subtreeSize(schema: FileMetaData["schema"], at: number): number {
  let size = 1;
  for (let left = schema[at]?.num_children ?? 0; left > 0; left--) {
    if (at + size >= schema.length) throw new CorruptInput("damaged Parquet file (schema cut off)");
    left += schema[at + size]?.num_children ?? 0;
    size += 1;
  }
  return size;
}

const partsOf = ({ total_byte_size }: RowGroup) =>
  Math.max(1, Math.ceil(Number(total_byte_size) / PART_BYTES));

interface RowRange {
  readonly columns: string[];
  readonly textColumn: string;
  readonly from: number;
  readonly to: number;
  readonly parts: number;
}

async function* readRows(
  file: AsyncBuffer,
  metadata: FileMetaData,
  { columns, textColumn, from, to, parts }: RowRange,
): AsyncGenerator<Uint8Array> {
  const step = Math.max(1, Math.ceil((to - from) / parts));
  for (let rowStart = from; rowStart < to; rowStart += step) {
    const rowEnd = Math.min(to, rowStart + step);
    const rows = await parquetReadObjects({
      file,
      metadata,
      columns,
      rowStart,
      rowEnd,
      compressors: bounded,
    });
    if (rows.length !== rowEnd - rowStart)
      throw new CorruptInput(
        `damaged Parquet file (${rows.length} rows from ${rowStart + 1} on, ${rowEnd - rowStart} stated)`,
      );
    for (const row of rows) yield toJsonLine(row, textColumn);
  }
}

/** The codecs, which would make room for whatever size a page's header states. */
const bounded: typeof compressors = Object.fromEntries(
  Object.entries(compressors).map(([codec, decompress]) => [
    codec,
    (input: Uint8Array, outputLength: number) => {
      if (!(outputLength <= MAX_PAGE_BYTES)) throw new CorruptInput(`Parquet page of ${outputLength} bytes`);
      return decompress(input, outputLength);
    },
  ]),
);

function toJsonLine(row: Record<string, unknown>, textColumn: string): Uint8Array {
  const meta: Record<string, string> = {};
  for (const name of META_COLUMNS) {
    const value = row[name];
    if (typeof value === "string") meta[name] = value;
  }
  const text = row[textColumn];
  if (typeof text === "string") return documentLine(text, meta);
  const isList = Array.isArray(text) && text.every((part) => typeof part === "string");
  // a row without text stays a line, so that it is counted as read and rejected
  return documentLine(isList ? text.join("\n\n") : null, meta);
}
