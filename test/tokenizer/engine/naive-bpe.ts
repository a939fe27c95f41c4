/** Byte-pair encoding as its definition reads, slow and plain, to hold the fast one against. */
export function naiveBpe(
  characters: readonly string[],
  merges: readonly (readonly [string, string])[],
): string[] {
  let symbols = [...characters];
  for (;;) {
    const ranks = symbols.slice(1).map((right, i) => rankOf(merges, symbols[i] as string, right));
    const best = Math.min(...ranks);
    if (!Number.isFinite(best)) return symbols;
    const at = ranks.indexOf(best);
    symbols = symbols.toSpliced(at, 2, (symbols[at] as string) + (symbols[at + 1] as string));
  }
}

function rankOf(merges: readonly (readonly [string, string])[], left: string, right: string): number {
  const rank = merges.findIndex(([a, b]) => a === left && b === right);
  return rank < 0 ? Number.POSITIVE_INFINITY : rank;
}
