import { join } from "node:path";
import type { JobContext } from "../../pipeline/runtime/command.ts";
import { openEventFile } from "../tensorboard/event-file.ts";
import { type MetricsLine, openMetrics, type RunHistory } from "./metrics.ts";
import type { Run } from "./run-folder.ts";

/** What is written down of a run line by line: its metrics, for us, and TensorBoard's events. */
export interface Records {
  readonly history: RunHistory;
  record(line: MetricsLine): Promise<void>;
  /** Makes durable what was written, as a checkpoint needs it. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the records of a run that goes on from a step; what stands in them of later steps goes. */
export async function openRecords(run: Run, step: number, context: JobContext): Promise<Records> {
  const metrics = await openMetrics(run.metrics, step, () =>
    context.progress.log("disk full: metrics wait in memory until there is room; training goes on"),
  );
  const events = await openEventFile(join(run.folder, "tensorboard"), step);
  return {
    history: metrics.history,
    async record(line) {
      await metrics.append(line);
      await events.append(line);
    },
    sync: () => metrics.sync(),
    async close() {
      await metrics.close();
      await events.close();
    },
  };
}
