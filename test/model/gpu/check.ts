import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type CudaOptions, createCudaBackend, cudaUnavailable } from "../../../model/backends/cuda.ts";
import { presets } from "../../../model/config.ts";
import type { TrainingShape } from "../../../model/training-state.ts";
import { checkLaneLayouts } from "./layouts.ts";
import { measureThroughput } from "./throughput.ts";

/*
 * `npm run check:gpu`: everything that only a card can show, in the order in which a failure explains most: lane layouts,
 * every operation against the reference, a curve of 200 steps against PyTorch's, compute-sanitizer where it is
 * installed, memory and speed of APT3-1B. With `--library` and `--small` it runs on the emulated device, to test itself.
 */

const { values: options } = parseArgs({
  options: { library: { type: "string" }, small: { type: "boolean", default: false } },
});
const cuda: CudaOptions = options.library === undefined ? {} : { library: options.library };
const print = (line: string) => process.stdout.write(`${line}\n`);
const missing = cudaUnavailable(cuda);

async function checkAll(): Promise<void> {
  // 1. The device, and the layouts that all kernels build on.
  const backend = await createCudaBackend(cuda);
  print(`${backend.device}, ${(backend.memoryBytes / 1e9).toFixed(1)} GB free; Node ${process.version}`);
  print(`lane layouts: ${await checkLaneLayouts(backend)} products of whole numbers are exact`);
  await backend.close();

  // 2. Every operation, and 200 steps. The tests take the real device; an emulated one they test anyway.
  if (options.library === undefined) runTests();

  // 3. compute-sanitizer on a small model.
  checkSanitized();

  // 4. APT3-1B.
  const measured = await measure(
    options.small ? smallShape() : { ...oneMicroBatch, config: presets["apt3-1b"] },
  );
  const name = options.small ? "a small model" : "APT3-1B, micro-batch 1 × 2048";
  print(
    `${name}: planned ${gigabytes(measured.plannedBytes)}, allocated ${gigabytes(measured.allocatedBytes)}`,
  );
  assert.equal(measured.allocatedBytes, measured.plannedBytes, "memory as planned");
  assert.ok(measured.lastLoss < measured.firstLoss, `loss ${measured.firstLoss} → ${measured.lastLoss}`);
  print(
    `${Math.round(measured.tokensPerSecond).toLocaleString("en")} tokens/s, ${measured.teraflops.toFixed(3)} TFLOP/s by 6 N + 12 L·d·T; update ${(1000 * measured.stepSeconds).toFixed(1)} ms`,
  );
}

const oneMicroBatch = {
  sequences: 1,
  sequenceLength: 2048,
  computeType: "bf16",
  recompute: "none",
  documentAttention: false,
} as const;

function smallShape(): TrainingShape {
  const config = {
    ...presets["apt3-1b"],
    layers: 1,
    dModel: 64,
    heads: 1,
    kvHeads: 1,
    dHidden: 96,
    vocabSize: 120,
  };
  return { ...oneMicroBatch, config, sequenceLength: 64 };
}

async function measure(shape: TrainingShape) {
  const backend = await createCudaBackend(cuda);
  try {
    return await measureThroughput(backend, shape, options.small ? 4 : 12);
  } finally {
    await backend.close();
  }
}

function runTests(): void {
  const files = ["test/model/backends.test.ts", "test/train/loss-curve.test.ts"];
  const words = ["--test", "--test-name-pattern", "^backend cuda$|^cuda in |^cuda: ", ...files];
  const { status } = spawnSync(process.execPath, words, { stdio: "inherit" });
  assert.equal(status, 0, "operations and curve on the card");
}

function checkSanitized(): void {
  if (spawnSync("compute-sanitizer", ["--version"]).status !== 0) {
    print("compute-sanitizer: not run, not installed");
    return;
  }
  const program = fileURLToPath(new URL("sanitized.ts", import.meta.url));
  for (const tool of ["memcheck", "racecheck", "synccheck", "initcheck"]) {
    const words = ["--tool", tool, "--error-exitcode", "1", process.execPath, program];
    const { status, stdout } = spawnSync("compute-sanitizer", words, { encoding: "utf8" });
    assert.equal(status, 0, `compute-sanitizer ${tool}: ${stdout.slice(-4000)}`);
    print(`compute-sanitizer ${tool}: no finding`);
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

if (missing !== undefined) print(`not measured: no CUDA device (${missing})`);
else await checkAll();
