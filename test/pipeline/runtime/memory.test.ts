import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { loadAddon } from "../../../native/load.ts";
import { ROOT } from "../../support/apt3.ts";

const MODULE = pathToFileURL(join(ROOT, "pipeline/runtime/memory.ts")).href;
const addon = loadAddon("allocator", "pipeline/runtime/native");
const missing = "reason" in addon ? addon.reason : undefined;
const hasGlibc = JSON.stringify(process.report.getReport()).includes("glibcVersionRuntime");

/** Runs a program with `holdMemory` and `returnFreePages` in a process of its own; returns the number it prints. */
function numberOf(program: string): number {
  const source = `import { holdMemory, returnFreePages } from ${JSON.stringify(MODULE)};\n${program}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", source], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return Number(stdout);
}

test("the young heap of a process that holds its memory does not grow, however much lives on", () => {
  const grownBy = (prelude: string) =>
    numberOf(`
      import { getHeapSpaceStatistics } from "node:v8";
      const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size;
      ${prelude}
      const before = size();
      for (let round = 0; round < 40; round++) Array.from({ length: 50_000 }, (_, i) => ({ i }));
      console.log((size() - before) / 2 ** 20);`);
  const [free, held] = [grownBy(""), grownBy("holdMemory();")];
  // a collection of the old heap takes over pages of the young one, which then has up to 3 MB of others
  assert.ok(held < free / 4 && free >= 8, `${free} MB, held ${held} MB`);
});

test("what lived for a while in a worker is collected before much of it lies about", () => {
  // a sixteenth of what is alive is replaced at a time, so all of it has grown old when it dies
  const worker = `
    import { getHeapStatistics } from "node:v8";
    import { parentPort } from "node:worker_threads";
    const alive = [];
    let most = 0;
    for (let round = 0; round < 300; round++) {
      alive[round % 16] = Array.from({ length: 20_000 }, (_, i) => ({ i }));
      most = Math.max(most, getHeapStatistics().used_heap_size);
    }
    parentPort.postMessage(most / 2 ** 20);`;
  const most = (prelude: string) =>
    numberOf(`
      import { Worker } from "node:worker_threads";
      ${prelude}
      const url = new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(worker)}));
      new Worker(url).on("message", (most) => console.log(most));`);
  const [free, held] = [most(""), most("holdMemory();")];
  assert.ok(held < 0.75 * free, `${free} MB, held ${held} MB`);
});

test("what is freed between blocks that live goes back to the system", {
  skip: missing ?? (hasGlibc ? false : "another C library than glibc"),
}, () => {
  // the system's own choice would keep all of the 100 MB once a block of 16 MB was freed
  const megabytes = (size: number, end: string) =>
    numberOf(`
      holdMemory();
      new ArrayBuffer(2 ** 24).transfer(0);
      const blocks = Array.from({ length: 100 * 2 ** 20 / ${size} }, () => new Uint8Array(${size}).fill(1));
      const full = process.memoryUsage.rss();
      for (let i = 0; i < blocks.length - 1; i++) blocks[i].buffer.transfer(0);
      ${end}
      console.log((full - process.memoryUsage.rss()) / 2 ** 20);`);
  assert.ok(megabytes(2 ** 23, "") > 70);
  assert.ok(megabytes(2 ** 15, "returnFreePages();") > 70);
});
