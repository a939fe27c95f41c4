import { NUMBER } from "../measures/numbers.ts";
import { SIGN } from "../measures/signs.ts";
import { keep, type Step } from "./step.ts";

const EMAIL = /(?<![\p{L}\d._%+-])[\p{L}\d._%+-]{1,64}@(?:[\p{L}\d-]{1,63}\.)+\p{L}{2,24}(?![\p{L}\d])/gu;
const URL_CREDENTIALS = /(?<=\b(?:https?|ftp):\/\/)[^\s/@:]{1,100}:[^\s/@]{1,100}(?=@)/g;
const IP = /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)/g;
const ID_CARD = /(?=[A-Z]{3})(?<![\p{L}\d])([A-Z]{3})(?: ?nr\.?)? ?(\d{6})(?![\p{L}\d])/gu;
const PASSPORT = /(paszport[^\d\n]{0,40}?)(?<![\p{L}\d])[A-Z]{2} ?\d{7}(?![\p{L}\d])/giu;
/** Two or three letters for the place, four or five signs with at least one digit. */
const PLATE = /(?=[A-Z]{2})(?<![\p{L}\d])[A-Z]{2,3}[ -]?(?=[A-Z]{0,4}\d)[A-Z\d]{4,5}(?![\p{L}\d])/gu;
/** A plate looks like many codes: only near these words it is believed. */
const PLATE_BEFORE = /(?:rejestracyjn|tablic\p{L}* (?:o )?n(?:r|umer)|(?:nr|numer\p{L}*)\.? rej)[^\n]*$/iu;
/** Each of `PLATE_BEFORE` holds one of these: sought once in the whole text. */
const PLATE_STEMS = /rej(?:\.|estrac)|tablic/i;
/** Seven digits of a local number, behind a word that says so. */
const LOCAL_PHONE =
  /((?:tel|telefon|fax|faks)[.:]*(?: ?(?:nr|numer)[.:]*| [.:]*)? ?)\d{3}[ -]?\d{2}[ -]?\d{2}(?![\d-]|[ ,.]\d)/giu;
/** Digits with the separators people put between them; what they are is decided by their number and check digits. */
const DIGITS =
  /(?=[P+(\d])(?<![\p{L}\d,./-])(?:PL ?|\+)?\(?\d(?:[ \u2009()-]{0,2}\d){8,25}(?![\d]|[,.]\d|\p{L})/gu;

const PHONE_BEFORE =
  /(?:tel|kom|fax|faks|telefon\p{L}*|zadzwoń|dzwoń|komórk\p{L}*|infolini\p{L}*|sms)[.:]*\s*(?:nr|numer)?[.:]*\s*$/iu;
const NUMBER_BEFORE = /(?:nip|regon|pesel)[^\d\n]{0,12}$/i;
/** What is counted is no phone number. */
const UNIT_AFTER = /^\s*(?:zł|pln|euro?|usd|mln|mld|tys|osób|ludzi|mieszkańców|km|m\b|kg|ton|lat|%)/i;
const MOBILE = /^(?:4[5]|5[0137]|6[0369]|7[2389]|88)/;
const CONTEXT = 30;
const PLATE_CONTEXT = 60;

/**
 * Puts placeholders for what identifies a person: e-mail, phone, PESEL, NIP, REGON, bank account, ID card,
 * passport, number plate, IP address, and names and passwords in URLs. Numbers with check digits are believed only when those are right.
 */
export const anonymise: Step = {
  name: "anonymise",
  version: 2,
  addsNoSigns: true,
  create: (profile) =>
    profile.anonymise
      ? (text, measures) => {
          let hidden = text;
          if (measures.has(SIGN.at)) hidden = hideAddresses(hidden);
          // hidden addresses bring no digits together: what was measured before still holds
          if (measures.mayHold(NUMBER.long)) hidden = hideLongNumbers(hidden);
          if (measures.mayHold(NUMBER.local)) hidden = hidden.replace(LOCAL_PHONE, "$1[telefon]");
          if (measures.mayHold(NUMBER.solid)) hidden = hideCards(hidden);
          if (measures.mayHold(NUMBER.dotted))
            hidden = hidden.replace(IP, (match) => (isIp(match) ? "[IP]" : match));
          if (measures.mayHold(NUMBER.plate) && PLATE_STEMS.test(hidden)) hidden = hidePlates(hidden);
          return keep(hidden);
        }
      : undefined,
};

/** Neither contains white space, so only the words with an `@` are searched. */
function hideAddresses(text: string): string {
  let result = "";
  let copied = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", copied)) {
    let start = at;
    while (start > copied && text.charCodeAt(start - 1) > 32) start -= 1;
    let end = at + 1;
    while (end < text.length && text.charCodeAt(end) > 32) end += 1;
    const word = text.slice(start, end);
    result += text.slice(copied, start) + word.replace(URL_CREDENTIALS, "[dane]").replace(EMAIL, "[e-mail]");
    copied = end;
  }
  return result + text.slice(copied);
}

function hideLongNumbers(text: string): string {
  return text.replace(DIGITS, (match, at: number, whole: string) => {
    const before = whole.slice(Math.max(0, at - CONTEXT), at);
    const after = whole.slice(at + match.length, at + match.length + CONTEXT);
    return placeholderOf(match, before, after) ?? match;
  });
}

function hideCards(text: string): string {
  return text
    .replace(ID_CARD, (match, series: string, number: string) =>
      isIdCard(series + number) ? "[dowód]" : match,
    )
    .replace(PASSPORT, "$1[paszport]");
}

function hidePlates(text: string): string {
  return text.replace(PLATE, (match, at: number, whole: string) =>
    PLATE_BEFORE.test(whole.slice(Math.max(0, at - PLATE_CONTEXT), at)) ? "[rejestracja]" : match,
  );
}

/** What a group of digits is, if it identifies someone. */
function placeholderOf(match: string, before: string, after: string): string | undefined {
  const digits = match.replace(/\D/g, "");
  switch (digits.length) {
    case 26:
      return isAccount(digits) ? "[konto]" : undefined;
    case 14:
      return /regon/i.test(before) && isWeighted(digits, [2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8])
        ? "[REGON]"
        : undefined;
    case 11:
      if (/^\d{11}$/.test(match) && isPesel(digits)) return "[PESEL]";
      return digits.startsWith("48") && isPhone(digits.slice(2), match, before, after)
        ? "[telefon]"
        : undefined;
    case 10:
      if (digits.startsWith("0") && isPhone(digits.slice(1), match, before, after)) return "[telefon]";
      return isNip(digits) && (/^\d{3}-\d\d/.test(match) || NUMBER_BEFORE.test(before)) ? "[NIP]" : undefined;
    case 9:
      if (NUMBER_BEFORE.test(before) && isWeighted(digits, [8, 9, 2, 3, 4, 5, 6, 7])) return "[REGON]";
      return isPhone(digits, match, before, after) ? "[telefon]" : undefined;
    default:
      return undefined;
  }
}

function isPhone(digits: string, match: string, before: string, after: string): boolean {
  if (digits.length !== 9 || UNIT_AFTER.test(after)) return false;
  if (match.startsWith("+48") || PHONE_BEFORE.test(before)) return true;
  return MOBILE.test(digits) && /^\(?\d{3}[ -]\d{3}[ -]\d{3}$/.test(match);
}

/** Check digit of NIP, REGON and the like: the weighted sum modulo 11, 10 counting as 0. */
function isWeighted(digits: string, weights: readonly number[]): boolean {
  const sum = weights.reduce((total, weight, i) => total + weight * Number(digits[i]), 0);
  return (sum % 11) % 10 === Number(digits[weights.length]);
}

/** NIP has no numbers whose check digit would be 10. */
function isNip(digits: string): boolean {
  const weights = [6, 5, 7, 2, 3, 4, 5, 6, 7];
  const sum = weights.reduce((total, weight, i) => total + weight * Number(digits[i]), 0);
  return sum % 11 === Number(digits[9]) && !/^(\d)\1*$/.test(digits);
}

/** Eleven digits: date of birth (the century added to the month), serial number, check digit. */
function isPesel(digits: string): boolean {
  const month = Number(digits.slice(2, 4)) % 20;
  const day = Number(digits.slice(4, 6));
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  const weights = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3];
  const sum = weights.reduce((total, weight, i) => total + weight * Number(digits[i]), 0);
  return (10 - (sum % 10)) % 10 === Number(digits[10]);
}

/** ISO 13616: the number with `PL` and its check digits moved to the end is 1 modulo 97. */
function isAccount(digits: string): boolean {
  return BigInt(`${digits.slice(2)}2521${digits.slice(0, 2)}`) % 97n === 1n;
}

/** Three letters and six digits; the first digit is the check digit of all others. */
function isIdCard(card: string): boolean {
  const value = (sign: string) => (/\d/.test(sign) ? Number(sign) : sign.charCodeAt(0) - 55);
  const weights = [7, 3, 1, 9, 7, 3, 1, 7, 3];
  return weights.reduce((sum, weight, i) => sum + weight * value(card[i] as string), 0) % 10 === 0;
}

/** Addresses that belong to no one: private networks, this machine, network masks. */
const ANYBODYS = /^(?:0|10|127|255|192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01]))\./;

/** Version numbers look alike; of those, hardly one has two parts above 9. Lists of numbers count up. */
function isIp(match: string): boolean {
  const parts = match.split(".").map(Number);
  const countsUp = parts.every((part, i) => i === 0 || part === (parts[i - 1] as number) + 1);
  return (
    parts.every((part) => part <= 255) &&
    parts.filter((part) => part > 9).length >= 2 &&
    !countsUp &&
    !ANYBODYS.test(match)
  );
}
