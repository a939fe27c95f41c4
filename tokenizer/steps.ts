import { setImmediate } from "node:timers/promises";
import type { ProgressTask } from "../pipeline/runtime/progress.ts";

/** Milliseconds of computing after which signals and the display get their turn. */
const TURN_MS = 100;

/**
 * Runs a long computation that yields how far it is, letting the event loop breathe in between.
 *
 * @throws the signal's reason once it is aborted
 */
export async function runToEnd<Result>(
  steps: Generator<number, Result, undefined>,
  signal: AbortSignal,
  progress: ProgressTask,
): Promise<Result> {
  let reported = 0;
  let turnEnd = performance.now() + TURN_MS;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() < turnEnd) continue;
    progress.advance(step.value - reported);
    reported = step.value;
    await setImmediate();
    signal.throwIfAborted();
    turnEnd = performance.now() + TURN_MS;
  }
}
