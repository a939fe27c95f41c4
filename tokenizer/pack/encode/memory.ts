import { UserError } from "../../../pipeline/runtime/errors.ts";
import { formatBytes } from "../../../pipeline/runtime/sizes.ts";

/**
 * Peak resident memory measured with one to four workers on 300 MB of text in one foreign file: 285 MB and 125 MB a
 * worker (2026-11), rounded up. A worker's is its word cache (64 MB), its row buffers and its heap, one unit of
 * lines and its part of those that wait. The second pass, with one bucket of 256 MiB and no workers, takes less than
 * two workers do.
 */
const MAIN_BYTES = 330e6;
const WORKER_BYTES = 140e6;

/** Units read ahead of the workers: enough that none waits while the oldest unit is still encoded. */
export const UNITS_AHEAD = 2;

/** New objects of a worker are lines being parsed: more room for them makes it larger and not faster. */
export const YOUNG_HEAP_MEGABYTES = 4;

/** Memory that so many workers take at most. */
const memoryFor = (workers: number): number => MAIN_BYTES + workers * WORKER_BYTES;

/**
 * As many workers as fit into memory.
 *
 * @throws UserError when not even one does
 */
export function fitWorkers(workers: number, memoryBytes: number): number {
  if (memoryBytes < SMALLEST_BYTES) {
    throw new UserError(
      `--memory ${formatBytes(memoryBytes)}: packing takes ${formatBytes(SMALLEST_BYTES)} at least`,
    );
  }
  return Math.min(workers, Math.floor((memoryBytes - MAIN_BYTES) / WORKER_BYTES));
}

/** One line for the user when there are fewer workers than asked for; undefined when there are not. */
export function describeFit(workers: number, memoryBytes: number): string | undefined {
  const fitting = fitWorkers(workers, memoryBytes);
  if (fitting === workers) return undefined;
  return `${fitting} of ${workers} workers run, as many as fit into --memory ${formatBytes(memoryBytes)}; all need ${formatBytes(memoryFor(workers))}`;
}

/** One worker, or the second pass with its bucket. */
const SMALLEST_BYTES = memoryFor(2);
