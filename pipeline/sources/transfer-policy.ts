import { type FreeBytes, freeBytes } from "../runtime/disk-space.ts";

/** How patiently, how fast and how carefully files are fetched. Tests shorten the times. */
export interface TransferPolicy {
  /** Transfers at a time. Polite to a mirror, and enough to fill a home line. */
  readonly concurrency: number;
  /** Attempts in a row that bring no more than `PROGRESS_BYTES` before we give up. */
  readonly attempts: number;
  /** Pause before the second attempt; doubled for each further one, up to `maxPauseMs`. */
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  /** Silence after which a connection counts as dead. */
  readonly stallMs: number;
  readonly maxRedirects: number;
  /** Bytes a second, all transfers together; unlimited when undefined. */
  readonly bytesPerSecond?: number | undefined;
  /** Bytes left free on a disk at least, for the system and for what else is being written. */
  readonly reserveBytes: number;
  readonly freeBytes: FreeBytes;
  /** Told why and how long there is nothing to see before the next attempt, where a user would notice. */
  readonly onPause?: ((reason: Error, milliseconds: number) => void) | undefined;
}

export const TRANSFER_POLICY: TransferPolicy = {
  concurrency: 4,
  attempts: 6,
  firstPauseMs: 1000,
  maxPauseMs: 120_000,
  stallMs: 30_000,
  maxRedirects: 5,
  reserveBytes: 256_000_000,
  freeBytes,
};

/** A shorter pause is not worth a line: the shortest before a second attempt. */
const TOLD_PAUSE_MS = 500;

/** An attempt that brought this much was worth it: a flaky line may break any number of times in 100 GB. */
const PROGRESS_BYTES = 65_536;

/** Failed attempts of one transfer, and the pauses between them. */
export class Patience {
  readonly #policy: TransferPolicy;
  #failures = 0;
  #furthest = 0;

  constructor(policy: TransferPolicy) {
    this.#policy = policy;
  }

  /**
   * Waits before the next attempt.
   *
   * @param reached bytes that are safely here; getting further than ever before renews the patience
   * @param retryAfterMs what the server asked for
   * @throws error when there have been too many failures in a row
   */
  async wait(
    error: Error,
    { reached, retryAfterMs }: { reached: number; retryAfterMs?: number | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    this.#failures = reached > this.#furthest + PROGRESS_BYTES ? 1 : this.#failures + 1;
    this.#furthest = Math.max(this.#furthest, reached);
    const { attempts, firstPauseMs, maxPauseMs } = this.#policy;
    if (this.#failures >= attempts) throw error;
    const jitter = 0.5 + Math.random(); // no stampede on a mirror that comes back
    const pause = Math.min(retryAfterMs ?? firstPauseMs * 2 ** (this.#failures - 1) * jitter, maxPauseMs);
    if (pause >= TOLD_PAUSE_MS) this.#policy.onPause?.(error, pause);
    await sleep(pause, signal);
  }
}

/** Spreads the bytes of all transfers evenly over time. */
export class Pacer {
  readonly #bytesPerSecond: number | undefined;
  #freeAt = 0;

  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Returns when `bytes` more are within the limit. */
  async pass(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === undefined) return;
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + (1000 * bytes) / this.#bytesPerSecond;
    await sleep(this.#freeAt - now, signal);
  }
}

/** Ends early, without an error, when the signal is aborted: the caller's next step throws its reason. */
async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
