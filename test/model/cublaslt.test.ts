import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { DeviceBuffer, Transposition } from "../../model/backend.ts";
import { cpuUnavailable } from "../../model/backends/cpu.ts";
import { type CudaBackend, createCudaBackend } from "../../model/backends/cuda.ts";
import { temporaryFolder } from "../support/folders.ts";
import { buildEmulator, emulatorMissing } from "./emulator/build.ts";
import { createInputs } from "./operations.ts";

/*
 * The path to cuBLASLt, with a stand-in for the library that computes by plain loops: descriptors, layouts and the file
 * of measured choices. Whether NVIDIA's library is faster is for a card to show.
 */

const missing = cpuUnavailable() ?? emulatorMissing();
const cacheFolder = temporaryFolder();
const library = missing === undefined ? (await buildEmulator("fast")).library : "";
const cublasLt = join(cacheFolder, "libfake-cublaslt.so");
const choices = join(cacheFolder, "products-CPU-harness-driver-12090-cublaslt-999.txt");
if (missing === undefined) {
  const source = fileURLToPath(new URL("gpu/fake_cublaslt.cpp", import.meta.url));
  const built = spawnSync("g++", ["-std=c++20", "-O1", "-shared", "-fPIC", source, "-o", cublasLt]);
  assert.equal(built.status, 0, String(built.stderr));
  process.env.APT3_FAKE_CUBLASLT_DRIVER = library;
}

const [m, n, k] = [13, 10, 21];

/** The three products, each into bf16 or f32, alone, added to itself, and added to another matrix. */
async function products(backend: CudaBackend): Promise<Float32Array[]> {
  const inputs = createInputs(backend, "cublasLt", "bf16");
  const results: DeviceBuffer[] = [];
  const add = (transposition: Transposition, out: DeviceBuffer, plus?: DeviceBuffer) => {
    const a = transposition === "tn" ? inputs.values(k, m) : inputs.values(m, k);
    const b = transposition === "nt" ? inputs.values(n, k) : inputs.values(k, n);
    backend.matmul({ a, b, out, transposition, ...(plus === undefined ? {} : { plus }) });
    results.push(out);
  };
  for (const transposition of ["nt", "nn", "tn"] as const) {
    add(transposition, inputs.zeros(m, n));
    add(transposition, inputs.zeros(m, n), inputs.values(m, n));
    const gradient = inputs.floats(m, n);
    add(transposition, gradient, gradient);
  }
  return Promise.all(results.map((buffer) => backend.read(buffer)));
}

async function computed(fast: string): Promise<Float32Array[]> {
  const options = { library, kernels: [new Uint8Array(1)], cublasLt: fast, cacheFolder };
  const backend = await createCudaBackend(options);
  const results = await products(backend);
  await backend.close();
  return results;
}

describe("products by cuBLASLt", { skip: missing ?? false }, () => {
  it("are chosen once for each shape and way of adding, and remembered", async () => {
    const own = await computed("none");
    assert.deepEqual(
      await computed(cublasLt),
      own,
      "the emulated clock stands still: nothing is faster than ours",
    );
    const lines = readFileSync(choices, "utf8").split("\n").filter(Boolean);
    assert.equal(lines.length, 9);
    assert.ok(lines.includes("ntx13x10x21-bf16 own"));
    assert.ok(lines.includes("tnx13x10x21-f32-plus own"));
    await computed(cublasLt);
    assert.equal(readFileSync(choices, "utf8").split("\n").filter(Boolean).length, 9);
  });

  it("equal ours in every layout", async () => {
    const own = await computed("none");
    const text = readFileSync(choices, "utf8");
    writeFileSync(choices, text.replace(/ own/g, " cublaslt 7 1 0 0 0 0 0 0"));
    const theirs = await computed(cublasLt);
    for (const [index, values] of own.entries()) {
      for (const [i, value] of values.entries()) {
        const difference = Math.abs(theirs[index]![i]! - value);
        assert.ok(difference <= 0.01 * Math.max(1, Math.abs(value)), `product ${index}, element ${i}`);
      }
    }
    // The stand-in sums in float64: bits that differ prove that it was asked.
    assert.notDeepEqual(theirs, own);
  });

  it("fall back to ours where the library refuses a remembered algorithm or is missing", async () => {
    const own = await computed("none");
    const text = readFileSync(choices, "utf8");
    writeFileSync(choices, `${text.replace(/ 7 1 0/g, " 8 1 0")}\nntx13x10x21-bf16 cublaslt 7 1`);
    assert.deepEqual(await computed(cublasLt), own);
    assert.deepEqual(await computed(join(cacheFolder, "no-such-library.so")), own);
  });
});
