import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { move, Piscina, transferableSymbol, valueSymbol } from "piscina";
import { describeFailure, EXIT, type Failure, UserError } from "./errors.ts";

/**
 * Path of a worker's entry file, `name` given without its ending (`./count-words.worker`). Our sources run
 * as `.ts`, the installed package as `.js`: the entry has the ending of the module that asks for it.
 */
export function workerEntry(importMetaUrl: string, name: string): string {
  return fileURLToPath(new URL(name + extname(new URL(importMetaUrl).pathname), importMetaUrl));
}

/**
 * Wraps what a worker does with a task. Errors lose their class and members on the way between threads; what
 * they mean to the user (`Failure`) is sent along as the `cause`, and `WorkerPool` makes a `UserError` of it.
 *
 * @param transfer buffers of a result to move to the main thread instead of copying
 */
export function workerTask<Task, Result>(
  run: (task: Task) => Result | Promise<Result>,
  transfer?: (result: Result) => ArrayBuffer[],
): (task: Task) => Promise<Result> {
  return async (task) => {
    try {
      const result = await run(task);
      return transfer === undefined ? result : moved(result, transfer(result));
    } catch (error) {
      const failure = describeFailure(error);
      throw new Error(failure.message, { cause: failure });
    }
  };
}

/** A result as piscina wants it when it is to move buffers; what arrives in the main thread is the result alone. */
function moved<Result>(result: Result, buffers: ArrayBuffer[]): Result {
  return move({ [transferableSymbol]: buffers, [valueSymbol]: result as object }) as Result;
}

function revive(error: unknown): unknown {
  const cause = error instanceof Error ? (error.cause as Partial<Failure> | undefined) : undefined;
  return cause?.exitCode === EXIT.userError && cause.message !== undefined
    ? new UserError(cause.message)
    : error;
}

export interface WorkerPoolOptions {
  /** From `workerEntry`; the file's default export is a `workerTask`. */
  readonly entry: string;
  /** Number of threads, at least 1. */
  readonly workers: number;
  /** Given to every worker once, at its start (read there as piscina's `workerData`). */
  readonly workerData?: unknown;
  /** Tasks that wait for a worker while all are busy; as many as there are workers when absent. */
  readonly ahead?: number;
  /** Megabytes of the part of each worker's heap that new objects go to; V8's choice (up to 48) when absent. */
  readonly youngHeapMegabytes?: number;
}

export interface MapOptions<Task> {
  /** Stops handing out tasks and rejects when aborted. */
  readonly signal?: AbortSignal;
  /** Buffers of a task to move to the worker instead of copying. */
  readonly transfer?: (task: Task) => ArrayBuffer[];
}

/** A fixed number of worker threads that turn typed tasks into typed results, with bounded memory. */
export class WorkerPool<Task, Result> {
  readonly workers: number;
  readonly #ahead: number;
  readonly #options: WorkerPoolOptions;
  /** Made for the first task: a job that has nothing left for its threads does not wait for them. */
  #piscina: Piscina<Task, Result> | undefined;

  constructor(options: WorkerPoolOptions) {
    this.workers = options.workers;
    this.#ahead = options.ahead ?? options.workers;
    this.#options = options;
  }

  /**
   * Runs every task and yields the results in the order of the tasks, whatever order they finish in.
   * At most `workers + ahead` tasks are in flight, so neither a fast reader nor a slow consumer fills memory.
   * The first failing task ends the iteration with its error.
   */
  async *map(
    tasks: Iterable<Task> | AsyncIterable<Task>,
    { signal, transfer }: MapOptions<Task> = {},
  ): AsyncGenerator<Result, void, undefined> {
    const inFlight: Promise<Result>[] = [];
    const limit = this.workers + this.#ahead;
    try {
      for await (const task of tasks) {
        signal?.throwIfAborted();
        const result = this.run(task, transfer?.(task));
        result.catch(() => undefined); // seen when its turn comes; until then it must not count as unhandled
        inFlight.push(result);
        if (inFlight.length >= limit) yield await (inFlight.shift() as Promise<Result>);
      }
      while (inFlight.length > 0) {
        signal?.throwIfAborted();
        yield await (inFlight.shift() as Promise<Result>);
      }
    } finally {
      await Promise.allSettled(inFlight);
    }
  }

  /** Runs one task. */
  async run(task: Task, transferList: ArrayBuffer[] = []): Promise<Result> {
    this.#piscina ??= startThreads<Task, Result>(this.#options);
    try {
      return await this.#piscina.run(task, { transferList });
    } catch (error) {
      throw revive(error);
    }
  }

  /** Ends the threads. Tasks still running are abandoned. */
  async close(): Promise<void> {
    await this.#piscina?.destroy();
  }
}

function startThreads<Task, Result>(options: WorkerPoolOptions): Piscina<Task, Result> {
  return new Piscina<Task, Result>({
    filename: options.entry,
    minThreads: options.workers,
    maxThreads: options.workers,
    workerData: options.workerData,
    ...(options.youngHeapMegabytes === undefined
      ? {}
      : { resourceLimits: { maxYoungGenerationSizeMb: options.youngHeapMegabytes } }),
  });
}
