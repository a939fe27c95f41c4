/** A plain-text table: first row is the head; columns after the first are right-aligned when numeric. */
export function formatTable(rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en-US") : cell)),
  );
  const columns = Math.max(...cells.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...cells.map((row) => width(row[i] ?? ""))),
  );
  const numeric = widths.map((_, i) => rows.slice(1).every((row) => typeof (row[i] ?? 0) === "number"));
  const format = (row: readonly string[]) =>
    widths
      .map((size, i) => {
        const cell = row[i] ?? "";
        const padding = " ".repeat(size - width(cell));
        return numeric[i] && i > 0 ? padding + cell : cell + padding;
      })
      .join("  ")
      .trimEnd();
  const [head = [], ...body] = cells;
  const rule = widths.map((size) => "─".repeat(size)).join("  ");
  return [format(head), rule, ...body.map(format)].join("\n");
}

/** Characters a terminal shows; our tables hold no wide ones. */
const width = (text: string) => [...text].length;
