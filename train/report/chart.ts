import { formatCount } from "../../pipeline/runtime/sizes.ts";
import { averages } from "../run/sparkline.ts";
import { type Html, html } from "./html.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  /** `dots` marks each point as well: for few points. */
  readonly look: "line" | "dots" | "faint";
  /** 1 or 2, of the page's two colours. */
  readonly colour: 1 | 2;
  readonly points: readonly Point[];
}

export interface ChartOptions {
  readonly title: string;
  readonly series: readonly Series[];
  /** The last step of the schedule: how far the axis goes. */
  readonly steps: number;
  readonly formatValue: (value: number) => string;
  /** Logarithmic, for values that span orders of magnitude. */
  readonly logarithmic?: boolean;
  /** As wide as the page. */
  readonly wide?: boolean;
}

/** Points of a curve, at most: about one for each pixel of a wide screen. */
const mostPoints = 600;

/** A curve of at most `mostPoints`, each the mean of its neighbours. */
export function thin(points: readonly Point[]): Point[] {
  const finite = points.filter(({ y }) => Number.isFinite(y));
  const xs = averages(
    finite.map(({ x }) => x),
    mostPoints,
  );
  const ys = averages(
    finite.map(({ y }) => y),
    mostPoints,
  );
  return xs.map((x, index) => ({ x, y: ys[index]! }));
}

/** The mean of each point and its `reach` neighbours on either side, fewer at the ends: it does not lag behind. */
export function smooth(points: readonly Point[], reach: number): Point[] {
  const finite = points.filter(({ y }) => Number.isFinite(y));
  const sums = [0];
  for (const { y } of finite) sums.push(sums.at(-1)! + y);
  return finite.map(({ x }, index) => {
    const near = Math.min(reach, index, finite.length - 1 - index);
    return { x, y: (sums[index + near + 1]! - sums[index - near]!) / (2 * near + 1) };
  });
}

/** Round values from about the smallest to about the largest, `count` or a few more or less. */
export function roundTicks(low: number, high: number, count: number): number[] {
  const span = high > low ? high - low : Math.max(Math.abs(high), 1);
  const raw = span / count;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((size) => size >= raw) ?? raw;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor((low + span) / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** A chart that fits any width: curves in an SVG that stretches, labels beside it in the page's own type. */
export function chart({
  title,
  series,
  steps,
  formatValue,
  logarithmic = false,
  wide = false,
}: ChartOptions): Html {
  const scale = (value: number) => (logarithmic ? Math.log10(Math.max(value, 1e-12)) : value);
  const drawn = series.map((one) => ({ ...one, points: thin(one.points) }));
  const values = drawn.flatMap(({ points }) => points.map(({ y }) => scale(y)));
  if (values.length === 0) return html``;
  const [low, high] = padded(Math.min(...values), Math.max(...values));
  const left = (x: number) => (100 * x) / steps;
  const top = (y: number) => 100 - (100 * (scale(y) - low)) / (high - low);
  const yTicks = roundTicks(low, high, 5).map((tick) => (logarithmic ? 10 ** tick : tick));
  const xTicks = roundTicks(0, steps, 5);

  const grid = yTicks.map((tick) => html`<path class="grid" d="M0 ${round(top(tick))}H100"/>`);
  const curves = drawn.map(
    ({ look, colour, points }) =>
      html`<path class="${look} colour${colour}" d="${path(points, left, top)}"/>${look === "dots" ? html`<path class="marks colour${colour}" d="${points.map(({ x, y }) => `M${round(left(x))} ${round(top(y))}h0`).join("")}"/>` : ""}`,
  );
  const named = drawn.filter(({ look, points }) => look !== "faint" && points.length > 0);
  const legend =
    named.length < 2
      ? ""
      : named.map(({ name, colour }) => html`<span class="key colour${colour}">${name}</span>`);
  return html`<figure class="chart${wide ? " wide" : ""}">
<figcaption><b>${title}</b> ${legend}</figcaption>
<div class="plot">
<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="${title}">${grid}${curves}</svg>
${yTicks.map((tick) => html`<span class="y" style="top:${round(top(tick))}%">${formatValue(tick)}</span>`)}
${xTicks.map((tick) => html`<span class="x" style="left:${round(left(tick))}%">${formatCount(tick)}</span>`)}
</div>
</figure>
`;
}

/** A little room above and below; a constant curve lies in the middle. */
function padded(low: number, high: number): [low: number, high: number] {
  const room = high > low ? 0.05 * (high - low) : Math.max(Math.abs(high) * 0.5, 1e-9);
  return [low - room, high + room];
}

function path(points: readonly Point[], left: (x: number) => number, top: (y: number) => number): string {
  return points
    .map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${round(left(x))} ${round(top(y))}`)
    .join("");
}

const round = (value: number): number => Number(value.toFixed(2));
