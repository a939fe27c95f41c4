import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadCpuAddon } from "../../../model/backends/cpu/addon.ts";
import { chooseTarget, imagesOf, readKernelFile } from "../../../model/backends/cuda/kernel-images.ts";
import { buildEmulator, emulatorMissing } from "../emulator/build.ts";
import { NotRun } from "./not-run.ts";
import { scratchFolder } from "./scratch-folder.ts";

/** The checks of `npm run check:gpu` that are programs of their own. */

const outputLimit = 1 << 26;

/**
 * The kernels' own tests, which speak to the driver's interface whoever implements it, on the card and with the machine
 * code that is shipped.
 *
 * @param library the emulated driver, instead of the card's
 * @param suite part of the names of the suites to run; empty for all
 */
export async function runKernelTests(library: string | undefined, suite: string): Promise<string> {
  const missing = emulatorMissing();
  if (missing !== undefined) throw new NotRun(missing);
  const { tests } = await buildEmulator("fast");
  const modules = library === undefined ? shippedModules() : [];
  const words = [library ?? "libcuda.so.1", suite, ...modules];
  const { stdout, stderr, status } = spawnSync(tests, words, { encoding: "utf8", maxBuffer: outputLimit });
  const lines = stdout.trimEnd().split("\n");
  const passed = lines.filter((line) => line.startsWith("ok ")).length;
  const others = lines.filter((line) => /^(FAIL|STOP)/.test(line));
  assert.equal(
    status,
    0,
    `${others.length} of ${passed + others.length} cases: ${others.join("\n")}${stderr}`,
  );
  assert.ok(passed > 0, `no suite is called ${suite}`);
  return `${passed} cases`;
}

/** The machine code for the first card, as files. */
function shippedModules(): string[] {
  const [found, file] = [loadCpuAddon(), readKernelFile()];
  if (!("addon" in found) || file === undefined) throw new NotRun("no compiled addon or kernels");
  const [card] = found.addon.cuda.probe("libcuda.so.1").devices;
  const target = card === undefined ? undefined : chooseTarget(file.header, card);
  if (target === undefined) throw new NotRun("no kernels for this card");
  const folder = scratchFolder();
  return imagesOf(file, target).map((image, index) => {
    const path = join(folder, `${index}.bin`);
    writeFileSync(path, image);
    return path;
  });
}

/**
 * The test files that compare operations with the reference and training with PyTorch's curve.
 *
 * @param emulated only a sample of the operations on the emulated device, which `npm test` covers
 */
export function runOperationsAndCurve(emulated: boolean): string {
  const pattern = emulated
    ? "^backend cuda on the emulated device copy"
    : "^backend cuda |^a curve of 200 steps on real rows overlays PyTorch's cuda ";
  const files = ["test/model/backends.test.ts", "test/train/loss-curve.test.ts"];
  const words = ["--test", "--test-reporter", "tap", "--test-name-pattern", pattern, ...files];
  const { status, stdout } = spawnSync(process.execPath, words, {
    encoding: "utf8",
    maxBuffer: outputLimit,
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
  });
  const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1] ?? 0);
  const failed = stdout.match(/^\s*not ok .*$/gm) ?? [];
  assert.equal(status, 0, `${failed.length} failed: ${failed.join("\n")}\n${stdout.slice(-8000)}`);
  assert.ok(passed > 0, "no test has such a name");
  return `${passed} tests`;
}

/**
 * Every operation on small operands under one of compute-sanitizer's tools. Errors that the driver returns are not its
 * business: the backend asks one module after the other for a kernel.
 */
export function checkSanitized(tool: string, library: string | undefined): string {
  if (spawnSync("compute-sanitizer", ["--version"]).status !== 0) throw new NotRun("not installed");
  const program = fileURLToPath(new URL("sanitized.ts", import.meta.url));
  const settings = ["--error-exitcode", "1", "--report-api-errors", "no"];
  const words = ["--tool", tool, ...settings, process.execPath, program];
  if (library !== undefined) words.push(library);
  const { status, stdout } = spawnSync("compute-sanitizer", words, {
    encoding: "utf8",
    maxBuffer: outputLimit,
  });
  assert.equal(status, 0, `${tool} reports:\n${stdout.slice(-4000)}`);
  return "no finding";
}
