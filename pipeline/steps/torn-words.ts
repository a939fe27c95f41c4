/**
 * Tokenisers that put a space behind every mark, or on both its sides, tear figures and compounds: `18: 00`, `26, 15 km`,
 * `polsko- rosyjskie`, `35 - letni`. Each kind is closed only in a text that holds none of its kind whole, and only where
 * nothing else is likely: a comma between figures also enumerates, a hyphen is often a dash.
 *
 * The patterns match the gap with its mark and look at both sides from there: one that begins with a word or a figure is
 * tried at every letter, and took a third of all of ingest's time (2026-11).
 */
export function closeTornWords(text: string): string {
  let closed = text;
  if (has(closed, ": ", LOOSE_COLON) && !WHOLE_COLON.test(closed))
    closed = closed.replace(LOOSE_COLON_ALL, ":");
  if (has(closed, ", ", LOOSE_COMMA) && !WHOLE_COMMA.test(closed))
    closed = closed.replace(LOOSE_COMMA_ALL, ",");
  // on a printed page, hyphens at line ends divide words, and some of them have come to stand elsewhere
  const mayBeTorn = closed.includes("- ") && !closed.includes("-\n");
  return mayBeTorn && !WHOLE_HYPHEN.test(closed) ? closeHyphens(closed) : closed;
}

/** A search for the gap alone is eight times as fast, and most texts lack it. */
const has = (text: string, gap: string, pattern: RegExp) => text.includes(gap) && pattern.test(text);

const WHOLE_COLON = /:(?<=\d:)(?=\d)/;
const WHOLE_COMMA = /,(?<=\d,)(?=\d)/;
const WHOLE_HYPHEN = /-(?<=\p{L}-)(?=\p{L})/u;

/** Times and scores: `18: 00`, `3: 2`. Not the number of what a line begins with, `Metoda 1: 50 osób`, nor before a date. */
const LOOSE_COLON_ALL =
  /: (?<=(?<![\d:.,]|[:.,] |^(?:\S+ )?)\d{1,2}: )(?=\d{1,2}(?![\p{L}\d:]|[.,]\d|: | (?:stycz|lut|mar|kwie|maj|czerw|lip|sier|wrze|paź|list|grud)\p{L}))/gmu;
const LOOSE_COLON = new RegExp(LOOSE_COLON_ALL.source, "mu");

const UNITS = [
  "%|‰|°",
  "[kcmd]?m[²³]?|km2|m2|m3|[km]?g|[kM]t|ha|[mhd]?l|[kMG]?[Ww]h?|[kmMGTKgt][Bb]|[MG]?[Hh]z|[Kk]m/h",
  "proc|procent\\p{L}*|punkt\\p{L}*|pkt|stop(?:ień|ni\\p{L}*)|sekund\\p{L}*|min(?:ut\\p{L}*)?|godz(?:in\\p{L}*)?|sek|raz[ay]",
  "tys|mln|mld|tysi[ąę]\\p{L}*|milion\\p{L}*|miliard\\p{L}*|bilion\\p{L}*|miesi[ąę]c\\p{L}*",
  "zł|zło(?:ty|te|tych|tego)|gr|pln|PLN|euro|eur|EUR|€|usd|USD|dolar\\p{L}*|frank\\p{L}*|funt\\p{L}*",
  "(?:kilo|centy|mili|deka|hekto)?(?:metr|gram|litr)\\p{L}*|ton\\p{L}{0,2}|hektar\\p{L}*|kw|mw|gw",
].join("|");
/** Decimals, which a unit follows. */
const LOOSE_COMMA_ALL = new RegExp(
  `, (?<=(?<![\\d,.$€-]|[,.] )\\d{1,4}, )(?=\\d{1,3} ?(?:${UNITS})(?![\\p{L}\\d]))`,
  "gu",
);
const LOOSE_COMMA = new RegExp(LOOSE_COMMA_ALL.source, "u");

/** How an adjective ends, but for `-ły`, in which verbs end, too. */
const ADJECTIVE = "\\p{Ll}{2,}(?:[sc]k|dzk|[wn]|rn|t)(?:[iy]m?|[iy]mi|[iy]ch|a|ą|e|i?e(?:go|mu|j))(?!\\p{L})";
/** First parts of compounds that are nothing else: `polsko`, `biało`; but not `blisko`, `lotnisko`, `dziecko`. */
const SURE_PART =
  "(?:\\p{L}(?:(?<![iy])sko|(?<!dzie)cko|dzko|iało|erwono|ółto|arno|ielono)|(?<!\\p{L})wodno|północno|południowo)";
/** First parts that may be adverbs, too: likely enough where a dash would have a space before it. */
const LIKELY_PART = "\\p{L}(?:owo|[cz]no|alno|yjno)";
const JOINED = new RegExp(`- (?<=(?:${SURE_PART}|${LIKELY_PART})- )(?=${ADJECTIVE})`, "gu");
const JOINED_APART = new RegExp(` - (?<=${SURE_PART} - )(?=${ADJECTIVE})`, "gu");
/** `35- letniego`, `15 - miesięcznym`: what is counted. */
const MEASURE =
  "(?:let|lat|leci|miesi[ęą]cz|dniow|godzin|minut|metrow|kilometr|krotn|osobow|piętrow|pokojow|gwiazdk|procentow|tysięcz|milionow)\\p{Ll}+";
const COUNTED = new RegExp(`- (?<=(?<![\\d,.])\\d{1,4}- )(?=${MEASURE})`, "gu");
const COUNTED_APART = new RegExp(` - (?<=(?<![\\d,.])\\d{1,4} - )(?=${MEASURE})`, "gu");
/** `23- 25 listopada`. */
const RANGE = /- (?<=(?<![\p{L}\d.,:-]|[-\d] )\d{1,4}- )(?=[1-9]\d{0,3}(?![\d:]|[.,]\d|- | \d))/gu;
/**
 * A dash without the space before it: behind a quotation, and before words that hardly follow a hyphen. `I`, `czy` and the
 * like do: `mikro- i makroekonomia`.
 */
const DASH =
  /- (?<=["”»)]- )(?=\p{L})|- (?<=[\p{L}\d%]- )(?=(?:[owz]|ale|bez|bo|by|były?|była|było|być|co|czyli|dla|do|dodał\p{L}?|dodaje|gdy|gdzie|jak|jako|jednak|jest|już|kiedy|któr\p{L}+|lecz|mówi\p{L}*|na|nad|napisał\p{L}?|nie|niż|od|oświadczył\p{L}?|po|pod|podkreśl\p{L}+|poinformował\p{L}*|ponieważ|powiedział\p{L}?|przez|przy|są|stwierdził\p{L}?|ta|tak|także|ten|też|to|twierdz\p{L}+|tylko|tłumacz\p{L}+|uważa|we|więc|wyjaśni\p{L}+|za|zaznaczył\p{L}?|ze|żeby|że)(?!\p{L}))/gu;

function closeHyphens(text: string): string {
  return text
    .replace(JOINED_APART, "-")
    .replace(JOINED, "-")
    .replace(COUNTED_APART, "-")
    .replace(COUNTED, "-")
    .replace(RANGE, "-")
    .replace(DASH, " - ");
}
