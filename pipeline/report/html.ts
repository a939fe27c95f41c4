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

/** A table whose columns of numbers are set right. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const isNumeric = head.map((_, column) => rows.some((row) => typeof row[column] === "number"));
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
  return { html: `<span class="bar" style="width:${(Math.min(share, 1) * 120).toFixed(1)}px"></span>` };
}

export function figure(label: string, value: string): string {
  return `<div class="figure"><b>${escapeHtml(value)}</b><span class="muted">${escapeHtml(label)}</span></div>`;
}

export function histogram(counts: readonly number[], from: string, to: string): string {
  const most = Math.max(...counts, 1);
  const bars = counts
    .map((value) => `<i style="height:${((value / most) * 100).toFixed(1)}%" title="${count(value)}"></i>`)
    .join("");
  return `<div class="histogram">${bars}</div><div class="axis"><span>${escapeHtml(from)}</span><span>${escapeHtml(to)}</span></div>`;
}

export const percent = (part: number, whole: number) =>
  whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`;

export const bytes = formatBytes;

/** Two versions of a text, with what only one of them has marked. */
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
  return mark(before, "del") + mark(after, "ins");
}
