import type { CleanManifest } from "../clean-manifest.ts";
import type { Examples } from "../evidence/publish.ts";
import { PROFILES } from "../profiles.ts";
import { sumStatistics } from "../results.ts";
import { dropsByReason, QUALITY_BINS, type Statistics } from "../statistics.ts";
import { changes, rejects } from "./examples.ts";
import { funnel, funnelsBySource, overview } from "./funnel.ts";
import { barList, bytes, count, escapeHtml, figure, histogram, percent, table } from "./html.ts";
import { STYLE } from "./style.ts";

/**
 * The report of an ingest as one HTML page without outside parts: what came in, where it went, what each step
 * changed and dropped and why, with examples.
 *
 * @param milliseconds time of each step in this run; of a continued run, only what it did itself
 */
export function renderReport(
  manifest: CleanManifest,
  examples: Examples,
  milliseconds: Readonly<Record<string, number>>,
): string {
  const { datasets } = manifest;
  const total = sumStatistics(datasets);
  const sections = [
    summary(total, manifest, milliseconds),
    section("Where the documents went", overview(datasets, total)),
    section("Step by step", funnel(total, datasets, milliseconds) + funnelsBySource(datasets), STEPS_NOTE),
    pair(
      section("Why documents were dropped", reasons(total)),
      section("Documents before duplicates were dropped", histograms(total)),
    ),
    pair(section("Languages", languages(total)), section("Licences", licences(manifest))),
    thresholds(manifest),
    section(
      "What the steps changed",
      changes(examples),
      "The place of the first change, with what was there before and is there now.",
    ),
    section("What was dropped", rejects(examples), "As the text was when it was dropped."),
  ];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>apt3 ingest</title><style>${STYLE}</style></head><body><main>${sections.join("")}</main></body></html>\n`;
}

const STEPS_NOTE =
  "Documents and text left behind each step. Times are those of the workers in this run, added up; speed is the text a step was given in its own time.";

function section(title: string, content: string, note = ""): string {
  const about = note === "" ? "" : `<p class="muted">${escapeHtml(note)}</p>`;
  return `<section><h2>${escapeHtml(title)}</h2>${about}${content}</section>`;
}

const pair = (left: string, right: string) => `<div class="two">${left}${right}</div>`;

function summary(
  total: Statistics,
  { datasets, shards, failed, version }: CleanManifest,
  milliseconds: Readonly<Record<string, number>>,
): string {
  const { documentsRead, documentsKept, bytesRead, textBytesKept } = total;
  const failures = failed
    .map(
      ({ dataset, message }) =>
        `<p class="failure"><b>${escapeHtml(dataset)}</b> was left out: ${escapeHtml(message)}</p>`,
    )
    .join("");
  const changed = Math.max(0, ...Object.values(total.steps).map((step) => step.changed));
  const spent = Object.values(milliseconds).reduce((sum, time) => sum + time, 0);
  const plural = (number: number, noun: string) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
  return `<header><h1>Ingest report</h1><p class="muted">apt3 ${escapeHtml(version)} · ${plural(datasets.length, "data set")} · ${plural(shards.length, "shard")}</p></header>
<div class="figures">${[
    figure(
      "documents kept",
      percent(documentsKept, documentsRead),
      `${count(documentsKept)} of ${count(documentsRead)}`,
    ),
    figure("clean text", bytes(textBytesKept), `of ${bytes(bytesRead)} read`),
    figure("repaired or cleaned", count(changed), "documents, by one step"),
    figure(
      "dropped",
      count(documentsRead - documentsKept),
      `for ${plural(dropsByReason(total).length, "reason")}`,
    ),
    spent === 0
      ? figure("worker time", "–", "this run found everything done")
      : figure(
          "worker time",
          `${(spent / 1000).toFixed(1)} s`,
          `${(bytesRead / 1000 / spent).toFixed(1)} MB/s a worker`,
        ),
  ].join("")}</div>${failures}`;
}

/** As many as two histograms beside them are high; the rest is folded away. */
const REASONS_SHOWN = 12;

function reasons(total: Statistics): string {
  const drops = dropsByReason(total);
  if (drops.length === 0) return "<p>None was.</p>";
  const rows = drops.map(({ reason, documents }) => ({
    name: reason,
    value: documents,
    note: percent(documents, total.documentsRead),
  }));
  const rest = rows.slice(REASONS_SHOWN);
  if (rest.length === 0) return barList(rows);
  const most = drops[0]?.documents;
  return `${barList(rows.slice(0, REASONS_SHOWN))}<details><summary>${rest.length} reasons more</summary>${barList(rest, most)}</details>`;
}

function histograms({ quality, lengths }: Statistics): string {
  const first = Math.max(
    0,
    lengths.findIndex((documents) => documents > 0),
  );
  const bins = Array.from({ length: QUALITY_BINS + 1 }, (_, bin) => quality[bin] ?? 0);
  const from = (bin: number) => count(2 ** (first + bin));
  const middle = (lengths.length - first) >> 1;
  return `<h3>by quality score</h3>${histogram(bins, ["0", "0.5", "1"], (bin) =>
    bin === QUALITY_BINS ? "1" : `${bin / QUALITY_BINS} to ${(bin + 1) / QUALITY_BINS}`,
  )}<h3>by length in characters, each column twice as long as the one before</h3>${histogram(
    lengths.slice(first),
    middle === 0 ? [from(0), from(1)] : [from(0), from(middle), from(lengths.length - first)],
    (bin) => `${from(bin)} to ${from(bin + 1)} characters`,
  )}`;
}

const languageNames = new Intl.DisplayNames("en", { type: "language", fallback: "code" });

/** A language's name; what is none, such as `other-script`, in plain words. */
function nameOf(code: string): string {
  return /^[a-z]{2,3}$/.test(code) ? (languageNames.of(code) ?? code) : code.replaceAll("-", " ");
}

function languages({ steps, documentsKept, documentsRead }: Statistics): string {
  const dropped = Object.entries({ ...steps.language?.dropped, ...steps["foreign-paragraphs"]?.dropped });
  const others = dropped
    .map(([reason, value]) => ({
      name:
        reason === "foreign-paragraphs"
          ? "mostly foreign paragraphs"
          : nameOf(reason.replace(/^language-/, "")),
      value,
      note: percent(value, documentsRead),
    }))
    .sort((a, b) => b.value - a.value);
  return barList([
    { name: "Polish (kept)", value: documentsKept, note: percent(documentsKept, documentsRead) },
    ...others,
  ]);
}

function licences({ datasets }: CleanManifest): string {
  const groups = Map.groupBy(datasets, ({ licence }) => licence);
  return table(
    ["licence", "data sets", "documents", "clean text"],
    [...groups].map(([licence, members]) => {
      const { documentsKept, textBytesKept } = sumStatistics(members);
      return [
        { html: `<div class="wrap">${escapeHtml(licence)}</div>` },
        members.length,
        documentsKept,
        { html: bytes(textBytesKept) },
      ];
    }),
    { numeric: [3] },
  );
}

/** What datasets.yaml sets otherwise than the profiles. */
function thresholds({ datasets }: CleanManifest): string {
  const rows = datasets.flatMap(({ name, profile, thresholds: set }) =>
    Object.entries(set).flatMap(([threshold, value]) => {
      const usual = PROFILES[profile][threshold as keyof typeof set];
      const [now, before] = [JSON.stringify(value), JSON.stringify(usual)];
      return now === before ? [] : [[name, profile, threshold, now, before]];
    }),
  );
  if (rows.length === 0) return "";
  return section(
    "Thresholds set by datasets.yaml",
    table(["data set", "profile", "threshold", "value", "in the profile"], rows),
  );
}
