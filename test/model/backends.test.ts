import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Backend, ComputeType } from "../../model/backend.ts";
import { cpuInstructionSets, createCpuBackend } from "../../model/backends/cpu.ts";
import { createReferenceBackend } from "../../model/backends/reference.ts";
import { openBackend, probeBackends } from "../../model/backends/registry.ts";
import { installedDevices, tensorflowDevices } from "../../model/backends/tensorflow/devices.ts";
import { createTensorflowBackend } from "../../model/backends/tensorflow.ts";
import { emulatedCard } from "./emulator/card.ts";
import { createInputs, type OperationCase, operationCases } from "./operations.ts";

/** Largest error of a float32 or bf16 result, relative to the largest value of the result. */
const tolerances: Readonly<Record<ComputeType, number>> = { f32: 2e-6, bf16: 1e-2 };

async function results(
  backend: Backend,
  { name, run }: OperationCase,
  compute: ComputeType,
  rounded = compute === "bf16",
): Promise<Float32Array[]> {
  const written = run(backend, createInputs(backend, name, compute, rounded));
  return Promise.all(written.map((buffer) => backend.read(buffer)));
}

const expectedResults = new Map<string, Promise<Float32Array[]>>();

/** What the reference makes of an operation's inputs, worked out once for all backends. */
function expected(operation: OperationCase, rounded: boolean): Promise<Float32Array[]> {
  const key = `${operation.name}, ${rounded}`;
  const known = expectedResults.get(key) ?? results(createReferenceBackend(), operation, "f32", rounded);
  expectedResults.set(key, known);
  return known;
}

interface Candidate {
  readonly name: string;
  /** Why it cannot run here. */
  readonly missing: string | undefined;
  /** Names of the operations that are run; all without it. */
  readonly only?: RegExp;
  open(): Promise<Backend>;
}

async function candidates(): Promise<Candidate[]> {
  const probed = [...(await probeBackends())].filter(([name]) => name !== "tensorflow");
  const byName = probed.map(([name, found]) => ({
    name,
    missing: found.available ? undefined : found.reason,
    open: () => openBackend(name),
  }));
  const runnable = cpuInstructionSets();
  const byInstructionSet = ["plain", "avx2", "avx512", "avx512bf16"].map((instructionSet) => ({
    name: `cpu, instruction set ${instructionSet}`,
    missing: runnable.includes(instructionSet) ? undefined : "not built, or not in this processor",
    open: async () => createCpuBackend({ instructionSet, threads: 3 }),
  }));
  const card = await emulatedCard();
  const emulated = {
    name: "cuda on the emulated device",
    missing: card.missing,
    // A warp takes a row of attention in pieces of 32 keys, which the shorter sequences show at a tenth of the time.
    only: /^(?!attention 2×301)/,
    open: () => card.open(),
  };
  const installed = installedDevices();
  const byTensorflowDevice = tensorflowDevices.map((device) => ({
    name: `tensorflow on ${device}`,
    missing: installed.includes(device) ? undefined : "not installed",
    open: () => createTensorflowBackend({ device }),
  }));
  const inBlocks = [
    { only: /attention/i, blockBytes: 40_000 },
    { only: /crossEntropy/, blockBytes: 300 },
  ].map(({ only, blockBytes }) => ({
    name: `tensorflow on wasm, in blocks of ${blockBytes} bytes`,
    missing: installed.includes("wasm") ? undefined : "not installed",
    only,
    open: () => createTensorflowBackend({ device: "wasm", blockBytes }),
  }));
  return [...byName, ...byInstructionSet, emulated, ...byTensorflowDevice, ...inBlocks];
}

/** Every operation on every backend there is, against the reference; what cannot run here is skipped by name. */
for (const { name, missing, only, open } of await candidates()) {
  describe(`backend ${name}`, { skip: missing ?? false }, () => {
    for (const operation of operationCases.filter((operation) => only?.test(operation.name) ?? true)) {
      it(operation.name, async () => {
        const backend = await open();
        try {
          for (const compute of backend.computeTypes) {
            const found = await results(backend, operation, compute);
            assert.deepEqual(
              await results(backend, operation, compute),
              found,
              "the same calls give the same bits",
            );
            const wanted = await expected(operation, compute === "bf16");
            for (const [index, values] of wanted.entries()) {
              assertClose(found[index]!, values, tolerances[compute], `${compute}, result ${index}`);
            }
          }
        } finally {
          await backend.close();
        }
      });
    }
  });
}

function assertClose(actual: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  for (const [i, value] of expected.entries()) {
    const isClose = Number.isFinite(actual[i]) && Math.abs(actual[i]! - value) <= tolerance * scale;
    if (!isClose) assert.fail(`${what}: element ${i} is ${actual[i]}, expected ${value}`);
  }
}

describe("the choice of a backend", () => {
  it("takes the best available one on auto", async () => {
    const [best] = [...(await probeBackends())].find(([, found]) => found.available && found.automatic) ?? [];
    assert.equal((await openBackend("auto")).name, best);
  });

  it("says why a backend cannot run and which can", async (context) => {
    const [missing] = [...(await probeBackends())].find(([, found]) => !found.available) ?? [];
    if (missing === undefined) return context.skip("every backend is available here");
    await assert.rejects(openBackend(missing), {
      name: "ModelInputError",
      message: new RegExp(`--backend ${missing}: unavailable \\(.+\\); available here: .*reference`),
    });
  });
});
