import { type FileHandle, open } from "node:fs/promises";
import { isCode } from "../../pipeline/runtime/files.ts";

/** A file that grows while training runs. */
export interface Appender {
  append(data: string | Uint8Array): Promise<void>;
  /** Makes all that was appended durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a file for appending. A full disk must not end training: what could not be written waits in memory and is
 * written, from the same place, with the next call.
 *
 * @param onDiskFull told when data begins to wait
 */
export async function openAppender(path: string, onDiskFull: () => void): Promise<Appender> {
  const file = await open(path, "a").then(async (created) => {
    await created.close();
    return open(path, "r+");
  });
  const { size } = await file.stat();
  return createAppender(file, size, onDiskFull);
}

/** See `openAppender`; apart for tests, which have no full disk. */
export function createAppender(
  file: Pick<FileHandle, "write" | "sync" | "close">,
  size: number,
  onDiskFull: () => void,
): Appender {
  let position = size;
  let waiting: Uint8Array[] = [];

  async function flush(): Promise<void> {
    const data = Buffer.concat(waiting);
    let written = 0;
    while (written < data.length) {
      const { bytesWritten } = await file.write(data, written, data.length - written, position + written);
      written += bytesWritten;
    }
    position += data.length;
    waiting = [];
  }

  async function flushIfPossible(isNew: boolean): Promise<void> {
    try {
      await flush();
    } catch (error) {
      if (!isCode(error, "ENOSPC", "EDQUOT")) throw error;
      if (isNew) onDiskFull();
    }
  }

  return {
    async append(data) {
      const isNew = waiting.length === 0;
      waiting.push(typeof data === "string" ? Buffer.from(data) : data);
      await flushIfPossible(isNew);
    },
    async sync() {
      await flushIfPossible(false);
      await file.sync();
    },
    async close() {
      await flushIfPossible(false);
      await file.close();
    },
  };
}
