import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { buildEmulator, emulatorMissing } from "./emulator/build.ts";

/*
 * Every CUDA kernel on the CPU harness at small odd shapes, against loops in float64 (emulator/kernels). This proves
 * indexing, masking and numerics; that hardware does the same is for a card to show.
 */

const missing = emulatorMissing();

describe("CUDA kernels on the CPU harness", { skip: missing ?? false }, () => {
  it("give the results of plain loops, forward and backward", async () => {
    const { library, tests } = await buildEmulator("fast");
    const { stdout, stderr, status } = spawnSync(tests, [library], { encoding: "utf8" });
    const lines = stdout.trimEnd().split("\n");
    const failed = lines.filter((line) => line.startsWith("FAIL") || line.startsWith("STOP"));
    assert.deepEqual(failed, [], stderr);
    assert.equal(status, 0, stderr);
    assert.ok(lines.filter((line) => line.startsWith("ok ")).length > 300, "cases ran");
  });
});
