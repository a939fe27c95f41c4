import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { buildEmulator, buildPlantedBugs, type Emulator, emulatorMissing } from "./build.ts";

/*
 * `npm run check:kernels`: the tests of every CUDA kernel again on the checked CPU harness, which sees every access to
 * memory; and before that the harness's own test, kernels with planted bugs that it must find.
 */

/** What the harness must say of each kernel in emulator/planted/planted.cu. */
const plantedBugs: Readonly<Record<string, RegExp>> = {
  none: /right result, 0 bank conflicts/,
  missingBarrier: /race: reads what another thread writes/,
  prefetchBeforeBarrier: /race: writes what another (warp|lane) reads/,
  waitsForTooFew: /reads the target of a copy that is not waited for/,
  doesNotWait: /reads the target of a copy that is not waited for/,
  forgetsCommit: /reads the target of a copy that is not waited for/,
  rowsTooFar: /outside every allocation/,
  sharedTooFar: /behind the block's shared memory/,
  readsUnwritten: /reads what nobody wrote/,
  divergentMatrices: /divergence/,
  laneReturnsEarly: /divergence/,
  warpSkipsBarrier: /race: reads what another thread writes/,
  warpWaitsAlone: /deadlock/,
  lostSwizzle: /right result, [1-9][0-9]* bank conflicts/,
  misalignedChunk: /misaligned/,
  missingWarpBarrier: /race: reads what another thread writes/,
  overwritesWhileRead: /race: writes what another (warp|lane) reads/,
  blocksWriteTheSame: /race: writes what another block writes/,
  blockReadsAnother: /race: reads what another block writes/,
};

function checkPlantedBugs({ library, tests }: Emulator): void {
  for (const [bug, found] of Object.entries(plantedBugs)) {
    const { stdout, stderr } = spawnSync(tests, [library, bug], { encoding: "utf8" });
    assert.match(stdout + stderr, found, `planted bug ${bug}`);
    process.stdout.write(`planted ${bug}: ${(stdout + stderr).trim()}\n`);
  }
}

/** Share of a kernel's turns at shared memory that bank conflicts may add: what differing branches of lanes look like. */
const conflictTolerance = 1e-4;

function checkKernels({ library, tests }: Emulator): void {
  const { stdout, stderr, status } = spawnSync(tests, [library], { encoding: "utf8", maxBuffer: 1 << 26 });
  const lines = stdout.trimEnd().split("\n");
  assert.equal(status, 0, lines.filter((line) => !line.startsWith("ok ")).join("\n") + stderr);
  const banks = lines.filter((line) => line.startsWith("banks ")).map((line) => line.split(" "));
  for (const [, kernel, conflicts, turns] of banks) {
    const share = Number(conflicts) / Math.max(1, Number(turns));
    assert.ok(share <= conflictTolerance, `${kernel}: ${conflicts} bank conflicts in ${turns} turns`);
  }
  const cases = lines.filter((line) => line.startsWith("ok ")).length;
  process.stdout.write(`${cases} cases of ${banks.length} kernels: no finding, no bank conflicts\n`);
}

const missing = emulatorMissing();
if (missing !== undefined) {
  process.stdout.write(`skipped: ${missing}\n`);
} else {
  checkPlantedBugs(await buildPlantedBugs());
  checkKernels(await buildEmulator("checked"));
}
