import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type CudaOptions, createCudaBackend, cudaUnavailable } from "../../../model/backends/cuda.ts";
import { presets } from "../../../model/config.ts";
import type { TrainingShape } from "../../../model/training-state.ts";
import { formatTable } from "../../../pipeline/runtime/table.ts";
import { checkLaneLayouts } from "./layouts.ts";
import { NotRun } from "./not-run.ts";
import { checkSanitized, runKernelTests, runOperationsAndCurve } from "./programs.ts";
import { scratchFolder } from "./scratch-folder.ts";
import { measureThroughput, type Throughput } from "./throughput.ts";

/*
 * `npm run check:gpu`: everything that only a card can show, in the order in which a failure explains most: how a lane
 * sees its registers, every kernel, every operation against the reference, a curve of 200 steps against PyTorch's,
 * compute-sanitizer where it is installed, memory and speed of APT3-1B. A check that fails does not keep the others from
 * running; a table at the end says how each ended. `--skip TEXT`, as often as wanted, leaves out the checks with this text
 * in their names. With `--library`, `--cublaslt` and `--small` it runs on the emulated device, to test itself.
 */

const { values: options } = parseArgs({
  options: {
    library: { type: "string" },
    cublaslt: { type: "string" },
    small: { type: "boolean", default: false },
    skip: { type: "string", multiple: true, default: [] },
  },
});
// Choices between our products and cuBLASLt's are measured anew, to be shown.
const cacheFolder = scratchFolder();
const cuda: CudaOptions = {
  cacheFolder,
  ...(options.library === undefined ? {} : { library: options.library }),
  ...(options.cublaslt === undefined ? {} : { cublasLt: options.cublaslt }),
};
const print = (line: string) => process.stdout.write(`${line}\n`);
const rows: string[][] = [];

/** Runs one check; what it returns is what it found. */
async function check(name: string, body: () => string | Promise<string>): Promise<void> {
  if (options.skip.some((text) => name.includes(text))) return;
  print(`— ${name}`);
  const [result, found] = await Promise.try(body).then(
    (found) => ["ok", found] as const,
    (error: Error) => [error instanceof NotRun ? "not run" : "FAILED", error.message] as const,
  );
  if (result === "FAILED") process.exitCode = 1;
  print(`  ${result}: ${found}`);
  rows.push([name, result, found.split("\n")[0]!]);
}

async function checkAll(): Promise<void> {
  await check("device", async () => {
    const backend = await createCudaBackend(cuda);
    const found = `${backend.device}, ${(backend.memoryBytes / 1e9).toFixed(1)} GB free; Node ${process.version}`;
    await backend.close();
    return found;
  });
  await check("lane layouts of ldmatrix and mma", () => runKernelTests(options.library, "fragments"));
  await check("products of whole numbers", async () => {
    const backend = await createCudaBackend(cuda);
    const products = await checkLaneLayouts(backend);
    await backend.close();
    return `${products} are exact`;
  });
  await check("every kernel against plain loops", () =>
    runKernelTests(options.library, options.small ? "squared" : ""),
  );
  await check("operations against the reference, 200 steps against PyTorch's", () =>
    runOperationsAndCurve(options.library !== undefined),
  );
  for (const tool of ["memcheck", "racecheck", "synccheck", "initcheck"]) {
    await check(`compute-sanitizer ${tool}`, () => checkSanitized(tool, options.library));
  }
  await checkTraining();
}

async function checkTraining(): Promise<void> {
  const name = options.small ? "a small model" : "APT3-1B, micro-batch 1 × 2048";
  let measured: Throughput | undefined;
  await check(`${name}: memory as planned`, async () => {
    measured = await measure();
    const { plannedBytes, allocatedBytes } = measured;
    assert.equal(allocatedBytes, plannedBytes, `planned ${plannedBytes} bytes, allocated ${allocatedBytes}`);
    return `${(allocatedBytes / 1e9).toFixed(2)} GB planned and allocated`;
  });
  await check(`${name}: learns`, () => {
    const { firstLoss, lastLoss } = expectMeasured(measured);
    assert.ok(lastLoss < firstLoss, `loss ${firstLoss} → ${lastLoss}`);
    return `loss ${firstLoss.toFixed(3)} → ${lastLoss.toFixed(3)}`;
  });
  await check(`${name}: speed`, () => {
    const { tokensPerSecond, teraflops, stepSeconds } = expectMeasured(measured);
    const speed = `${Math.round(tokensPerSecond).toLocaleString("en")} tokens/s`;
    return `${speed}, ${teraflops.toFixed(3)} TFLOP/s by 6 N + 12 L·d·T; update ${(1000 * stepSeconds).toFixed(1)} ms`;
  });
  await check("products left to cuBLASLt where it is faster", showChoices);
}

function expectMeasured(measured: Throughput | undefined): Throughput {
  if (measured === undefined) throw new NotRun("training failed");
  return measured;
}

/** Prints the table of measured choices (see ProductChoices in model/native/cuda/host) and sums it up. */
function showChoices(): string {
  const lines = readdirSync(cacheFolder).flatMap((file) =>
    readFileSync(join(cacheFolder, file), "utf8").split("\n").filter(Boolean),
  );
  if (lines.length === 0) throw new NotRun("no cuBLASLt beside the driver: our kernels do everything");
  const choices = lines.map((line) => line.split(" ").slice(0, 4) as [string, string, string, string]);
  const head = ["product m×n×k", "taken", "ours, ms", "cuBLASLt with what follows, ms"];
  print(formatTable([head, ...choices]));
  return `${choices.filter(([, taken]) => taken === "cublaslt").length} of ${choices.length} shapes`;
}

async function measure(): Promise<Throughput> {
  const oneMicroBatch = {
    sequences: 1,
    sequenceLength: 2048,
    computeType: "bf16",
    recompute: "none",
    documentAttention: false,
  } as const;
  const apt3 = presets["apt3-1b"];
  const tiny = { ...apt3, layers: 1, dModel: 64, heads: 1, kvHeads: 1, dHidden: 96, vocabSize: 120 };
  const shape: TrainingShape = options.small
    ? { ...oneMicroBatch, config: tiny, sequenceLength: 64 }
    : { ...oneMicroBatch, config: apt3 };
  const backend = await createCudaBackend(cuda);
  try {
    return await measureThroughput(backend, shape, options.small ? 4 : 12);
  } finally {
    await backend.close();
  }
}

const missing = cudaUnavailable(cuda);
if (missing !== undefined) {
  print(`not measured: no CUDA device (${missing})`);
} else {
  await checkAll();
  print(`\n${formatTable([["check", "result", "found"], ...rows])}`);
}
