import { replaceEnclosed } from "./enclosures.ts";

/** A formula of MathML, its name space prefixed or not. */
const FORMULA = { open: /<((?:\w+:)?)math\b[^<>]*>/gi, close: /<\/((?:\w+:)?)math\s*>/gi };
/** The same formula once more, for machines. */
const ANNOTATION = {
  open: /<(?:\w+:)?annotation(?:-xml)?\b[^<>]*>/gi,
  close: /<\/(?:\w+:)?annotation(?:-xml)?\s*>/gi,
};
const SPACE_TAG = /<(?:\w+:)?mspace\b[^<>]*>/gi;
const LEAF = /<(?:\w+:)?(mi|mn|mo|mtext|ms)\b[^<>]*>([^<]*)<\/(?:\w+:)?(?:mi|mn|mo|mtext|ms)\s*>/gi;
/** An element that holds nothing, such as the marks that rows are aligned by. */
const EMPTY = /<(?:\w+:)?\w+\b[^<>]*\/>/g;
/** An element whose children all have become parts already. */
const INNERMOST = /<(?:\w+:)?(\w+)\b[^<>]*>\s*((?:\u0001[^\u0001\u0002<]*\u0002\s*)*)<\/(?:\w+:)?\1\s*>/gi;
const PART = /\u0001([^\u0001\u0002]*)\u0002/g;
/** Elements stand in each other; a formula that is deeper is left out as before. */
const MAX_DEPTH = 30;
/** Longer ones are set apart from the text, in many rows. */
const MAX_FORMULA = 200;

/**
 * Formulas of MathML as one would write them in a line: `E = mc²` becomes `E=mc^2`, a fraction `a/b`. What cannot be
 * written so, and what is long, goes.
 */
export function writeFormulas(text: string): string {
  return replaceEnclosed(text, FORMULA, ({ content, start, end }) => {
    const before = text[start - 1] === "(" ? "" : " ";
    const after = text[end] === ")" ? "" : " ";
    return before + linear(content) + after;
  });
}

function linear(content: string): string {
  let formula = replaceEnclosed(content, ANNOTATION, () => "")
    .replace(SPACE_TAG, "\u0001 \u0002")
    .replace(EMPTY, "")
    .replace(LEAF, (_, element: string, leaf: string) => {
      const text = leaf.replace(/\s+/g, " ");
      return part(element.toLowerCase() === "mtext" ? text : text.trim());
    });
  for (let depth = 0; formula.includes("<") && depth < MAX_DEPTH; depth++) {
    const reduced = formula.replace(INNERMOST, (_, element: string, children: string) =>
      part(
        write(
          element.toLowerCase(),
          Array.from(children.matchAll(PART), ([, child]) => child as string),
        ),
      ),
    );
    if (reduced === formula) return "";
    formula = reduced;
  }
  const line = Array.from(formula.matchAll(PART), ([, child]) => child)
    .join("")
    .replace(/ +/g, " ")
    .replace(/ (?=[.,;])/g, "")
    .trim();
  return line.length > MAX_FORMULA ? "" : line;
}

const part = (text: string) => `\u0001${text}\u0002`;
const grouped = (text: string) =>
  [...text].length > 1 && /[^\p{L}\p{N},.]/u.test(text) ? `(${text})` : text;

function write(element: string, children: readonly string[]): string {
  const [first = "", second = "", third = ""] = children;
  switch (element) {
    case "mfrac":
      return `${grouped(first)}/${grouped(second)}`;
    case "msup":
    case "mover":
      return second === "" || second === "→" || second === "¯" || second === "‾"
        ? first
        : `${grouped(first)}^${grouped(second)}`;
    case "msub":
    case "munder":
      return `${first}_${grouped(second)}`;
    case "msubsup":
    case "munderover":
      return `${first}_${grouped(second)}^${grouped(third)}`;
    case "msqrt":
      return `√${grouped(children.join(""))}`;
    case "mfenced":
      return `(${children.join(", ")})`;
    case "mtr":
    case "mtable":
      return children.join(" ");
    default:
      return children.join("");
  }
}
