const bars = "▁▂▃▄▅▆▇█";

/**
 * The last values as a line of bars, lowest to highest: `█▆▅▄▃▂▁▁`.
 *
 * @param width bars at most; more values are averaged in groups
 */
export function sparkline(values: readonly number[], width: number): string {
  const means = averages(values.filter(Number.isFinite), width);
  const low = Math.min(...means);
  const span = Math.max(...means) - low;
  return means.map((mean) => bars[span === 0 ? 0 : Math.round(((mean - low) / span) * 7)]).join("");
}

/** Means of `count` groups of neighbours; the values themselves when they are fewer. */
export function averages(values: readonly number[], count: number): number[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, group) => {
    const from = Math.floor((group * values.length) / count);
    const to = Math.floor(((group + 1) * values.length) / count);
    let sum = 0;
    for (let i = from; i < to; i++) sum += values[i]!;
    return sum / (to - from);
  });
}
