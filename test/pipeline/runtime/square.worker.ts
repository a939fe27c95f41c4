import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { workerData } from "piscina";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { workerTask } from "../../../pipeline/runtime/workers.ts";

export default workerTask(square);

/** A worker for the pool's own tests. */
async function square(task: { value: number; delayMs: number }): Promise<number> {
  await setTimeout(task.delayMs);
  if (task.value === 404) await readFile("/nowhere/404");
  if (task.value === 400) throw new UserError("400: not a square number; give another");
  if (task.value === workerData.fail) throw new Error(`${task.value} is unlucky`);
  return task.value ** 2;
}
