import { drop, keep, type Step } from "./step.ts";

/** Longer lines are prose, whatever words they contain. */
const MAX_LINE = 240;

/** A site's furniture, as whole lines. Collected from the kinds of pages Speakleash and the web sets hold. */
const FURNITURE: readonly RegExp[] = [
  // consent
  /\b(?:ta|nasza|niniejsza) (?:strona|witryna|serwis)\b.{0,60}\b(?:cookies?|ciastecz)/i,
  /\b(?:używamy|korzystamy z|wykorzystujemy|stosujemy) (?:plik(?:i|ów) )?(?:cookies?|ciastecz)/i,
  /\b(?:plik(?:i|ów|ach) cookies?|polityk[aięą] (?:prywatności|cookies?))\b.{0,120}$/i,
  /^(?:akceptuj[ęe]?|zgadzam się|przejdź do serwisu|rozumiem|zamknij)(?: (?:wszystkie|i zamknij|cookies))?[.!]?$/i,
  // sharing and social media
  /^(?:udostępnij|podziel się|poleć|polub(?: nas)?|lubię to|tweetnij|wykop|skomentuj|drukuj|wyślij)\b.{0,60}$/i,
  /^(?:facebook|twitter|google\+?|linkedin|pinterest|instagram|youtube|whatsapp|messenger)(?:[\s|•,/]+(?:facebook|twitter|google\+?|linkedin|pinterest|instagram|youtube|whatsapp|messenger|e-?mail))*$/i,
  // links to other pages
  /^(?:czytaj|przeczytaj|zobacz|sprawdź|patrz|obejrzyj) (?:także|też|również|więcej)\b.{0,160}$/i,
  /^(?:czytaj (?:dalej|całość|cały artykuł)|więcej(?: na ten temat)?|polecane(?: artykuły)?|powiązane(?: artykuły| wpisy)?|najczęściej czytane)\s*(?:[:»>…→]+.{0,120})?$/i,
  // navigation and log-in
  /^(?:strona główna|home|kontakt|o nas|mapa (?:strony|serwisu)|regulamin|zaloguj(?: się)?|zarejestruj(?: się)?|logowanie|rejestracja|szukaj|menu|newsletter|do góry|wróć|powrót|następn[ay]|poprzedni[ae]?)(?:\s*[|•·»›/>-]+\s*.{1,40}){0,12}$/i,
  /^(?:zapisz się|zapraszamy) (?:do|na) (?:naszego |nasz )?newsletter/i,
  /^(?:zaloguj się|musisz być zalogowany|nie masz konta|zapomniałeś hasła)\b.{0,100}$/i,
  /^(?:tagi|kategori[ae]|autor|komentarze|liczba wyświetleń|odsłon(?:y|a)?)\s*(?:\(\d+\)|:).{0,120}$/i,
  // rights
  /^(?:©|\(c\)|copyright\b).{0,160}$/i,
  /\bwszelkie prawa zastrzeżone\b/i,
  /\b(?:powered by|all rights reserved|projekt i wykonanie)\b/i,
];

/** A line that is nothing but an address. */
const ONLY_URL = /^(?:https?:\/\/|www\.)\S+$/i;
/** Three or more short labels between separators: a menu or a trail of breadcrumbs. */
const MENU = /^[^|•›»]{1,30}(?:\s[|•›»]\s[^|•›»]{1,30}){2,}$/;

/** Every pattern needs one of these to match; lines without are passed at the speed of one search. */
const HINT =
  /cook|ciast|zgadz|akcept|rozumiem|zamknij|przejd|udost|podziel|pole[ćc]|polub|lubię|tweet|wykop|skoment|druk|wyślij|face|twit|goog|link|pint|insta|you|what|mess|czytaj|zobacz|sprawd|patrz|obejrz|więcej|powiąz|najcz|stron|home|kontakt|o nas|mapa|regul|zalog|zarej|logow|rejestr|szukaj|menu|newsl|góry|wr[óo]|powr|nast|poprz|zapisz|zapra|musisz|konta|hasła|tagi|kateg|autor|komen|liczba|odsł|©|\(c\)|copyr|prawa|power|rights|projekt|prywat|https?:|www\.|[|•›»]/i;

/**
 * Removes lines that belong to a web page rather than to its text: consent notices, share buttons, "czytaj
 * także", menus, log-in, copyright, bare addresses. A text of nothing else is dropped.
 */
export const boilerplate: Step = {
  name: "boilerplate",
  version: 1,
  create: (profile) => (profile.removeBoilerplate ? removeBoilerplate : undefined),
};

function removeBoilerplate(text: string) {
  if (!HINT.test(text)) return keep(text);
  const lines = text.split("\n");
  const kept = lines.filter((line) => !isBoilerplate(line));
  if (kept.length === lines.length) return keep(text);
  const rest = kept
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
  return rest === "" ? drop("only-boilerplate") : keep(rest);
}

function isBoilerplate(line: string): boolean {
  if (line === "" || line.length > MAX_LINE || !HINT.test(line)) return false;
  return ONLY_URL.test(line) || MENU.test(line) || FURNITURE.some((pattern) => pattern.test(line));
}
