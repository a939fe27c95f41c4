import type { CleanManifest } from "../clean-manifest.ts";
import type { Unit } from "../journal.ts";
import { sumStatistics } from "../results.ts";
import { dropsByReason, type Statistics } from "../statistics.ts";
import { bar, bytes, count, difference, escapeHtml, figure, histogram, percent, table } from "./html.ts";
import { STYLE } from "./style.ts";

/** Examples shown for each step and for each reason. */
const EXAMPLES = 4;
const EXCERPT = 400;

/**
 * The report of an ingest as one HTML page without outside parts: what came in, what each step changed and
 * dropped and why, with examples.
 *
 * @param milliseconds time of each step in this run; of a continued run, only what it did itself
 */
export function renderReport(
  manifest: CleanManifest,
  units: readonly Unit[],
  milliseconds: Readonly<Record<string, number>>,
): string {
  const total = sumStatistics(manifest.datasets);
  const sections = [
    summary(total, manifest),
    section("Sources", sources(manifest)),
    section("Funnel", funnel(total)),
    section("Why documents were dropped", reasons(total)),
    histograms(total),
    section("Languages", languages(total)),
    section("Licences", licences(manifest)),
    section("Time", times(total, milliseconds)),
    section("What the steps changed", changes(units)),
    section("What was dropped", rejects(units)),
  ];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>apt3 ingest</title><style>${STYLE}</style></head><body><main>${sections.join("")}</main></body></html>\n`;
}

const section = (title: string, content: string) =>
  `<section><h2>${escapeHtml(title)}</h2>${content}</section>`;

function summary(total: Statistics, { datasets, shards, failed, version }: CleanManifest): string {
  const failures = failed
    .map(
      ({ dataset, message }) => `<p><b>${escapeHtml(dataset)}</b> was left out: ${escapeHtml(message)}</p>`,
    )
    .join("");
  return `<h1>Ingest report</h1><p class="muted">apt3 ${escapeHtml(version)} · ${datasets.length} data sets · ${shards.length} shards</p>
<div class="figures">${[
    figure("documents read", count(total.documentsRead)),
    figure("documents kept", count(total.documentsKept)),
    figure("of documents kept", percent(total.documentsKept, total.documentsRead)),
    figure("read", bytes(total.bytesRead)),
    figure("clean text", bytes(total.textBytesKept)),
  ].join("")}</div>${failures}`;
}

function sources({ datasets }: CleanManifest): string {
  return table(
    ["data set", "profile", "read", "kept", "share", "clean text", ""],
    datasets.map(({ name, profile, statistics: { documentsRead, documentsKept, textBytesKept } }) => [
      name,
      profile,
      documentsRead,
      documentsKept,
      percent(documentsKept, documentsRead),
      bytes(textBytesKept),
      bar(documentsKept / Math.max(documentsRead, 1)),
    ]),
  );
}

function funnel(total: Statistics): string {
  const rows = Object.entries(total.steps).map(([name, step]) => {
    const dropped = Object.values(step.dropped).reduce((sum, documents) => sum + documents, 0);
    const kept = step.documentsIn - dropped;
    const difference = step.charactersOut - step.charactersIn;
    return [
      name,
      step.documentsIn,
      step.changed,
      dropped,
      kept,
      difference === 0 ? "" : `${difference > 0 ? "+" : "−"}${count(Math.abs(difference))}`,
      bar(kept / Math.max(total.documentsRead, 1)),
    ];
  });
  return table(["step", "documents", "changed", "dropped", "left", "characters", ""], rows);
}

function reasons(total: Statistics): string {
  const drops = dropsByReason(total);
  if (drops.length === 0) return "<p>None was.</p>";
  const most = drops[0]?.documents ?? 1;
  return table(
    ["reason", "documents", "of all read", ""],
    drops.map(({ reason, documents }) => [
      reason,
      documents,
      percent(documents, total.documentsRead),
      bar(documents / most),
    ]),
  );
}

function histograms({ quality, lengths }: Statistics): string {
  const first = Math.max(
    0,
    lengths.findIndex((documents) => documents > 0),
  );
  return `<section><h2>Kept documents</h2><div class="columns"><div><h3>by quality</h3>${histogram(quality, "0", "1")}</div><div><h3>by length, each bar twice the one before</h3>${histogram(
    lengths.slice(first),
    `${count(2 ** first)} characters`,
    `${count(2 ** lengths.length)}`,
  )}</div></div></section>`;
}

function languages({ steps, documentsKept }: Statistics): string {
  const others = Object.entries(steps.language?.dropped ?? {})
    .map(([reason, documents]): [string, number] => [reason.replace(/^language-/, ""), documents])
    .sort((a, b) => b[1] - a[1]);
  const rows: [string, number][] = [["pl (kept)", documentsKept], ...others];
  return table(["language", "documents"], rows);
}

function licences({ datasets }: CleanManifest): string {
  const groups = Map.groupBy(datasets, ({ licence }) => licence);
  return table(
    ["licence", "data sets", "documents", "clean text"],
    [...groups].map(([licence, members]) => {
      const { documentsKept, textBytesKept } = sumStatistics(members);
      return [licence, members.length, documentsKept, bytes(textBytesKept)];
    }),
  );
}

function times({ steps }: Statistics, milliseconds: Readonly<Record<string, number>>): string {
  const spent = Object.values(milliseconds).reduce((sum, time) => sum + time, 0);
  if (spent === 0) return "<p>This run found everything done.</p>";
  const rows = Object.entries(milliseconds).map(([name, time]) => [
    name,
    `${(time / 1000).toFixed(2)} s`,
    time === 0 ? "–" : `${((steps[name]?.charactersIn ?? 0) / 1000 / time).toFixed(0)} M characters/s`,
    bar(time / spent),
  ]);
  return `<p class="muted">Worker time of this run, by step: ${(spent / 1000).toFixed(1)} s in all.</p>${table(["step", "time", "speed", ""], rows)}`;
}

function changes(units: readonly Unit[]): string {
  const groups = Map.groupBy(
    units.flatMap(({ dataset, traces }) => traces.map((trace) => ({ dataset, ...trace }))),
    ({ step }) => step,
  );
  if (groups.size === 0) return "<p>Nothing.</p>";
  return [...groups]
    .map(([step, traces]) => {
      const examples = traces
        .slice(0, EXAMPLES)
        .map(
          ({ dataset, line, before, after }) =>
            `<h3>${escapeHtml(dataset)}, line ${line}</h3>${difference(before, after)}`,
        );
      return `<details><summary>${escapeHtml(step)}</summary>${examples.join("")}</details>`;
    })
    .join("");
}

function rejects(units: readonly Unit[]): string {
  const groups = Map.groupBy(
    units.flatMap(({ dataset, rejects: sample }) => sample.map((reject) => ({ dataset, ...reject }))),
    ({ step, reason }) => `${step}: ${reason}`,
  );
  if (groups.size === 0) return "<p>Nothing.</p>";
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, sample]) => {
      const examples = sample
        .slice(0, EXAMPLES)
        .map(
          ({ dataset, line, excerpt }) =>
            `<h3>${escapeHtml(dataset)}, line ${line}</h3><pre>${escapeHtml(excerpt.slice(0, EXCERPT))}</pre>`,
        );
      return `<details><summary>${escapeHtml(reason)}</summary>${examples.join("")}</details>`;
    })
    .join("");
}
