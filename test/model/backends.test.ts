import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Backend, ComputeType } from "../../model/backend.ts";
import { createReferenceBackend } from "../../model/backends/reference.ts";
import { backendNames, openBackend, probeBackends } from "../../model/backends/registry.ts";
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

/** Every operation on every backend there is, against the reference; what cannot run here is skipped by name. */
for (const name of backendNames) {
  const probed = probeBackends()[name];
  describe(`backend ${name}`, { skip: probed.available ? false : probed.reason }, () => {
    for (const operation of operationCases) {
      it(operation.name, async () => {
        const backend = await openBackend(name);
        const reference = createReferenceBackend();
        for (const compute of backend.computeTypes) {
          const found = await results(backend, operation, compute);
          assert.deepEqual(
            await results(backend, operation, compute),
            found,
            "the same calls give the same bits",
          );
          const wanted = await results(reference, operation, "f32", compute === "bf16");
          for (const [index, expected] of wanted.entries()) {
            assertClose(found[index]!, expected, tolerances[compute], `${compute}, result ${index}`);
          }
        }
        await backend.close();
        await reference.close();
      });
    }
  });
}

function assertClose(actual: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  for (const [i, value] of expected.entries()) {
    assert.ok(Number.isFinite(actual[i]), `${what}: element ${i} is ${actual[i]}`);
    const error = Math.abs(actual[i]! - value);
    assert.ok(error <= tolerance * scale, `${what}: element ${i} is ${actual[i]}, expected ${value}`);
  }
}

describe("the choice of a backend", () => {
  it("takes the best available one on auto", async () => {
    const best = backendNames.find((name) => probeBackends()[name].available);
    assert.equal((await openBackend("auto")).name, best);
  });

  it("says why a backend cannot run and which can", async (context) => {
    const missing = backendNames.find((name) => !probeBackends()[name].available);
    if (missing === undefined) return context.skip("every backend is available here");
    await assert.rejects(openBackend(missing), {
      name: "ModelInputError",
      message: new RegExp(`--backend ${missing}: unavailable \\(.+\\); available here: .*reference`),
    });
  });
});
