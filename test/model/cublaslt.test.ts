import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { DeviceBuffer } from "../../model/backend.ts";
import type { CudaBackend } from "../../model/backends/cuda.ts";
import { temporaryFolder } from "../support/folders.ts";
import { emulatedCard } from "./emulator/card.ts";
import { buildFakeCublasLt } from "./gpu/fake-cublaslt.ts";
import { createInputs } from "./operations.ts";

/*
 * The path to cuBLASLt, with a stand-in for the library that computes by plain loops: descriptors, layouts and the file
 * of measured choices. Whether NVIDIA's library is faster is for a card to show.
 */

const { missing, library, open } = await emulatedCard();
const cacheFolder = temporaryFolder();
const choices = join(cacheFolder, "products-CPU-harness-driver-12090-cublaslt-999.txt");
const cublasLt = missing === undefined ? buildFakeCublasLt(cacheFolder, library) : "";

/** The three products, each into bf16 or f32, alone, added to itself, and added to another matrix. */
function plainProducts(backend: CudaBackend, m: number, n: number, k: number): DeviceBuffer[] {
  const inputs = createInputs(backend, "cublasLt", "bf16");
  return (["nt", "nn", "tn"] as const).flatMap((transposition) => {
    const a = transposition === "tn" ? inputs.values(k, m) : inputs.values(m, k);
    const b = transposition === "nt" ? inputs.values(n, k) : inputs.values(k, n);
    const [alone, sum, gradient] = [inputs.zeros(m, n), inputs.zeros(m, n), inputs.floats(m, n)];
    backend.matmul({ a, b, out: alone, transposition });
    backend.matmul({ a, b, out: sum, transposition, plus: inputs.values(m, n) });
    backend.matmul({ a, b, out: gradient, transposition, plus: gradient });
    return [alone, sum, gradient];
  });
}

/** The MLP's way in and back, in place as training does it. */
function fusedProducts(backend: CudaBackend): DeviceBuffer[] {
  const [rows, features, width] = [13, 18, 24];
  const inputs = createInputs(backend, "cublasLt, fused", "bf16");
  const [x, gateUp, out] = [
    inputs.values(rows, width),
    inputs.zeros(rows, 2 * features),
    inputs.zeros(rows, features),
  ];
  backend.matmulSwiglu({ x, weight: inputs.values(2 * features, width), gateUp, out });
  const dGateUp = inputs.zeros(rows, 2 * features);
  backend.copy({ from: gateUp, fromRow: 0, to: dGateUp, toRow: 0, rows });
  const [dOut, weight] = [inputs.values(rows, width), inputs.values(width, features)];
  backend.matmulSwigluBackward({
    dOut,
    weight,
    gateUp: dGateUp,
    dHidden: inputs.zeros(rows, features),
    dGateUp,
  });
  return [gateUp, out, dGateUp];
}

async function products(backend: CudaBackend): Promise<Float32Array[]> {
  const results = [
    ...plainProducts(backend, 13, 10, 21),
    // Long sides, which lie padded in memory: as rows, as columns, and as the inner side.
    ...plainProducts(backend, 1030, 9, 5),
    ...plainProducts(backend, 9, 1030, 5),
    ...plainProducts(backend, 9, 5, 1030),
    ...fusedProducts(backend),
  ];
  return Promise.all(results.map((buffer) => backend.read(buffer)));
}

async function computed(fast: string): Promise<Float32Array[]> {
  const backend = await open({ cublasLt: fast, cacheFolder });
  const results = await products(backend);
  await backend.close();
  return results;
}

const table = () => readFileSync(choices, "utf8").split("\n").filter(Boolean);

function assertNear(theirs: readonly Float32Array[], own: readonly Float32Array[]): void {
  for (const [index, values] of own.entries()) {
    for (const [i, value] of values.entries()) {
      const difference = Math.abs(theirs[index]![i]! - value);
      assert.ok(difference <= 0.01 * Math.max(1, Math.abs(value)), `product ${index}, element ${i}`);
    }
  }
}

describe("products by cuBLASLt", { skip: missing ?? false }, () => {
  it("are chosen once for each shape and way of adding where they are faster, and remembered", async () => {
    const own = await computed("none");
    // The emulated clock counts launches: the stand-in needs none, so it wins where no second kernel must follow.
    const theirs = await computed(cublasLt);
    assertNear(theirs, own);
    // The stand-in sums in float64: bits that differ prove that it was asked.
    assert.notDeepEqual(theirs, own);
    const measured = table();
    assert.equal(measured.length, 4 * 9 + 2);
    assert.ok(measured.includes("nt-13x10x21-bf16 cublaslt 1 0 7 0 0 0 0 0 0 0"), measured.join("\n"));
    assert.ok(measured.includes("tn-13x10x21-f32-plus cublaslt 1 0 7 0 0 0 0 0 0 0"));
    assert.ok(measured.includes("swiglu-13x36x24-bf16 own 1 1"));
    assert.ok(measured.includes("swiglu-backward-13x18x24-bf16 own 1 1"));
    await computed(cublasLt);
    assert.deepEqual(table(), measured);
  });

  it("also serve the MLP's fused products, with SwiGLU's own kernel behind them", async () => {
    const own = (await computed("none")).slice(-3);
    const text = readFileSync(choices, "utf8");
    writeFileSync(choices, text.replace(/^(swiglu.*) own 1 1$/gm, "$1 cublaslt 1 0 7 0 0 0 0 0 0 0"));
    const log = join(cacheFolder, "calls.txt");
    process.env.APT3_EMULATOR_CALLS = log;
    const theirs = (await computed(cublasLt)).slice(-3);
    delete process.env.APT3_EMULATOR_CALLS;
    assertNear(theirs, own);
    const launched = readFileSync(log, "utf8").match(/apt3_\w*swiglu\w*/g);
    assert.deepEqual(launched, ["apt3_swiglu_bf16", "apt3_swiglu_backward_bf16"]);
  });

  it("are left to ours where the library refuses a remembered algorithm or is missing", async () => {
    const own = await computed("none");
    const text = readFileSync(choices, "utf8");
    writeFileSync(choices, `${text.replace(/ 7 0 0/g, " 8 0 0")}\nnt-13x10x21-bf16 cublaslt 1 0 7 1`);
    assert.deepEqual(await computed(cublasLt), own);
    assert.deepEqual(await computed(join(cacheFolder, "no-such-library.so")), own);
  });
});
