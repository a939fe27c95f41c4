/** The ids that show where documents begin and end; text never gives them, since it is encoded without specials. */
export interface DocumentMarks {
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
}

/**
 * Places in a row where attention must start anew: 0, every place where a document starts, and where padding starts.
 * What lies before the first document belongs to one that began in another row.
 *
 * @returns rising places, the first of them 0
 */
export function documentStarts(
  row: Uint16Array | Uint32Array,
  { bosId, eosId, padId }: DocumentMarks,
): number[] {
  const starts = [0];
  for (let i = 1; i < row.length; i++) {
    const afterEnd = eosId !== undefined && row[i - 1] === eosId;
    const padding = padId !== undefined && row[i] === padId && row[i - 1] !== padId;
    if (row[i] === bosId || afterEnd || padding) starts.push(i);
  }
  return starts;
}
