import assert from "node:assert/strict";
import { after, test } from "node:test";
import { WorkerPool, workerEntry } from "../../../pipeline/runtime/workers.ts";

interface Task {
  readonly value: number;
  readonly delayMs: number;
}

const pool = new WorkerPool<Task, number>({
  entry: workerEntry(import.meta.url, "./square.worker"),
  workers: 2,
  workerData: { fail: 13 },
});
after(() => pool.close());

test("results come in the order of the tasks, whatever order they finish in", async () => {
  const tasks = Array.from({ length: 20 }, (_, value) => ({ value: value + 20, delayMs: (20 - value) % 5 }));
  const results = await Array.fromAsync(pool.map(tasks));
  assert.deepEqual(
    results,
    tasks.map(({ value }) => value ** 2),
  );
});

test("a slow consumer holds the tasks back", async () => {
  let handedOut = 0;
  function* tasks() {
    for (; handedOut < 100; handedOut++) yield { value: 1, delayMs: 0 };
  }
  let received = 0;
  for await (const _ of pool.map(tasks())) {
    received += 1;
    assert.ok(handedOut - received <= 2 * pool.workers, `${handedOut - received} tasks in flight`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.equal(received, 100);
});

test("a failing task ends the iteration with its error", async () => {
  const received: number[] = [];
  await assert.rejects(
    async () => {
      for await (const result of pool.map([2, 13, 3, 4].map((value) => ({ value, delayMs: 0 }))))
        received.push(result);
    },
    { message: "internal error: 13 is unlucky" },
  );
  assert.deepEqual(received, [4]);
});

test("an aborted signal stops the work with its reason", async () => {
  const controller = new AbortController();
  await assert.rejects(
    async () => {
      const tasks = Array.from({ length: 50 }, (_, value) => ({ value: value + 100, delayMs: 1 }));
      for await (const _ of pool.map(tasks, { signal: controller.signal }))
        controller.abort(new Error("enough"));
    },
    { message: "enough" },
  );
});

test("the user's mistakes and the system's refusals arrive as such", async () => {
  const run = (value: number) => Array.fromAsync(pool.map([{ value, delayMs: 0 }]));
  await assert.rejects(run(400), {
    name: "UserError",
    exitCode: 2,
    message: "400: not a square number; give another",
  });
  await assert.rejects(run(404), {
    name: "UserError",
    message: "/nowhere/404: no such file or folder (ENOENT)",
  });
  await assert.rejects(
    run(13),
    (error: Error) => error.name === "Error" && error.message.includes("13 is unlucky"),
  );
});
