import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { CorruptInput } from "./corrupt-input.ts";

/** Columns that are passed on beside the text, when the file has them. */
const META_COLUMNS = ["url", "title"];

/**
 * The rows of a Parquet file as JSON lines in the Speakleash form, row group by row group (Snappy, gzip, zstd,
 * Brotli, LZ4). hyparquet reads all of these in plain JavaScript; parquetjs knows no zstd.
 *
 * @throws CorruptInput when the file is damaged or has no such column
 */
export async function* readParquet(path: string, textColumn: string): AsyncGenerator<Uint8Array> {
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const names = metadata.schema.map(({ name }) => name);
    if (!names.includes(textColumn)) {
      throw new CorruptInput(
        `has no column ${textColumn}; set \`textColumn\` to one of ${names.slice(1).join(", ")}`,
      );
    }
    const columns = [
      textColumn,
      ...META_COLUMNS.filter((name) => name !== textColumn && names.includes(name)),
    ];
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      const rows = await parquetReadObjects({ file, metadata, columns, rowStart, rowEnd, compressors });
      for (const row of rows) yield toJsonLine(row, textColumn);
      rowStart = rowEnd;
    }
  } catch (error) {
    if (error instanceof CorruptInput || (error instanceof Error && "syscall" in error)) throw error;
    throw new CorruptInput(
      `damaged Parquet file (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}

function toJsonLine(row: Record<string, unknown>, textColumn: string): Uint8Array {
  const meta: Record<string, unknown> = {};
  for (const name of META_COLUMNS) if (typeof row[name] === "string") meta[name] = row[name];
  // a row without text stays a line, so that it is counted as read and rejected
  const text = typeof row[textColumn] === "string" ? row[textColumn] : null;
  return Buffer.from(`${JSON.stringify({ text, meta })}\n`);
}
