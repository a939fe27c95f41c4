import { formatBytes } from "../runtime/sizes.ts";

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text as it may stand in HTML; control characters as pictures of themselves, so that nothing hides. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"]/g, (sign) => ESCAPES[sign] as string)
    .replace(/[\x00-\x08\x0b-\x1f]/g, (sign) => String.fromCharCode(0x2400 + sign.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u00ad\u200b-\u200f\u2060\ufeff]/g, "␣");
}

/** A cell: text, a number, or ready HTML. */
export type Cell = string | number | { readonly html: string };

/** A table; columns of numbers, and those named in `numeric`, are set right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  { numeric = [] }: { readonly numeric?: readonly number[] } = {},
): string {
  const isNumeric = head.map(
    (_, column) => numeric.includes(column) || rows.some((row) => typeof row[column] === "number"),
  );
  const cell = (tag: string, content: Cell, column: number) => {
    const inner =
      typeof content === "object"
        ? content.html
        : typeof content === "number"
          ? count(content)
          : escapeHtml(content);
    return `<${tag}${isNumeric[column] ? ' class="number"' : ""}>${inner}</${tag}>`;
  };
  const line = (tag: string, cells: readonly Cell[]) =>
    `<tr>${cells.map((content, column) => cell(tag, content, column)).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${line("th", head)}</thead><tbody>${rows.map((row) => line("td", row)).join("")}</tbody></table></div>`;
}

export const count = (value: number) => value.toLocaleString("en").replaceAll(",", "\u202f");

export function bar(share: number): Cell {
  return {
    html: `<span class="track"><i style="width:${(Math.min(share, 1) * 100).toFixed(1)}%"></i></span>`,
  };
}

/** A list of names with bars and counts, the longest bar first; `most` is the value of a full bar. */
export function barList(
  rows: readonly { readonly name: string; readonly value: number; readonly note?: string }[],
  most = Math.max(...rows.map(({ value }) => value), 1),
): string {
  const lines = rows.map(
    ({ name, value, note = "" }) =>
      `<div class="item"><div class="label"><span>${escapeHtml(name)}</span><span class="number"><b>${count(value)}</b> <small>${escapeHtml(note)}</small></span></div><span class="track"><i style="width:${((100 * value) / most).toFixed(1)}%"></i></span></div>`,
  );
  return `<div class="card bars">${lines.join("")}</div>`;
}

export function figure(label: string, value: string, note = ""): string {
  return `<div class="figure"><span class="muted">${escapeHtml(label)}</span><b>${escapeHtml(value)}</b><small>${escapeHtml(note)}</small></div>`;
}

/** Columns over an axis whose ends and middle are named. */
export function histogram(
  counts: readonly number[],
  labels: readonly string[],
  nameOf: (bin: number) => string,
): string {
  const most = Math.max(...counts, 1);
  const columns = counts
    .map(
      (value, bin) =>
        `<i${value === 0 ? ' class="none"' : ""} style="height:${((value / most) * 100).toFixed(1)}%" title="${escapeHtml(nameOf(bin))}: ${count(value)}"></i>`,
    )
    .join("");
  const axis = labels.map((label) => `<span>${escapeHtml(label)}</span>`).join("");
  return `<div class="card"><div class="most">${count(most)}</div><div class="histogram">${columns}</div><div class="axis">${axis}</div></div>`;
}

export const percent = (part: number, whole: number) =>
  whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`;

export const bytes = formatBytes;

/** Two versions of a text side by side, with what only one of them has marked. */
export function difference(before: string, after: string): string {
  const shorter = Math.min(before.length, after.length);
  let prefix = 0;
  while (prefix < shorter && before[prefix] === after[prefix]) prefix += 1;
  let suffix = 0;
  while (suffix < shorter - prefix && before[before.length - 1 - suffix] === after[after.length - 1 - suffix])
    suffix += 1;
  const mark = (text: string, tag: string) => {
    const changed = text.slice(prefix, text.length - suffix);
    const middle = changed === "" ? "" : `<${tag}>${escapeHtml(changed)}</${tag}>`;
    return `<pre>${escapeHtml(text.slice(0, prefix))}${middle}${escapeHtml(text.slice(text.length - suffix))}</pre>`;
  };
  return `<div class="pair">${mark(before, "del")}${mark(after, "ins")}</div>`;
}
