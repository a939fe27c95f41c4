import { once } from "node:events";
import { CorruptInput } from "../pipeline/readers/corrupt-input.ts";
import { readLineBlocks } from "../pipeline/readers/lines.ts";
import { openBytes } from "../pipeline/readers/open.ts";
import type { JobContext } from "../pipeline/runtime/command.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { WorkerPool, workerEntry } from "../pipeline/runtime/workers.ts";

/** What is printed of each text. */
export type Shown = "tokens" | "ids" | "count";

/** What every worker needs for all blocks. */
export interface TokenizeLinesData {
  /** Folder of the tokenizer. */
  readonly tokenizer: string;
  /** Member of each line's object that holds the text. */
  readonly field: string;
  readonly show: Shown;
  readonly parseSpecials: boolean;
}

export interface TokenizeLinesTask {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly firstLine: number;
}

export interface TokenizeLinesResult {
  readonly output: string;
  readonly documents: number;
  readonly tokens: number;
  /** Lines without a text, and far too long ones. */
  readonly rejected: number;
}

export interface TokenizeLinesOptions extends TokenizeLinesData {
  /** A .jsonl, .jsonl.gz or .jsonl.zst file; standard input, uncompressed, when left out. */
  readonly input?: string | undefined;
  readonly workers: number;
}

/**
 * Tokenizes JSON lines with worker threads and writes one line of JSON for each to `target`, in their order: a line
 * that holds no text gives a line that says so.
 */
export async function tokenizeLines(
  { input, workers, ...workerData }: TokenizeLinesOptions,
  target: NodeJS.WritableStream,
  { signal }: JobContext,
): Promise<Omit<TokenizeLinesResult, "output">> {
  const source: AsyncIterable<Uint8Array> = input === undefined ? process.stdin : openBytes(input);
  const pool = new WorkerPool<TokenizeLinesTask, TokenizeLinesResult>({
    entry: workerEntry(import.meta.url, "./tokenize-lines.worker"),
    workers,
    workerData,
  });
  const sum = { documents: 0, tokens: 0, rejected: 0 };
  try {
    const transfer = ({ bytes }: TokenizeLinesTask) => [bytes.buffer];
    for await (const { output, ...counts } of pool.map(readLineBlocks(source), { signal, transfer })) {
      sum.documents += counts.documents;
      sum.tokens += counts.tokens;
      sum.rejected += counts.rejected;
      if (!target.write(output)) await once(target, "drain");
    }
    return sum;
  } catch (error) {
    if (error instanceof CorruptInput)
      throw new UserError(`${input}: ${error.message}; make or fetch it again`);
    throw error;
  } finally {
    await pool.close();
  }
}
