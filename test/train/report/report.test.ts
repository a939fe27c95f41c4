import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readTrainingConfig } from "../../../train/config.ts";
import { chart, roundTicks, smooth, thin } from "../../../train/report/chart.ts";
import { html } from "../../../train/report/html.ts";
import { renderReport } from "../../../train/report/report.ts";
import type { RunHistory } from "../../../train/run/metrics.ts";
import { averages, sparkline } from "../../../train/run/sparkline.ts";

const config = await readTrainingConfig("demo", { vocabSize: 100, seqLen: 32 });

function historyOf(steps: number): RunHistory {
  const evaluation = { loss: 4, perplexity: 54.6, accuracy: 0.2, tokens: 100, bitsPerByte: 1.987 };
  return {
    steps: Array.from({ length: steps }, (_, index) => ({
      step: index + 1,
      loss: 6 / (1 + index / steps),
      accuracy: 0.1,
      learningRate: 1e-3,
      gradientNorm: 1,
      tokens: 64 * (index + 1),
      cursor: { epoch: 0, row: 0 },
      timing: { time: 1.7e9, seconds: 2, tokensPerSecond: 32, teraflops: 1, memoryBytes: 1e9 },
    })),
    evaluations: [10, 20].map((step) => ({ step, evaluation })),
    samples: [{ step: 20, samples: [{ prompt: "<i>W</i>", text: " Polsce <script>alert('&')</script>\0" }] }],
  };
}

const page = renderReport({ name: "demo", config, history: historyOf(30), steps: 60, device: "a test" });

describe("the report", () => {
  it("has figures, curves, samples and the config, and needs no other file", () => {
    for (const text of [
      "step 30 of 60",
      "Validation loss",
      "1.987",
      "Bits per byte",
      "Learning rate",
      "Time left",
    ]) {
      assert.ok(page.includes(text), text);
    }
    assert.match(page, /<dd>1 min 0 s <small>/, "30 steps of 2 s are left");
    assert.equal(page.match(/<svg /g)?.length, 5);
    assert.doesNotMatch(page, /(src|href)=|url\(|@import/);
    assert.match(page, /prefers-color-scheme: dark/);
    assert.match(page, /width=device-width/);
    assert.match(page, /clipNorm: 1/);
  });

  it("labels the learning rate with as many digits as its ticks need", () => {
    const { steps, ...rest } = historyOf(30);
    const rising = steps.map((step, index) => ({ ...step, learningRate: 1.5e-3 * (index / 29) }));
    const report = renderReport({
      name: "demo",
      config,
      history: { ...rest, steps: rising },
      steps: 30,
      device: "",
    });
    for (const label of ["5e-4", "1e-3", "1.5e-3"]) assert.ok(report.includes(`>${label}</span>`), label);
    assert.ok(!report.includes(">2e-3</span>"));
  });

  it("shows what a model writes as text, whatever it is", () => {
    assert.ok(
      page.includes(
        "<b>&lt;i&gt;W&lt;/i&gt;</b> Polsce &lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;\ufffd",
      ),
    );
    assert.doesNotMatch(page, /<script/);
  });

  it("stays small and finite for a long run with losses that are no numbers", () => {
    const long = historyOf(28_900);
    const broken = long.steps.map((step) => (step.step % 7 === 0 ? { ...step, loss: Number.NaN } : step));
    const text = renderReport({
      name: "long",
      config,
      history: { ...long, steps: broken },
      steps: 28_900,
      device: "a test",
    });
    assert.ok(text.length < 150_000, `${text.length} characters`);
    assert.doesNotMatch(text, /NaN|Infinity/);
  });

  it("names no curve that has no points", () => {
    const history = { ...historyOf(60), evaluations: [] };
    const text = renderReport({ name: "unheld", config, history, steps: 60, device: "a test" });
    assert.match(page, /class="key colour2">validation</);
    assert.doesNotMatch(text, /class="key/);
  });

  it("can be made before the first step", () => {
    const none = { steps: [], evaluations: [], samples: [] };
    assert.match(
      renderReport({ name: "new", config, history: none, steps: 60, device: "a test" }),
      /No step has/,
    );
  });
});

describe("charts", () => {
  it("have round ticks within the range", () => {
    assert.deepEqual(roundTicks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
    assert.deepEqual(roundTicks(4.9, 7.1, 5), [5, 5.5, 6, 6.5, 7]);
    assert.deepEqual(roundTicks(0, 28_900, 5), [0, 10_000, 20_000]);
    assert.deepEqual(roundTicks(0.00019, 0.0002, 5).length, 6);
    assert.ok(roundTicks(3, 3, 5).length > 0);
  });

  it("thin long curves to the means of neighbours", () => {
    const points = Array.from({ length: 6000 }, (_, x) => ({ x, y: x % 2 }));
    const thinned = thin(points);
    assert.equal(thinned.length, 600);
    assert.ok(thinned.every(({ y }) => y === 0.5));
    assert.deepEqual(
      thin([
        { x: 1, y: 2 },
        { x: 2, y: Number.NaN },
      ]),
      [{ x: 1, y: 2 }],
    );
  });

  it("smooth without lagging behind", () => {
    const line = Array.from({ length: 50 }, (_, x) => ({ x, y: 3 * x }));
    for (const [index, { y }] of smooth(line, 5).entries()) assert.ok(Math.abs(y - 3 * index) < 1e-9);
    assert.deepEqual(
      smooth(
        [0, 9, 0].map((y, x) => ({ x, y })),
        1,
      ).map(({ y }) => y),
      [0, 3, 0],
    );
  });

  it("draw one value, or none", () => {
    const series = (points: { x: number; y: number }[]) => [
      { name: "loss", look: "line" as const, colour: 1 as const, points },
    ];
    const options = { title: "Loss", steps: 10, formatValue: String };
    assert.match(chart({ ...options, series: series([{ x: 5, y: 2 }]) }).markup, /M50 50/);
    assert.equal(chart({ ...options, series: series([]) }).markup, "");
  });
});

describe("markup", () => {
  it("escapes what is put in, but not markup", () => {
    const inner = html`<b>${'"&'}</b>`;
    assert.equal(
      html`<p title="${"'"}">${[inner, 5, "<"]}</p>`.markup,
      '<p title="&#39;"><b>&quot;&amp;</b>5&lt;</p>',
    );
  });
});

describe("the sparkline", () => {
  it("goes from the lowest to the highest", () => {
    assert.equal(sparkline([8, 7, 6, 5, 4, 3, 2, 1], 8), "█▇▆▅▄▃▂▁");
    assert.equal(sparkline([1, Number.NaN, 2], 8), "▁█");
    assert.equal(sparkline([5, 5], 8), "▁▁");
    assert.equal(sparkline([], 8), "");
    assert.equal(
      sparkline(
        Array.from({ length: 1000 }, (_, i) => -i),
        4,
      ),
      "█▆▃▁",
    );
  });

  it("averages groups of nearly equal size", () => {
    assert.deepEqual(averages([1, 2, 3, 4, 5], 2), [1.5, 4]);
    assert.deepEqual(averages([1, 2], 5), [1, 2]);
  });
});
