import assert from "node:assert/strict";

/**
 * Runs a job that is stopped whenever its progress has changed, again and again until it has come to its end.
 *
 * @returns how often it was stopped
 */
export async function runWithStops(
  run: (signal: AbortSignal) => Promise<unknown>,
  progress: () => unknown,
): Promise<number> {
  for (let stops = 0; ; stops++) {
    const controller = new AbortController();
    const before = progress();
    const timer = setInterval(() => progress() !== before && controller.abort(new Error("stop")), 1);
    try {
      await run(controller.signal);
      return stops;
    } catch (error) {
      assert.equal(String(error), "Error: stop");
    } finally {
      clearInterval(timer);
    }
    assert.ok(stops < 100, "it never comes to its end");
  }
}
