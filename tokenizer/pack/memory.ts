/** Units read ahead of the workers: enough that none waits while the oldest unit is still encoded. */
export const UNITS_AHEAD = 2;

/** New objects of a worker are lines being parsed; more room for them does not make it faster (2026-11). */
export const YOUNG_HEAP_MEGABYTES = Number(process.env.YH ?? 8);
