import { isKnownWord } from "../measures/word-borders.ts";

const SPACE = 32;

/**
 * Tokenisers that put a space behind every mark, or on both its sides, tear figures and compounds: `18: 00`, `26, 15 km`,
 * `polsko- rosyjskie`, `35 - letni`. Each kind is closed only in a text that holds none of its kind whole, and only where
 * nothing else is likely: a comma between figures also enumerates, a hyphen is often a dash.
 *
 * The patterns match the gap with its mark and look at both sides from there: one that begins with a word or a figure is
 * tried at every letter, and took a third of all of ingest's time (2026-11).
 *
 * @param mayHoldFigures whether there may be torn figures: most texts have none, and a search takes longer than `NUMBER.torn`
 */
export function closeTornWords(
  text: string,
  { isTokenised, mayHoldFigures }: { readonly isTokenised: boolean; readonly mayHoldFigures: boolean },
): string {
  let closed = mayBeApart(text) ? closeApart(text) : text;
  if (mayHoldFigures && has(closed, ": ", LOOSE_COLON) && !WHOLE_COLON.test(closed))
    closed = closed.replace(LOOSE_COLON_ALL, ":");
  if (mayHoldFigures && has(closed, ", ", LOOSE_COMMA) && !WHOLE_COMMA.test(closed))
    closed = closed.replace(LOOSE_COMMA_ALL, ",");
  if (isTokenised && has(closed, " / ", LOOSE_SLASH) && !WHOLE_SLASH.test(closed))
    closed = closed.replace(LOOSE_SLASH_ALL, "/");
  // on a printed page, hyphens at line ends divide words, and some of them have come to stand elsewhere
  const mayBeTorn = closed.includes("- ") && !closed.includes("-\n");
  return mayBeTorn && !WHOLE_HYPHEN.test(closed) ? closeHyphens(closed) : closed;
}

/** Behind a figure or behind what first parts of compounds end in, and before a letter. */
const ENDS_FIRST_PART = "0123456789IVXLo";
const MAY_BE_APART = /(?:[\dIVXL]|[wnzk]o) - \p{L}/u;

/** Whether a hyphen with two spaces may be a compound's. */
function mayBeApart(text: string): boolean {
  // a search that begins with the space would stop at every word
  for (let at = text.indexOf("- "); at >= 0; at = text.indexOf("- ", at + 1))
    if (
      text.charCodeAt(at - 1) === SPACE &&
      ENDS_FIRST_PART.includes(text.charAt(at - 2)) &&
      MAY_BE_APART.test(text.slice(Math.max(0, at - 3), at + 3))
    )
      return true;
  return false;
}

/** Whether a hyphen stands directly behind something and before a space; most texts have only dashes, with two. */
function hasBoundHyphen(text: string): boolean {
  for (let at = text.indexOf("- "); at >= 0; at = text.indexOf("- ", at + 1))
    if (at > 0 && text.charCodeAt(at - 1) !== SPACE) return true;
  return false;
}

/** With a space on both sides, no hyphen of a compound is ever written: these are closed whatever else a text holds. */
const closeApart = (text: string) =>
  text
    .replace(COUNTED_APART, "-")
    .replace(LIKELY_APART, (found, part: string) => (isKnownWord(part.toLowerCase()) ? found : "-"));

/** A search for the gap alone is eight times as fast, and most texts lack it. */
const has = (text: string, gap: string, pattern: RegExp) => text.includes(gap) && pattern.test(text);

const WHOLE_COLON = /:(?<=\d:)(?=\d)/;
const WHOLE_COMMA = /,(?<=\d,)(?=\d)/;
const WHOLE_SLASH = /\/(?<=[\p{L}\d]\/)(?=[\p{L}\d])/u;
/** Between figures, units and single words, where a tokeniser set all marks apart: `1 / 3`, `mg / dl`. */
const LOOSE_SLASH_ALL =
  / \/ (?<=(?<![\p{L}\d])(?:\d{1,4}|\p{L}{1,15}) \/ )(?=(?:\d{1,4}r?|\p{L}{1,15})(?![\p{L}\d]))/gu;
const LOOSE_SLASH = new RegExp(LOOSE_SLASH_ALL.source, "u");
const WHOLE_HYPHEN = /-(?<=\p{L}-)(?=\p{L})/u;

/** Times and scores: `18: 00`, `3: 2`. Not the number of what a line begins with, `Metoda 1: 50 osób`, nor before a date. */
const LOOSE_COLON_ALL =
  /: (?<=(?<![\d:.,]|[:.,] |^(?:\S+ )?)\d{1,2}: )(?=\d{1,2}(?![\p{L}\d:]|[.,]\d|: | (?:stycz|lut|mar|kwie|maj|czerw|lip|sier|wrze|paź|list|grud)\p{L}))/gmu;
const LOOSE_COLON = new RegExp(LOOSE_COLON_ALL.source, "mu");

const UNITS = [
  "%|‰|°",
  "[kcmd]?m[²³]?|km2|m2|m3|[km]?g|[kM]t|ha|[mhd]?l|[kMG]?[Ww]h?|[kmMGTKgt][Bb]|[MG]?[Hh]z|[Kk]m/h",
  "proc|procent\\p{L}*|punkt\\p{L}*|pkt|stop(?:ień|ni\\p{L}*)|sekund\\p{L}*|min(?:ut\\p{L}*)?|godz(?:in\\p{L}*)?|sek|raz[ay]",
  "tys|mln|mld|tysi[ąę]\\p{L}*|milion\\p{L}*|miliard\\p{L}*|bilion\\p{L}*|miesi[ąę]c\\p{L}*|mies",
  "zł|zło(?:ty|te|tych|tego)|gr|pln|PLN|euro|eur|EUR|€|usd|USD|dolar\\p{L}*|frank\\p{L}*|funt\\p{L}*",
  "(?:kilo|centy|mili|deka|hekto)?(?:metr|gram|litr)\\p{L}*|ton\\p{L}{0,2}|hektar\\p{L}*|kw|mw|gw",
].join("|");
/** Decimals, which a unit follows. */
const LOOSE_COMMA_ALL = new RegExp(
  `, (?<=(?<![\\d,.$€-]|, |(?<!\\bok)\\. )\\d{1,4}, )(?=\\d{1,3}(?: - \\d{1,4})? ?(?:${UNITS})(?![\\p{L}\\d]))`,
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
/** `chrzęstno - kostną`: the first part is no word of its own. */
const LIKELY_APART = new RegExp(
  ` - (?<=o - )(?=\\p{L}${ADJECTIVE})(?<=(?<!\\p{L})(\\p{L}{2,}(?:[wnz]o|cko|sko)) - )`,
  "gu",
);
/** `35- letniego`, `15 - miesięcznym`: what is counted. */
const MEASURE =
  "(?:let|lat|leci|miesi[ęą]cz|dniow|godzin|minut|metrow|kilometr|krotn|osobow|piętrow|pokojow|gwiazdk|procentow|tysięcz|milionow|stopniow|stronicow|wieczn|wieczorow|biegow|drzwiow|klatkow)\\p{Ll}+";
const COUNTED = new RegExp(`- (?<=(?<![\\d,.])\\d{1,4}- )(?=${MEASURE})`, "gu");
const COUNTED_APART = new RegExp(
  ` - (?<=[\\dIVXL] - )(?<=(?<![\\d,.])(?:\\d{1,4}|[IVXL]+) - )(?=${MEASURE}|(?:t|n|wsz|g)(?:y|a|e|ym|ego|emu|ej|ą|ych)(?!\\p{L}))`,
  "gu",
);
/** `23- 25 listopada`. */
const RANGE = /- (?<=(?<![\p{L}\d.,:-]|[-\d] )\d{1,4}- )(?=[1-9]\d{0,3}(?![\d:]|[.,]\d|- | \d))/gu;
/**
 * A dash without the space before it: behind a quotation, and before words that hardly follow a hyphen. `I`, `czy` and the
 * like do: `mikro- i makroekonomia`.
 */
const DASH =
  /- (?<=["”»)%]- )(?=[\p{L}"„])|- (?<=\p{L}- )(?=["„])|- (?<=[\p{L}\d%]- )(?=(?:[owz]|ale|bez|bo|by|były?|była|było|być|co|czyli|dla|do|dodał\p{L}?|dodaje|gdy|gdzie|jak|jako|jednak|jest|już|kiedy|któr\p{L}+|lecz|mówi\p{L}*|na|nad|napisał\p{L}?|nie|niż|od|oświadczył\p{L}?|po|pod|podkreśl\p{L}+|poinformował\p{L}*|ponieważ|powiedział\p{L}?|przez|przy|są|stwierdził\p{L}?|ta|tak|także|ten|też|to|twierdz\p{L}+|tylko|tłumacz\p{L}+|uważa|we|więc|wyjaśni\p{L}+|za|zaznaczył\p{L}?|ze|żeby|że)(?!\p{L}))/gu;

/** What is left between two words of letters. */
const BETWEEN_WORDS = /- (?<=(?<![\p{L}\d.,'’-])(\p{L}+)- )(?=(\p{L}+)(?!\.?[\p{L}\p{N}]|-\S))/gu;
/** How words end that are declined: a name or a rare word that is no double name's first half. */
const DECLINED = /.{3}[aeiouyąęómwhł]$|.{4}(?<![sc]ki)ej$/;
/** The same, but neither a woman's first surname, nor a first part such as `radosno`. */
const MAY_END_CLAUSE = /.{3}(?:[eiuyąęómwhł]|(?<![sc]k)a|ego)$|.{4}(?<![sc]ki)ej$/;
/** A rare word of some length, but no surname. */
const MAY_BEGIN_CLAUSE = /^\p{Ll}{5,}(?<!sk(?:i|iego|iemu|im|a|iej|ą)|wicz(?:a|owi)?)$/u;
/** First halves of double names are not declined, and the second are mostly such. */
const FIRST_NAME = /.{2}[bcćdfgklnńprsśtzźż]$/;
const SECOND_NAME = /.(?:[scd]z?k(?:i|iego|iemu|im|a|iej|ą|ich)|wicz(?:a|owi|em|owa|owej)?)$/;
/** `mikro- i makroekonomia`: the word's second half stands behind the other one's; longer first parts end in `o`. */
const SHARED_HALF = /^(?:i|lub|oraz|czy|albo|ani|a|jak)$/;
const LONG_WHOLE = /.{6}[^o]$/;

/** `północno- wschodnie`: in `-ie` adverbs end, too, but those do not follow such a stem. */
const ADJECTIVE_STEM = /(?:[^iy]sko|[^e]cko|dzko|północno|południowo|wschodnio|zachodnio)$/;
const ADJECTIVE_PLURAL = /(?:[nk]ie|[wn]e)$/;

/**
 * Between words that both are in use, a hyphen with a space on one side was a dash: `państwa- oznajmił`. Before a surname
 * it joined a double name: `kłosek- kozłowska`.
 */
function closeBetweenWords(found: string, left: string, right: string): string {
  if (SHARED_HALF.test(right)) return LONG_WHOLE.test(left) ? " - " : found;
  if (ADJECTIVE_STEM.test(left) && ADJECTIVE_PLURAL.test(right)) return "-";
  const isKnown = (word: string) => word.length > 1 && isKnownWord(word.toLowerCase());
  if (!isKnown(left) && FIRST_NAME.test(left) && SECOND_NAME.test(right)) return "-";
  if (!isKnown(right)) return MAY_END_CLAUSE.test(left) && MAY_BEGIN_CLAUSE.test(right) ? " - " : found;
  return isKnown(left) || DECLINED.test(left) ? " - " : left.length === 1 ? "-" : found;
}

function closeHyphens(text: string): string {
  const apart = text.includes("o - ") ? text.replace(JOINED_APART, "-") : text;
  if (!hasBoundHyphen(apart)) return apart;
  return apart
    .replace(JOINED, "-")
    .replace(COUNTED, "-")
    .replace(RANGE, "-")
    .replace(DASH, " - ")
    .replace(BETWEEN_WORDS, closeBetweenWords);
}
