/** What stands between two marks or tags; the patterns are global. */
export interface Enclosure {
  /** Where it has a group, that is the name which the closing must have, too, in whatever case. */
  readonly open: RegExp;
  readonly close: RegExp;
}

export interface Enclosed {
  readonly opening: RegExpMatchArray;
  /** Where the opening begins, and the closing ends. */
  readonly start: number;
  readonly end: number;
  /** What stands between them. */
  readonly content: string;
}

/**
 * What a pattern `open[\s\S]*?close` would find. That reads on to the text's end for every opening without a closing, and
 * needs days for 16 MB of `<ref>`; here all closings are sought once, when there is an opening.
 */
export function* findEnclosed(text: string, { open, close }: Enclosure): Generator<Enclosed> {
  let closings: Closings | undefined;
  let end = 0;
  for (const opening of text.matchAll(open)) {
    if (opening.index < end) continue;
    closings ??= new Closings(text, close, opening.index);
    const contentStart = opening.index + opening[0].length;
    const closing = closings.behind(contentStart, opening[1]);
    if (closing === undefined) continue;
    end = closing.end;
    const content = text.slice(contentStart, closing.start);
    yield { opening, start: opening.index, end, content };
  }
}

/** Puts what `write` makes of it for all that is enclosed, the marks and tags themselves included. */
export function replaceEnclosed(
  text: string,
  enclosure: Enclosure,
  write: (found: Enclosed) => string,
): string {
  let result = "";
  let copied = 0;
  for (const found of findEnclosed(text, enclosure)) {
    result += text.slice(copied, found.start) + write(found);
    copied = found.end;
  }
  return copied === 0 ? text : result + text.slice(copied);
}

/** The closings of a text by their names, to be asked for in the order of their places. */
class Closings {
  readonly #places = new Map<string, { next: number; readonly starts: number[]; readonly ends: number[] }>();

  constructor(text: string, close: RegExp, from: number) {
    const pattern = new RegExp(close);
    pattern.lastIndex = from;
    for (let closing = pattern.exec(text); closing !== null; closing = pattern.exec(text)) {
      const name = nameOf(closing[1]);
      let places = this.#places.get(name);
      if (places === undefined) {
        places = { next: 0, starts: [], ends: [] };
        this.#places.set(name, places);
      }
      places.starts.push(closing.index);
      places.ends.push(pattern.lastIndex);
    }
  }

  /** The first closing of a name at a place or behind it; no place may be before the one last asked for. */
  behind(
    place: number,
    name: string | undefined,
  ): { readonly start: number; readonly end: number } | undefined {
    const places = this.#places.get(nameOf(name));
    if (places === undefined) return undefined;
    while ((places.starts[places.next] ?? place) < place) places.next += 1;
    const start = places.starts[places.next];
    return start === undefined ? undefined : { start, end: places.ends[places.next] as number };
  }
}

const nameOf = (name: string | undefined) => name?.toLowerCase() ?? "";
