/** Mean of some numbers, and its standard error, which takes two of them. */
export function meanAndError(values: readonly number[]): { mean: number; error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, error: Math.sqrt(squares / (values.length - 1) / values.length) };
}

/** How far `a` lies above `b`, pair by pair, in per cent: `+0.31 ± 0.12 %`. */
export function describePairs(a: readonly number[], b: readonly number[]): string {
  const { mean, error } = meanAndError(a.map((value, i) => 100 * (value / b[i]! - 1)));
  const sign = mean < 0 ? "−" : "+";
  const spread = Number.isFinite(error) ? ` ± ${error.toFixed(2)}` : "";
  return `${sign}${Math.abs(mean).toFixed(2)}${spread} %`;
}
