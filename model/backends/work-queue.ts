/** How long queued work may run before the event loop gets a turn for signals, progress and files. */
const sliceMs = 20;

/**
 * Runs enqueued work in order, off the caller's stack and in slices, so that a backend made of plain loops behaves as
 * asynchronously as a device does. After a failure the work behind it is dropped, because it would compute nonsense,
 * until the next `result` has reported the failure.
 */
export class WorkQueue {
  #entries: ((failure: Error | undefined) => Error | undefined)[] = [];
  #next = 0;
  #running = false;
  #failure: Error | undefined;

  /** Appends work; it starts on a later turn of the event loop. */
  enqueue(work: () => void): void {
    this.#append((failure) => {
      if (failure !== undefined) return failure;
      work();
      return undefined;
    });
  }

  /** Appends work whose result is wanted; rejects if it or anything before it failed. */
  result<T>(work: () => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#append((failure) => {
        try {
          if (failure !== undefined) throw failure;
          resolve(work());
        } catch (error) {
          reject(error);
        }
        return undefined;
      });
    });
  }

  #append(entry: (failure: Error | undefined) => Error | undefined): void {
    this.#entries.push(entry);
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => this.#runSlice());
  }

  #runSlice(): void {
    const end = performance.now() + sliceMs;
    while (this.#next < this.#entries.length && performance.now() < end) {
      const entry = this.#entries[this.#next++]!;
      try {
        this.#failure = entry(this.#failure);
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
      }
    }
    if (this.#next < this.#entries.length) {
      setImmediate(() => this.#runSlice());
      return;
    }
    this.#entries = [];
    this.#next = 0;
    this.#running = false;
  }
}
