/** Markup that is safe to put into a page. */
export interface Html {
  readonly markup: string;
}

type Content = Html | string | number | readonly Content[];

/** A template of markup: whatever is put in is escaped, unless it is markup itself. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return { markup: parts.map((part, index) => part + render(contents[index] ?? "")).join("") };
}

function render(content: Content): string {
  if (typeof content === "string") return escapeHtml(content);
  if (typeof content === "number") return String(content);
  return "markup" in content ? content.markup : content.map(render).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Models write anything: control characters, which no page may hold, are shown as what they are. */
const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => entities[character]!).replace(/[\0-\x08\x0b-\x1f\x7f]/g, "\ufffd");
