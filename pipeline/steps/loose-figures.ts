/**
 * Tokenisers that put a space behind every mark tear figures and double adjectives: `18: 00`, `26, 15 km`,
 * `polsko- rosyjskie`. Each kind is closed only in a text that holds none of its kind whole, and only where nothing else is
 * likely: a comma between figures also enumerates, a hyphen without a space before it is often a dash.
 *
 * The patterns match the gap with its mark and look at both sides from there: one that begins with a word or a figure is
 * tried at every letter, and took a third of all of ingest's time (2026-11).
 */
export function closeFigures(text: string): string {
  let closed = text;
  if (has(text, ": ", LOOSE_COLON) && !/\d:\d/.test(text)) closed = closed.replace(LOOSE_COLON_ALL, ":");
  if (has(text, ", ", LOOSE_COMMA) && !/\d,\d/.test(text)) closed = closed.replace(LOOSE_COMMA_ALL, ",");
  if (has(text, "- ", LOOSE_HYPHEN) && !/\p{L}-\p{L}/u.test(text))
    closed = closed.replace(LOOSE_HYPHEN_ALL, "-");
  return closed;
}

/** A search for the gap alone is eight times as fast, and most texts lack it. */
const has = (text: string, gap: string, pattern: RegExp) => text.includes(gap) && pattern.test(text);

/** Times and scores: `18: 00`, `3: 2`. Not the number of what a line begins with, `Metoda 1: 50 osób`, nor before a date. */
const LOOSE_COLON_ALL =
  /: (?<=(?<![\d:.,]|[:.,] |^(?:\S+ )?)\d{1,2}: )(?=\d{1,2}(?![\p{L}\d:]|[.,]\d|: | (?:stycz|lut|mar|kwie|maj|czerw|lip|sier|wrze|paź|list|grud)\p{L}))/gmu;
const LOOSE_COLON = new RegExp(LOOSE_COLON_ALL.source, "mu");

const UNITS = [
  "%|‰|°",
  "[kcmd]?m[²³]?|km2|m2|m3|[km]?g|[kM]t|ha|[mhd]?l|[kMG]?[Ww]h?|[kmMGTKgt][Bb]|[MG]?[Hh]z|[Kk]m/h",
  "proc|procent\\p{L}*|punkt\\p{L}*|pkt|stop(?:ień|ni\\p{L}*)|sekund\\p{L}*|min(?:ut\\p{L}*)?|godz(?:in\\p{L}*)?|sek|raz[ay]",
  "tys|mln|mld|tysi[ąę]\\p{L}*|milion\\p{L}*|miliard\\p{L}*|bilion\\p{L}*",
  "zł|zło(?:ty|te|tych|tego)|gr|pln|PLN|euro|eur|EUR|usd|USD|dolar\\p{L}*|frank\\p{L}*|funt\\p{L}*",
  "(?:kilo|centy|mili|deka|hekto)?(?:metr|gram|litr)\\p{L}*|ton\\p{L}{0,2}|hektar\\p{L}*|kw|mw|gw",
].join("|");
/** Decimals, which a unit follows. */
const LOOSE_COMMA_ALL = new RegExp(
  `, (?<=(?<![\\d,.$€-]|[,.] )\\d{1,4}, )(?=\\d{1,3} ?(?:${UNITS})(?![\\p{L}\\d]))`,
  "gu",
);
const LOOSE_COMMA = new RegExp(LOOSE_COMMA_ALL.source, "u");

/** `polsko- rosyjskie`, `południowo- wschodniej`: the first part ends as only adjectives joined to another do. */
const LOOSE_HYPHEN_ALL =
  /- (?<=(?:\p{L}(?:[sc]ko|dzko|owo|[cz]no|alno|yjno|iało|erwono|ółto|arno|ielono)|(?<!\p{L})wodno)- )(?=\p{Ll}{2,}(?:[sc]k|dzk|[wn]|ł|rn|t)(?:[iy]m?|[iy]mi|[iy]ch|a|ą|e|i?e(?:go|mu|j))(?!\p{L}))/gu;
const LOOSE_HYPHEN = new RegExp(LOOSE_HYPHEN_ALL.source, "u");
