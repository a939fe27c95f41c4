import { setTimeout } from "node:timers/promises";
import { workerData } from "piscina";

/** A worker for the pool's own tests. */
export default async function square(task: { value: number; delayMs: number }): Promise<number> {
  await setTimeout(task.delayMs);
  if (task.value === workerData.fail) throw new Error(`${task.value} is unlucky`);
  return task.value ** 2;
}
