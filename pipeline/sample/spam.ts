import { pick, type Random, shuffle } from "./damage.ts";

const KEYWORDS = [
  "tanie okna",
  "okna Zawierzbie",
  "okna PCV cennik",
  "rolety na wymiar",
  "montaż okien tanio",
  "drzwi antywłamaniowe",
  "parapety wewnętrzne",
  "wymiana okien opinie",
  "okna dachowe promocja",
  "żaluzje drewniane",
  "okna trzyszybowe",
  "producent okien",
  "okna raty zero procent",
  "bramy garażowe",
  "moskitiery",
  "okna na już",
] as const;

const OFFERS = [
  "KLIKNIJ TUTAJ I ODBIERZ NAGRODĘ!!!",
  "Pożyczka bez BIK w 5 minut → sprawdź!!!",
  "Najlepszy kurs w sieci — tylko DZIŚ 90% taniej!",
] as const;

const HOSTS = ["tanie-linki", "katalog-stron", "superoferta24", "seo-boss", "wymiana-linkow"] as const;

/** A page made for search engines: keywords separated by commas and bars, no sentence anywhere. */
export function keywordSpam(random: Random): string {
  const rounds = Array.from({ length: 6 }, () => shuffle(KEYWORDS, random).slice(0, 12));
  return rounds.map((words) => words.join(random() < 0.5 ? ", " : " | ")).join("\n");
}

/** One shouted offer, repeated line after line. */
export function repeatedLineSpam(random: Random): string {
  const offer = pick(OFFERS, random);
  return Array.from({ length: 40 }, () => offer).join("\n");
}

/** A link farm: lines of addresses with a keyword each. The hosts end in `.example`, which nobody can own. */
export function linkFarm(random: Random): string {
  return Array.from({ length: 30 }, (_, index) => {
    const keyword = pick(KEYWORDS, random);
    const path = keyword.replaceAll(" ", "-").toLowerCase();
    return `${keyword} http://www.${pick(HOSTS, random)}.example/${encodeURI(path)}/${index + 1}.html`;
  }).join("\n");
}
