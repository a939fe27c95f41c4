import { SIGN } from "../measures/signs.ts";
import type { TextMeasures } from "../measures/text-measures.ts";
import { MARGIN, unitsOf } from "../measures/units.ts";
import { Beginnings } from "./beginnings.ts";
import { drop, keep, type Step } from "./step.ts";

/** Longer lines are prose, whatever words they contain. */
const MAX_LINE = 240;
/** At a page's head and foot, lines of so few words beside known furniture are menu entries. */
const MAX_LABEL = 25;
/** The first and last line of this length are where a page's text begins and ends. */
const TEXT_LINE = 80;

// `\b` of JavaScript knows ASCII letters only: behind a Polish word we ask for "no letter" ourselves.
export const END = "(?!\\p{L})";
const SITES =
  "facebook|twitter|google\\+?|linkedin|pinterest|instagram|youtube|whatsapp|messenger|e-?mail|rss|tiktok|wykop";

/**
 * Labels of up to 40 characters behind separators. A separator is no part of a label, and a label begins and ends in no
 * space: where all could be read in several ways, a row of hyphens before a longer text took 2 to its length.
 */
const LABEL = "[^|•·»›/>\\s-](?:[^|•·»›/>-]{0,38}[^|•·»›/>\\s-])?\\s*";
const FURTHER = `[|•·»›/>-]\\s*(?:${LABEL})?`;
const MENU_ENTRIES = `(?:\\s*[|•·»›/>-]\\s*(?:${LABEL}(?:${FURTHER})*|(?:${FURTHER})+))?`;

/** A site's furniture that begins a line. Collected from the kinds of pages Speakleash and the web sets hold. */
export const BEGINNINGS = [
  // consent
  `(?:akceptuj[ęe]?|zgadzam się|przejdź do serwisu|rozumiem|zamknij)(?: (?:wszystkie|i zamknij|cookies))?[.!]?$`,
  `szanujemy (?:twoją|państwa) prywatność${END}`,
  `(?:w celu świadczenia usług|w ramach (?:naszej )?(?:witryny|serwisu)).{0,80}(?:cookies?|ciastecz)`,
  `(?:ta|nasza|niniejsza) (?:strona|witryna|serwis)${END}.{0,60}(?:cookies?|ciastecz)`,
  // sharing and social media
  `(?:udostępnij|podziel się|poleć|polub(?: nas)?|lubię to|tweetnij|tweet|wykop|skomentuj|drukuj|wydrukuj|wyślij (?:znajomemu|na|e-?mail)|skopiuj link|kopiuj link|obserwuj nas|śledź nas)${END}.{0,60}$`,
  `(?:${SITES})(?:[\\s|•,/]+(?:${SITES}))*$`,
  // links to other pages
  `(?:czytaj|przeczytaj|zobacz|sprawdź|patrz|obejrzyj|polecamy) (?:także|też|również|więcej)(?:[:»>…→ -].{0,160})?$`,
  `(?:czytaj (?:dalej|całość|cały artykuł)|więcej(?: na ten temat| informacji)?|polecane(?: artykuły)?|powiązane(?: artykuły| wpisy)?|podobne (?:artykuły|wpisy|tematy)|najczęściej czytane|najnowsze (?:wpisy|artykuły|komentarze)|reklama|advertisement|materiał sponsorowany)\\s*(?:[:»>…→]+.{0,120})?$`,
  // navigation and log-in
  `(?:strona główna|start|home|kontakt|o nas|mapa (?:strony|serwisu)|regulamin|polityka prywatności|zaloguj(?: się)?|zarejestruj(?: się)?|załóż konto|moje konto|koszyk|logowanie|rejestracja|szukaj|wyszukaj|menu|newsletter|do góry|wróć|powrót|następn[ay]|poprzedni[ae]?)${MENU_ENTRIES}$`,
  `(?:następn|poprzedn)[ai]?[iy]? rozdział(?:[, ]+(?:następn|poprzedn)[ai]?[iy]? rozdział)?$`,
  `(?:główny )?spis treści(?: rozdziału)?, (?:główny )?spis treści(?: rozdziału)?$`,
  `początek (?:dokumentu|rozdziału|strony)(?:, początek (?:dokumentu|rozdziału|strony))?$`,
  `jesteś tutaj${END}.{0,160}$`,
  `(?:zapisz się|zapraszamy) (?:do|na) (?:naszego |nasz )?newsletter`,
  `(?:zaloguj się|musisz być zalogowany|nie masz konta|zapomniałeś hasła|aby dodać komentarz)${END}.{0,100}$`,
  `(?:tagi|kategori[ae]|autor|komentarze|liczba wyświetleń|odsłon(?:y|a)?|wyświetleń)\\s*(?:\\(\\d+\\)|:).{0,120}$`,
  `(?:dodan[oaye]|opublikowan[oaye]|data (?:dodania|publikacji)|ostatni[ae] (?:aktualizacj[ae]|modyfikacj[ae]|zmian[ay])|aktualizacja)\\s*:?\\s.{0,40}\\d{4}.{0,20}$`,
  // rights
  `(?:©|\\(c\\)|copyright${END}).{0,160}$`,
];
/**
 * Furniture anywhere in a short line. Each holds one of the `NOTICES` of measures/notices.ts: texts without any are not
 * searched line by line.
 */
export const ANYWHERE = [
  `(?:używamy|korzystamy z|wykorzystujemy|wykorzystuje|używa|stosujemy) (?:plik(?:i|ów) )?(?:cookies?|ciastecz)`,
  `wszelkie prawa zastrzeżone|wszystkie prawa zastrzeżone|all rights reserved|powered by|projekt i wykonanie`,
  `(?:plik(?:i|ów|ach) cookies?|polityk[aięą] (?:prywatności|cookies?))${END}.{0,120}$`,
];
/** A line that is nothing but an address. */
const ONLY_URL = "(?:https?://|www\\.)\\S+$";
const AT_START = new RegExp(`^(?:${[...BEGINNINGS, ONLY_URL].join("|")})`, "iu");
/** The first three letters of all that `AT_START` finds. */
export const FURNITURE_BEGINNINGS = new Beginnings(
  [
    "akc zga prz roz zam sza w_c w_r ta_ nas nin udo pod pol lub twe wyk sko dru wyd wyś kop obs śle",
    "fac twi goo lin pin ins you wha mes e-m ema rss tik czy zob spr pat obe wię naj rek adv mat",
    "str sta hom kon o_n map reg zal zar zał moj kos log rej szu wys men new do_ wró pow nas pop",
    "głó spi poc jes zap mus nie aby tag kat aut kom lic ods dod opu dat ost akt © (c) cop htt www",
  ].flatMap((row) => row.split(" ").map((letters) => letters.replace("_", " "))),
);
const INSIDE = new RegExp(ANYWHERE.join("|"), "iu");
/** Each of `ANYWHERE` contains one of these, which are faster to seek. */
const INSIDE_STEMS = /cookie|ciastecz|prawa zastrze|rights res|powered by|projekt i w|polityk/i;
/** Three or more short labels between separators: a menu or a trail of breadcrumbs. */
const MENU = /^[^|•›»]{1,30}(?:\s[|•›»]\s[^|•›»]{1,30}){2,}$/;

/**
 * Removes lines that belong to a web page rather than to its text: consent notices, share buttons, "czytaj
 * także", menus, log-in, copyright, bare addresses. A text of nothing else is dropped.
 */
export const boilerplate: Step = {
  name: "boilerplate",
  version: 4,
  addsNoSigns: true,
  create: (profile) =>
    profile.removeBoilerplate
      ? (text, measures) => {
          // a long text without lines is not worth a look
          if (text.length > MAX_LINE && !measures.has(SIGN.lineEnd)) return keep(text);
          return removeBoilerplate(measures);
        }
      : undefined,
};

function removeBoilerplate(measures: TextMeasures) {
  const lines = measures.textLines;
  const units = unitsOf(lines.text);
  const isAnywhere = measures.hasNotice;
  const hasMenus = measures.has(SIGN.separator);
  const found: number[] = [];
  for (let i = 0; i < lines.count; i++) {
    if (lines.isBlank(i) || lines.length(i) > MAX_LINE) continue;
    const mayBegin = FURNITURE_BEGINNINGS.at(units, MARGIN + lines.start(i));
    if (!mayBegin && !isAnywhere && !hasMenus) continue;
    const line = lines.line(i);
    if (
      (mayBegin && AT_START.test(line)) ||
      (isAnywhere && INSIDE_STEMS.test(line) && INSIDE.test(line)) ||
      (hasMenus && MENU.test(line))
    )
      found.push(i);
  }
  const [first, ...others] = found;
  // one "Koszyk" or "Rozumiem." is a word of the text
  if (first === undefined || (others.length === 0 && lines.length(first) <= MAX_LABEL))
    return keep(lines.text);
  const removed = new Uint8Array(lines.count);
  for (const i of found) removed[i] = 1;
  markLabels(lines.text.split("\n"), removed);
  const rest = lines
    .without(removed)
    .replace(/\n{3,}/g, "\n\n")
    .trim();
  return rest === "" ? drop("only-boilerplate") : keep(rest);
}

/** Above and below the text, the labels that stand directly beside furniture belong to the same menu. */
function markLabels(lines: readonly string[], removed: Uint8Array): void {
  const isText = (line: string) => line.length >= TEXT_LINE;
  const first = lines.findIndex((line, i) => isText(line) && removed[i] === 0);
  const last = lines.findLastIndex((line, i) => isText(line) && removed[i] === 0);
  const isLabel = (line: string) =>
    line !== "" && line.length <= MAX_LABEL && !/[.!?…,;:"”)]$/.test(line) && line.split(" ").length <= 3;
  for (let i = 1; i < lines.length; i++) {
    const outside = first < 0 || i < first || i > last;
    if (outside && removed[i - 1] === 1 && removed[i] === 0 && isLabel(lines[i] as string)) removed[i] = 1;
  }
}
