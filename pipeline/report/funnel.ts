import type { CleanDataset } from "../clean-manifest.ts";
import type { Statistics, StepStatistics } from "../statistics.ts";
import { STEPS } from "../steps/index.ts";
import { bar, bytes, type Cell, count, escapeHtml, percent, table } from "./html.ts";

/** Stages a document can be lost in, for the overview: more would be colours nobody can tell apart. */
const STAGES: readonly { readonly name: string; readonly steps: readonly string[] }[] = [
  { name: "unreadable", steps: ["read", "mojibake", "single-byte", "unicode", "lost-letters"] },
  { name: "too short or long", steps: ["boilerplate", "length"] },
  { name: "other language", steps: ["foreign-paragraphs", "language"] },
  { name: "form", steps: ["composition", "label"] },
  { name: "repetitive", steps: ["repetition"] },
  { name: "low quality", steps: ["quality"] },
  { name: "duplicate", steps: ["exact-dedup", "near-dedup", "line-dedup"] },
];
/** The order of the pipeline; a step that only some profiles have stands in its place all the same. */
const ORDER = ["read", ...STEPS.map(({ name }) => name)];

const droppedBy = (step: StepStatistics | undefined) =>
  Object.values(step?.dropped ?? {}).reduce((sum, documents) => sum + documents, 0);

/** Where the documents of each data set went: one bar a set, its parts kept or lost in a stage. */
export function overview(datasets: readonly CleanDataset[], total: Statistics): string {
  const rows = datasets.map(({ name, profile, statistics }) => flow(name, profile, statistics));
  const all = datasets.length > 1 ? [flow("all", "", total)] : [];
  const keys = ["kept", ...STAGES.map((stage) => stage.name)]
    .map((name, i) => `<span><i class="part stage${i}"></i>${escapeHtml(name)}</span>`)
    .join("");
  return `<div class="legend">${keys}</div><div class="flows">${[...all, ...rows].join("")}</div>`;
}

function flow(name: string, profile: string, statistics: Statistics): string {
  const { documentsRead, documentsKept, textBytesKept, steps } = statistics;
  const losses = STAGES.map((stage) => stage.steps.reduce((sum, step) => sum + droppedBy(steps[step]), 0));
  const parts = [documentsKept, ...losses]
    .map((documents, i) => {
      if (documents === 0) return "";
      const label = `${i === 0 ? "kept" : STAGES[i - 1]?.name}: ${count(documents)}`;
      return `<i class="part stage${i}" style="flex:${documents}" title="${escapeHtml(label)}"></i>`;
    })
    .join("");
  const about = profile === "" ? "" : `<small>${escapeHtml(profile)}</small>`;
  return `<div class="flow"><div class="name">${escapeHtml(name)} ${about}</div><div class="stack">${parts}</div><div class="kept"><b>${percent(documentsKept, documentsRead)}</b><small>${count(documentsKept)} of ${count(documentsRead)} · ${bytes(textBytesKept)}</small></div></div>`;
}

/** Steps in the order of the pipeline; what is not of it comes last, as it was met. */
function inOrder(steps: Statistics["steps"]): [name: string, step: StepStatistics][] {
  const place = (name: string) => {
    const found = ORDER.indexOf(name);
    return found < 0 ? ORDER.length : found;
  };
  return Object.entries(steps).sort(([a], [b]) => place(a) - place(b));
}

/** Documents and text behind each step: data sets whose profile does without a step pass it as they are. */
function passage(
  names: readonly string[],
  datasets: readonly CleanDataset[],
): { readonly documents: number; readonly textBytes: number }[] {
  const sums = names.map(() => ({ documents: 0, textBytes: 0 }));
  for (const { statistics } of datasets) {
    let [documents, textBytes] = [statistics.documentsRead, statistics.bytesRead];
    for (const [i, sum] of sums.entries()) {
      const step = statistics.steps[names[i] as string];
      if (step !== undefined && step.documentsIn > 0)
        [documents, textBytes] = [step.documentsIn - droppedBy(step), step.bytesOut];
      sum.documents += documents;
      sum.textBytes += textBytes;
    }
  }
  return sums;
}

/**
 * Documents and bytes of text through the steps.
 *
 * @param datasets those whose sum the statistics are
 * @param milliseconds time of each step, where it is known
 */
export function funnel(
  { steps, documentsRead }: Statistics,
  datasets: readonly CleanDataset[],
  milliseconds: Readonly<Record<string, number>> = {},
): string {
  const isTimed = Object.values(milliseconds).some((time) => time > 0);
  const ordered = inOrder(steps);
  const left = passage(
    ordered.map(([name]) => name),
    datasets,
  );
  const rows = ordered.map(([name, step], i): Cell[] => {
    const { documents, textBytes } = left[i] as (typeof left)[number];
    const dropped = droppedBy(step);
    const time = milliseconds[name] ?? 0;
    const change = step.bytesOut - step.bytesIn;
    return [
      name,
      documents,
      step.changed === 0 ? muted("–") : step.changed,
      dropped === 0 ? muted("–") : { html: `<span class="loss">${count(dropped)}</span>` },
      { html: bytes(textBytes) },
      change === 0 ? muted("–") : { html: `${change > 0 ? "+" : "−"}${bytes(Math.abs(change))}` },
      ...(isTimed ? [speed(step.bytesIn, time), seconds(time)] : []),
      bar(documents / Math.max(documentsRead, 1)),
    ];
  });
  const timing = isTimed ? ["MB/s", "time"] : [];
  return table(["step", "left", "changed", "dropped", "text", "change", ...timing, ""], rows, {
    numeric: [1, 2, 3, 4, 5, ...(isTimed ? [6, 7] : [])],
  });
}

const muted = (text: string): Cell => ({ html: `<span class="muted">${text}</span>` });
const seconds = (time: number): Cell =>
  time === 0 ? muted("–") : { html: time < 10 ? "&lt; 0.01 s" : `${(time / 1000).toFixed(2)} s` };
/** Of steps that take no time worth naming, none is named. */
const speed = (size: number, time: number): Cell =>
  time < 1 ? muted("–") : { html: count(Math.round(size / 1000 / time)) };

/** The same for every data set, folded away twice: there may be 160 of them. */
export function funnelsBySource(datasets: readonly CleanDataset[]): string {
  if (datasets.length < 2) return "";
  const folds = datasets.map((dataset) => {
    const { name, statistics } = dataset;
    const { documentsRead, documentsKept } = statistics;
    return `<details><summary>${escapeHtml(name)} <small>${count(documentsKept)} of ${count(documentsRead)} kept</small></summary>${funnel(statistics, [dataset])}</details>`;
  });
  return `<details><summary>Each data set on its own</summary>${folds.join("")}</details>`;
}
