import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type CleanDocument, createCleaner } from "../../pipeline/clean.ts";
import { TextMeasures } from "../../pipeline/measures/text-measures.ts";
import { PROFILES, type ProfileName } from "../../pipeline/profiles.ts";
import { openDocuments } from "../../pipeline/readers/documents.ts";
import { parseRecord } from "../../pipeline/readers/record.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { seededRandom } from "../../pipeline/sample/damage.ts";
import { language } from "../../pipeline/steps/language.ts";
import { type CorpusText, isHeldOut, PROFILE_OF, readCorpus } from "./quality/corpus.ts";
import { DAMAGES, expectedOf } from "./quality/damages.ts";
import { FOREIGN_TEXTS } from "./quality/foreign.ts";
import { createRepair } from "./quality/repair.ts";
import { UNSEEN_WRECKS, WRECKS } from "./quality/wreckage.ts";

const PEER = fileURLToPath(new URL("./quality_ftfy.py", import.meta.url));
const SEED = 20261125;
/** Texts that are damaged for each kind. */
const DAMAGED = 150;
const LENGTH = [1200, 4000] as const;
/** Clean genres whose paragraphs are one line each, so that a repaired text can be told from the original. */
const FLOWING = ["literature-novel", "parliament", "textbook-economics", "textbook-psychology"];
/** Wrecks made of each kind. */
const WRECKED = 60;

type Row = (string | number)[];

/**
 * `npm run bench -- quality [--corpus FOLDER] [--python PATH]`: how well damaged texts are restored, beside
 * ftfy on the encodings; what is changed on clean texts; which texts are kept and which dropped; languages;
 * pages in ISO-8859-2. Everything is measured on the odd lines of the corpora, which calibrated nothing.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: { corpus: { type: "string", default: "../shared/corpus" }, python: { type: "string" } },
  });
  const heldOut = (await readCorpus(values.corpus, "prose-pl")).filter(isHeldOut);
  const clean = passagesOf(heldOut);
  compareRepairs(clean, values.python);
  showFalseChanges(heldOut);
  showSelection(heldOut, clean);
  showLanguages();
  await showPages(join(values.corpus, "latin2-html"));
}

const percent = (part: number, whole: number) => (whole === 0 ? "–" : ((100 * part) / whole).toFixed(1));

/** Runs of whole paragraphs out of different documents, tidied. */
function passagesOf(texts: readonly CorpusText[]): string[] {
  const tidy = createRepair("prose");
  const documents = texts.filter(({ category }) => FLOWING.includes(category));
  const step = Math.max(1, Math.floor(documents.length / (DAMAGED * 2)));
  return documents
    .filter((_, i) => i % step === 0)
    .map(({ text }) => tidy(passageOf(text)).replace(/\n+/g, "\n"))
    .filter((text) => text.length >= LENGTH[0])
    .slice(0, DAMAGED);
}

function passageOf(text: string): string {
  const paragraphs = text.split(/\n+/);
  let passage = "";
  for (const paragraph of paragraphs.slice(Math.floor(paragraphs.length / 3))) {
    if (passage.length >= LENGTH[0] || passage.length + paragraph.length > LENGTH[1]) break;
    passage += `${passage === "" ? "" : "\n"}${paragraph}`;
  }
  return passage;
}

/** What a reader sees of a text: blank lines and how paragraphs are set apart are left out. */
const paragraphsOf = (text: string) => text.replace(/\s*\n\s*/g, "\n").trim();

/** Share of words that two texts have in common, order left out. */
function likeness(a: string, b: string): number {
  const counts = new Map<string, number>();
  const [wordsA, wordsB] = [a.split(/\s+/), b.split(/\s+/)];
  for (const word of wordsA) counts.set(word, (counts.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of wordsB) {
    const left = counts.get(word) ?? 0;
    if (left > 0) common += 1;
    counts.set(word, left - 1);
  }
  return common / Math.max(wordsA.length, wordsB.length);
}

function compareRepairs(clean: readonly string[], python: string | undefined): void {
  const random = seededRandom(SEED);
  const damaged = DAMAGES.map(({ damage }) => clean.map((text) => damage(text, random)));
  const encodings = DAMAGES.flatMap(({ isEncoding }, i) => (isEncoding ? [i] : []));
  const peer =
    python === undefined
      ? undefined
      : mendWithFtfy(python, [...encodings.flatMap((i) => damaged[i]!), ...clean]);
  console.log(
    `repair: ${clean.length} clean passages of ${LENGTH.join(" to ")} characters, each damaged in every way`,
  );
  console.log(
    peer === undefined
      ? "ftfy: not measured: name a python that has it with --python"
      : `ftfy ${peer.version}`,
  );
  const rows: Row[] = [["damage", "restored %", "words right %", "ftfy restored %", "ftfy words right %"]];
  for (const [i, { name, profile }] of DAMAGES.entries()) {
    const wanted = clean.map((text) => paragraphsOf(expectedOf(name, text)));
    const ours = compare(wanted, damaged[i]!.map(createRepair(profile)));
    const at = encodings.indexOf(i) * clean.length;
    const theirs =
      peer === undefined || at < 0 ? undefined : compare(wanted, peer.texts.slice(at, at + clean.length));
    rows.push([name, ...ours, ...(theirs ?? ["", ""])]);
  }
  const undamaged = clean.map(paragraphsOf);
  const theirs = peer === undefined ? ["", ""] : compare(undamaged, peer.texts.slice(-clean.length));
  rows.push([
    "(none: the clean passages themselves)",
    ...compare(undamaged, clean.map(createRepair("web"))),
    ...theirs,
  ]);
  console.log(`${formatTable(rows)}\n`);
}

function compare(wanted: readonly string[], found: readonly string[]): [string, string] {
  const right = found.filter((text, i) => paragraphsOf(text) === wanted[i]).length;
  const words = found.reduce((sum, text, i) => sum + likeness(wanted[i] as string, paragraphsOf(text)), 0);
  return [percent(right, wanted.length), percent(words, wanted.length)];
}

function mendWithFtfy(python: string, texts: readonly string[]): { version: string; texts: string[] } {
  const input = texts.map((text) => JSON.stringify(text)).join("\n");
  const { status, stdout, stderr, error } = spawnSync(python, [PEER], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`${python} ${PEER}: ${error?.message ?? stderr.slice(-500)}`);
  const lines = stdout.trimEnd().split("\n");
  const { version }: { version: string } = JSON.parse(lines.pop() ?? "{}");
  return { version, texts: lines.map((line): string => JSON.parse(line)) };
}

const withoutSpaces = (text: string) => text.replace(/\s+/g, "");

/** Documents of each clean genre that each step changes; what only sets spaces differently is counted apart. */
function showFalseChanges(texts: readonly CorpusText[]): void {
  const rows: Row[] = [["clean genre", "documents", "changed %", "beyond spaces %", "by"]];
  let [all, changed, visibly] = [0, 0, 0];
  for (const [category, documents] of Map.groupBy(texts, (text) => text.category)) {
    const { kept } = cleanAll(documents, PROFILE_OF[category] ?? "web");
    const own = kept.filter(({ changedBy }) => changedBy.length > 0);
    const visible = own.filter(
      ({ line, text }) => withoutSpaces(text) !== withoutSpaces(documents[line - 1]!.text),
    );
    const steps = new Map<string, number>();
    for (const { changedBy } of visible)
      for (const step of changedBy) steps.set(step, (steps.get(step) ?? 0) + 1);
    rows.push([
      category,
      kept.length,
      percent(own.length, kept.length),
      percent(visible.length, kept.length),
      [...steps].map(([step, count]) => `${step} ${count}`).join(", "),
    ]);
    all += kept.length;
    changed += own.length;
    visibly += visible.length;
  }
  rows.push(["all", all, percent(changed, all), percent(visibly, all), ""]);
  console.log(`changes on clean texts\n${formatTable(rows)}\n`);
}

function cleanAll(texts: readonly { readonly text: string }[], profile: ProfileName) {
  const kept: CleanDocument[] = [];
  const onKept = (document: CleanDocument) => void kept.push(document);
  const clean = createCleaner(PROFILES[profile], { hash: () => 0n, onKept, traces: 0 });
  return {
    ...clean(Buffer.from(texts.map(({ text }) => `${JSON.stringify({ text })}\n`).join("")), 1),
    kept,
  };
}

function showSelection(texts: readonly CorpusText[], clean: readonly string[]): void {
  const rows: Row[] = [["what", "profile", "texts", "kept %", "dropped for"]];
  const totals = { wanted: { kept: 0, all: 0 }, unwanted: { kept: 0, all: 0 } };
  const add = (
    name: string,
    own: readonly { readonly text: string }[],
    profile: ProfileName,
    sort: keyof typeof totals,
  ) => {
    const { kept, statistics } = cleanAll(own, profile);
    const drops = Object.entries(statistics.steps)
      .flatMap(([step, { dropped }]) =>
        Object.entries(dropped).map(([reason, count]) => ({ name: `${step}: ${reason}`, count })),
      )
      .sort((a, b) => b.count - a.count);
    const reasons = drops.slice(0, 3).map((drop) => `${drop.name} ${drop.count}`);
    rows.push([name, profile, own.length, percent(kept.length, own.length), reasons.join(", ")]);
    totals[sort].kept += kept.length;
    totals[sort].all += own.length;
  };
  for (const [category, documents] of Map.groupBy(texts, (text) => text.category))
    add(category, documents, PROFILE_OF[category] ?? "web", "wanted");
  for (const [name, list] of Object.entries(plays(texts))) add(name, list, "poetry", "wanted");

  const random = seededRandom(SEED);
  const originals = clean.slice(0, WRECKED);
  for (const [name, wreck] of Object.entries(WRECKS))
    add(
      name,
      originals.map((text) => ({ text: wreck(text, random) })),
      "web",
      "unwanted",
    );
  for (const [name, wreck] of Object.entries(UNSEEN_WRECKS))
    add(
      `${name} (not calibrated on)`,
      originals.map((text) => ({ text: wreck(text, random) })),
      "web",
      "unwanted",
    );
  for (const [code, list] of Map.groupBy(FOREIGN_TEXTS, (foreign) => foreign.language)) {
    if (code === "pl") continue;
    // whole pages of the language: its texts in ever other orders
    const page = (first: number) =>
      [...list.slice(first), ...list.slice(0, first)].map(({ text }) => text).join(" ");
    add(
      `pages in ${code}`,
      list.map((_, i) => ({ text: page(i) })),
      "web",
      "unwanted",
    );
  }
  console.log(`selection\n${formatTable(rows)}\n`);
  const { wanted, unwanted } = totals;
  const line = (name: string, { kept, all }: { kept: number; all: number }): Row => [
    name,
    kept,
    all - kept,
    percent(kept, all),
  ];
  console.log(
    `${formatTable([["", "kept", "dropped", "kept %"], line("texts people want", wanted), line("damaged, spam, templated, foreign", unwanted)])}\n`,
  );
}

/** Drama, told by its speakers on lines of their own with what they say behind them, of the books and novels. */
function plays(texts: readonly CorpusText[]): Record<string, CorpusText[]> {
  const isPlay = ({ text }: CorpusText) =>
    (text.match(/^\p{Lu}{3,}[\p{Lu} ]*\.?\n+[^\n]*\p{Ll}{2}/gmu)?.length ?? 0) >= 3;
  const old = /\b(?:iéj|któréj|téj|jéj|wszystkiéj|dobréj|tém|czém|bydź|xiądz|xięga|xiążę)\b/iu;
  const books = texts.filter(({ category }) => category === "books-1791-1998");
  return {
    "drama (speakers on lines of their own)": texts.filter(isPlay),
    "old spelling": books.filter(({ text }) => old.test(text)),
  };
}

function showLanguages(): void {
  const apply = language.create(PROFILES.web);
  const rows: Row[] = [["language", "short texts", "taken for Polish", "taken for"]];
  for (const [code, texts] of Map.groupBy(FOREIGN_TEXTS, (foreign) => foreign.language)) {
    const verdicts = texts.map(({ text }) =>
      apply?.(text, new TextMeasures(text), { label: undefined, changedBy: [] }),
    );
    const polish = verdicts.filter((verdict) => verdict?.keep).length;
    const others = Map.groupBy(
      verdicts.flatMap((verdict) =>
        verdict === undefined || verdict.keep ? [] : [verdict.reason.replace("language-", "")],
      ),
      (found) => found,
    );
    rows.push([
      code,
      texts.length,
      polish,
      [...others].map(([found, list]) => `${found} ${list.length}`).join(", "),
    ]);
  }
  console.log(`languages, texts of 50 to 110 characters\n${formatTable(rows)}\n`);
}

/** Whether each page is read as the ISO-8859-2 it is, and whether text comes of it. */
async function showPages(folder: string): Promise<void> {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => /\.html?$/.test(name)) : [];
  const repair = createRepair("web");
  let [right, polish] = [0, 0];
  for (const name of files) {
    const path = join(folder, name);
    const [line] = await Array.fromAsync(openDocuments(path, "html", { textColumn: "text" }));
    const parsed = parseRecord(line ?? Buffer.alloc(0));
    if (!parsed.ok) continue;
    if (parsed.record.text === new TextDecoder("iso-8859-2").decode(readFileSync(path))) right += 1;
    const text = repair(parsed.record.text);
    if (/[ąęłśżźćń]/.test(text) && !/[\uFFFD\u0080-\u009F¶±¼]|<\w+[ >]/.test(text)) polish += 1;
  }
  console.log(
    `latin2-html: ${files.length} pages, ${right} decoded as ISO-8859-2, ${polish} give Polish text without misread letters or tags`,
  );
}
