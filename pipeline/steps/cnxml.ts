const NOMINATIVE = "nominative";

/**
 * What a reference in CNXML, the textbooks' vocabulary, may be to: its name by the grammatical case that Polish books
 * write beside it, as `cmlnle:case`.
 */
const NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  figure: cases("Ilustracja Ilustracji Ilustracji Ilustrację Ilustracją Ilustracji"),
  table: cases("Tabela Tabeli Tabeli Tabelę Tabelą Tabeli"),
  equation: cases("Równanie Równania Równaniu Równanie Równaniem Równaniu"),
  example: cases("Przykład Przykładu Przykładowi Przykład Przykładem Przykładzie"),
  exercise: cases("Zadanie Zadania Zadaniu Zadanie Zadaniem Zadaniu"),
};

function cases(forms: string): Readonly<Record<string, string>> {
  const names = [NOMINATIVE, "genitive", "dative", "accusative", "instrumental", "locative"];
  const written = forms.split(" ");
  return Object.fromEntries(names.map((name, i) => [name, written[i] as string]));
}

const TARGET = new RegExp(`<(${Object.keys(NAMES).join("|")})\\b([^<>]*)>`, "g");
/** A reference without a text of its own; the bracket around it goes with it where it leads nowhere. */
const REFERENCE = /( ?\()?<link\b([^<>]*?)(?:\/>|>\s*<\/link>)(\))?/g;
const attribute = (attributes: string, name: string) =>
  new RegExp(`(?<![\\w:-])${name}="([^"]*)"`).exec(attributes)?.[1];

/**
 * Writes references as a textbook's pages show them, `Ilustracja 2`, counted through the document: without a text, they
 * would leave a gap in the sentence. Those to other documents have no number here, and are left out.
 */
export function writeReferences(text: string): string {
  if (!/<link\b[^<>]*target-id=/.test(text)) return text;
  const targets = new Map<string, readonly [element: string, number: number]>();
  const counts = new Map<string, number>();
  for (const [, element = "", attributes = ""] of text.matchAll(TARGET)) {
    const id = attribute(attributes, "id");
    if (id === undefined || attribute(attributes, "class") === "unnumbered") continue;
    const number = (counts.get(element) ?? 0) + 1;
    counts.set(element, number);
    targets.set(id, [element, number]);
  }
  return text.replace(
    REFERENCE,
    (_, open: string | undefined, attributes: string, close: string | undefined) => {
      const target = targets.get(attribute(attributes, "target-id") ?? "");
      const isBracketed = open !== undefined && close !== undefined;
      if (target === undefined) return isBracketed ? "" : `${open ?? ""}${close ?? ""}`;
      const names = NAMES[target[0]] ?? {};
      const name = names[attribute(attributes, "cmlnle:case") ?? NOMINATIVE] ?? names[NOMINATIVE];
      return `${open ?? ""}${name} ${target[1]}${close ?? ""}`;
    },
  );
}
