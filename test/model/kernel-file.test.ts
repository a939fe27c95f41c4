import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import {
  chooseTarget,
  imagesOf,
  type KernelHeader,
  parseKernelFile,
  readKernelFile,
} from "../../model/backends/cuda/kernel-images.ts";
import { hashSources, packKernels } from "../../model/native/cuda/compile/kernel-file.ts";
import { parsePtxasReport } from "../../model/native/cuda/compile/ptxas-report.ts";

describe("the compiled kernels", () => {
  const shipped = readKernelFile();

  it("were made from the sources as they are", async () => {
    const text = await readFile(new URL("../../model/native/cuda/kernels.json", import.meta.url), "utf8");
    const remedy = "run npm run build:cuda and commit kernels.bin and kernels.json";
    assert.equal(shipped?.header.sources, hashSources(), remedy);
    assert.equal((JSON.parse(text) as { sources: string }).sources, hashSources(), remedy);
  });

  it("are there for every architecture, as ELF, and as PTX that ends with a zero byte", () => {
    assert.ok(shipped !== undefined);
    const targets = new Set(shipped.header.images.map(({ target }) => target));
    assert.deepEqual([...targets].sort(), [
      "compute_80",
      "sm_100",
      "sm_120",
      "sm_80",
      "sm_86",
      "sm_89",
      "sm_90",
    ]);
    const modules = imagesOf(shipped, "sm_89");
    assert.equal(modules.length, imagesOf(shipped, "compute_80").length);
    for (const module of modules) assert.equal(Buffer.from(module.subarray(1, 4)).toString(), "ELF");
    for (const module of imagesOf(shipped, "compute_80")) {
      const text = Buffer.from(module).toString("latin1");
      for (const part of [/\.version \d/, /\.target sm_80/, /\.entry apt3_/]) assert.match(text, part);
      assert.ok(text.endsWith("\0"));
    }
  });

  it("are chosen by the device's capability", () => {
    assert.ok(shipped !== undefined);
    const cases: [capability: number, target: string | undefined][] = [
      [75, undefined],
      [80, "sm_80"],
      [86, "sm_86"],
      [87, "sm_86"],
      [89, "sm_89"],
      [90, "sm_90"],
      [100, "sm_100"],
      [103, "sm_100"],
      [110, "compute_80"],
      [121, "sm_120"],
    ];
    for (const [capability, target] of cases) {
      const device = { capabilityMajor: Math.floor(capability / 10), capabilityMinor: capability % 10 };
      assert.equal(chooseTarget(shipped.header, device), target, String(capability));
    }
  });

  it("come out of the file as they went in", () => {
    const content = [Buffer.from("one".repeat(999)), Buffer.from([0, 255, 7])];
    const facts: Pick<KernelHeader, "sources" | "cudaVersion"> = { sources: "hash", cudaVersion: 12_090 };
    const modules = content.map((bytes, i) => ({ target: "sm_80", source: `${i}.cu`, content: bytes }));
    const file = parseKernelFile(packKernels(modules, facts));
    assert.deepEqual(imagesOf(file, "sm_80").map(Buffer.from), content);
    assert.equal(file.header.cudaVersion, 12_090);
  });
});

describe("ptxas's report", () => {
  it("gives registers and spills of every kernel", () => {
    const text = [
      "ptxas info    : 0 bytes gmem",
      "ptxas info    : Compiling entry function 'apt3_one' for 'sm_89'",
      "ptxas info    : Function properties for apt3_one",
      "    16 bytes stack frame, 12 bytes spill stores, 20 bytes spill loads",
      "ptxas info    : Used 255 registers, used 1 barriers, 48 bytes smem",
      "ptxas info    : Compiling entry function 'apt3_two' for 'sm_89'",
      "ptxas info    : Function properties for apt3_two",
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads",
      "ptxas info    : Used 40 registers",
    ].join("\n");
    assert.deepEqual(parsePtxasReport(text), [
      { kernel: "apt3_one", registers: 255, spillBytes: 32 },
      { kernel: "apt3_two", registers: 40, spillBytes: 0 },
    ]);
  });
});
