import { countParameters, trainingFlopsPerToken } from "../../model/parameters.ts";
import { formatCount, formatDuration } from "../../pipeline/runtime/sizes.ts";
import { formatTrainingConfig, type TrainingConfig, tokensPerStep } from "../config.ts";
import type { RunHistory, SampleMetrics } from "../run/metrics.ts";
import { chart, type Point, smooth } from "./chart.ts";
import { type Html, html } from "./html.ts";
import { style } from "./style.ts";

/** What a report tells of. */
export interface ReportedRun {
  readonly name: string;
  readonly config: TrainingConfig;
  readonly history: RunHistory;
  /** The step the run goes to. */
  readonly steps: number;
  /** What it is trained on, in words. */
  readonly device: string;
}

/** A page that needs no other file: figures, curves, samples, and the config of a run. */
export function renderReport(run: ReportedRun): string {
  const { name, config, history, steps, device } = run;
  const step = history.steps.at(-1)?.step ?? 0;
  const { layers, dModel, heads } = config.model;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}: step ${step} of ${steps}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<main>
<h1>${name}</h1>
<div class="quiet">${formatCount(countParameters(config.model))} parameters (${layers} ${layers === 1 ? "layer" : "layers"}, ${dModel} wide, ${heads} heads), ${config.precision} on ${device}</div>
<div class="bar" role="progressbar" aria-valuenow="${step}" aria-valuemax="${steps}"><i style="width:${((100 * step) / steps).toFixed(1)}%"></i></div>
${tiles(run)}
<div class="charts">
${charts(run)}
</div>
${samples(history.samples)}
${evaluations(history)}
<details><summary>Config</summary><pre>${formatTrainingConfig(config)}</pre></details>
</main>
</body>
</html>
`;
  return page.markup;
}

/** Steps over which a figure of the moment is averaged. */
const recentSteps = 20;

function tiles({ config, history, steps }: ReportedRun): Html {
  const recent = history.steps.slice(-recentSteps);
  const last = recent.at(-1);
  if (last === undefined) return html`<p class="quiet">No step has been taken yet.</p>`;
  const mean = (value: (step: (typeof recent)[number]) => number) => {
    const values = recent.map(value).filter(Number.isFinite);
    return values.reduce((sum, one) => sum + one, 0) / Math.max(values.length, 1);
  };
  const evaluation = history.evaluations.at(-1)?.evaluation;
  const seconds = mean(({ timing }) => timing.seconds);
  const left = steps - last.step;
  const flops = last.tokens * trainingFlopsPerToken(config.model, config.batch.sequenceLength);
  const figures: [name: string, value: string, note: string][] = [
    ["Step", last.step.toLocaleString("en"), `of ${steps.toLocaleString("en")}`],
    ["Tokens", formatCount(last.tokens), `of ${formatCount(steps * tokensPerStep(config))}`],
    ["Training loss", mean(({ loss }) => loss).toFixed(3), "nats a token"],
    ...(evaluation === undefined
      ? []
      : ([
          ["Validation loss", evaluation.loss.toFixed(3), `perplexity ${evaluation.perplexity.toFixed(1)}`],
          ["Bits per byte", evaluation.bitsPerByte.toFixed(3), `accuracy ${percent(evaluation.accuracy)}`],
        ] satisfies [string, string, string][])),
    ["Speed", formatCount(mean(({ timing }) => timing.tokensPerSecond)), `tokens a second`],
    ["Computed", `${flops.toExponential(1)}`, "FLOP"],
    left === 0 ? ["Time left", "none", "finished"] : ["Time left", formatDuration(left * seconds), ""],
  ];
  return html`<dl class="tiles">${figures.map(
    ([name, value, note]) => html`<div><dt>${name}</dt><dd>${value} <small>${note}</small></dd></div>\n`,
  )}</dl>`;
}

function charts({ history, steps }: ReportedRun): Html[] {
  const taken = history.steps;
  const curve = (value: (step: (typeof taken)[number]) => number): Point[] =>
    taken.map((one) => ({ x: one.step, y: value(one) }));
  const evaluated = (
    value: (evaluation: (typeof history.evaluations)[number]["evaluation"]) => number,
  ): Point[] => history.evaluations.map(({ step, evaluation }) => ({ x: step, y: value(evaluation) }));
  const loss = curve((one) => one.loss);
  const norm = curve((one) => one.gradientNorm);
  const lossChart = chart({
    title: "Loss",
    wide: true,
    steps,
    formatValue: short,
    series: [
      { name: "every step", look: "faint", colour: 1, points: loss },
      {
        name: "training",
        look: "line",
        colour: 1,
        points: smooth(loss, Math.min(Math.round(loss.length / 30), 100)),
      },
      { name: "validation", look: "dots", colour: 2, points: evaluated(({ loss: value }) => value) },
    ],
  });
  return [
    lossChart,
    chart({
      title: "Bits per byte of held-out text",
      steps,
      formatValue: short,
      series: [{ name: "", look: "dots", colour: 2, points: evaluated(({ bitsPerByte }) => bitsPerByte) }],
    }),
    chart({
      title: "Gradient norm before clipping",
      steps,
      formatValue: short,
      logarithmic: spansMagnitudes(norm),
      series: [{ name: "", look: "line", colour: 1, points: norm }],
    }),
    chart({
      title: "Learning rate",
      steps,
      formatValue: (value) => (value === 0 ? "0" : Number(value.toPrecision(3)).toExponential()),
      series: [{ name: "", look: "line", colour: 1, points: curve((one) => one.learningRate) }],
    }),
    chart({
      title: "Tokens a second",
      steps,
      formatValue: formatCount,
      series: [{ name: "", look: "line", colour: 1, points: curve(({ timing }) => timing.tokensPerSecond) }],
    }),
  ];
}

/** Values over more than a factor of 50 hide the small ones on a linear axis. */
function spansMagnitudes(points: readonly Point[]): boolean {
  const values = points.map(({ y }) => y).filter((y) => y > 0 && Number.isFinite(y));
  return Math.max(...values) > 50 * Math.min(...values);
}

function samples(all: readonly SampleMetrics[]): Html {
  const [newest, ...earlier] = [...all].reverse();
  if (newest === undefined) return html``;
  return html`<h2>What the model writes</h2>
<p class="quiet">After step ${newest.step.toLocaleString("en")}; the prompt stands in colour.</p>
<div class="samples">${texts(newest)}</div>
${earlier.map((one) => html`<details><summary>Step ${one.step.toLocaleString("en")}</summary>${texts(one)}</details>\n`)}`;
}

const texts = ({ samples: written }: SampleMetrics): Html[] =>
  written.map(({ prompt, text }) => html`<p class="sample"><b>${prompt}</b>${text}</p>\n`);

/** Rows of the table of evaluations: the curve shows the rest. */
const shownEvaluations = 12;

function evaluations({ evaluations: all }: RunHistory): Html {
  if (all.length === 0) return html``;
  const rows = all
    .slice(-shownEvaluations)
    .map(
      ({ step, evaluation: { loss, perplexity, bitsPerByte, accuracy } }) =>
        html`<tr><td>${step.toLocaleString("en")}</td><td>${loss.toFixed(4)}</td><td>${perplexity.toFixed(2)}</td><td>${bitsPerByte.toFixed(4)}</td><td>${percent(accuracy)}</td></tr>\n`,
    );
  return html`<h2>Held-out text</h2>
<div class="scroll"><table>
<tr><th>step</th><th>loss</th><th>perplexity</th><th>bits per byte</th><th>accuracy</th></tr>
${rows}</table></div>`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A tick's value with as many digits as it needs. */
const short = (value: number): string => String(Number(value.toPrecision(3)));
