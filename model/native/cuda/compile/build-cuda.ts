/**
 * `npm run build:cuda`: compiles the CUDA kernels for every architecture into model/native/cuda/kernels.bin, which is
 * committed, so that users need no compiler, and writes what they take of registers to kernels.json. Fails when a
 * kernel spills registers beyond the budget below. With `--check` (`npm run check:cuda-build`) it compiles and compares
 * without writing; where no compiler is found that says so and succeeds.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Compiler, findCompiler } from "./compilers.ts";
import { type CompiledModule, hashSources, kernelSources, packKernels } from "./kernel-file.ts";
import { type KernelUse, parsePtxasReport } from "./ptxas-report.ts";

const architectures = [80, 86, 89, 90, 100, 120];

/** PTX for cards that come later: their drivers compile the oldest as well as any other. */
const ptxArchitecture = 80;

/**
 * Bytes a thread may spill, stores and loads together: none with CUDA 12.9, which kernels.bin is made with; 13.5 keeps three
 * registers of two matrix products elsewhere (sm_80 to 89, sm_90; 2026-11).
 */
const spillBudgetsOfCuda13: Readonly<Record<string, number>> = {
  apt3_gemm_tn_128x128: 12,
  apt3_gemm_swiglu: 12,
};

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(folder, "../build/cuda");

const { values: options } = parseArgs({
  options: {
    nvcc: { type: "string" },
    packages: { type: "string" },
    check: { type: "boolean", default: false },
  },
});

interface Compiled extends CompiledModule {
  readonly uses: readonly KernelUse[];
}

/** Compiles one source for one target, unless that has been done before. */
async function compile(compiler: Compiler, source: string, target: string): Promise<Compiled> {
  const number = target.slice(target.indexOf("_") + 1);
  const sources = hashSources([source, ...kernelSources([".cuh", ".h"])]);
  const key = createHash("sha256").update(`${sources} ${compiler.name} ${target}`);
  const path = join(cache, key.digest("hex").slice(0, 24));
  const ptx = `${path}.ptx`;
  const wantsPtx = target.startsWith("compute_");
  const output = wantsPtx ? ptx : `${path}.cubin`;
  const report = `${path}.txt`;
  if (!existsSync(output) || !(wantsPtx || existsSync(report))) {
    await compiler.toPtx(source, `compute_${number}`, `${ptx}.part`);
    renameSync(`${ptx}.part`, ptx);
    if (!wantsPtx) {
      const said = await compiler.toMachineCode(ptx, target, `${output}.part`);
      renameSync(`${output}.part`, output);
      writeFileSync(report, said);
    }
  }
  const uses = wantsPtx ? [] : parsePtxasReport(readFileSync(report, "utf8"));
  return { target, source: basename(source), content: readFileSync(output), uses };
}

async function compileAll(compiler: Compiler): Promise<Compiled[]> {
  const targets = [...architectures.map((number) => `sm_${number}`), `compute_${ptxArchitecture}`];
  const units = targets.flatMap((target) => kernelSources([".cu"]).map((source) => ({ source, target })));
  const compiled: Compiled[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < units.length; index = next++) {
      const { source, target } = units[index]!;
      compiled[index] = await compile(compiler, source, target);
      process.stderr.write(`${index + 1} of ${units.length}: ${basename(source)} for ${target}\n`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return compiled;
}

/** Registers a kernel takes on each architecture, in the order of `architectures`; spills as `registers+bytes`. */
function table(compiled: readonly Compiled[]): Record<string, string> {
  const rows: Record<string, string[]> = {};
  for (const { uses } of compiled) {
    for (const { kernel, registers, spillBytes } of uses) {
      rows[kernel] ??= [];
      rows[kernel].push(spillBytes === 0 ? `${registers}` : `${registers}+${spillBytes}`);
    }
  }
  return Object.fromEntries(Object.entries(rows).map(([kernel, cells]) => [kernel, cells.join(" ")]));
}

async function main(): Promise<void> {
  const compiler = await findCompiler(options);
  if ("reason" in compiler) {
    console.log(`CUDA kernels not compiled: ${compiler.reason}`);
    if (!options.check) process.exitCode = 1;
    return;
  }
  mkdirSync(cache, { recursive: true });
  const sources = hashSources();
  const compiled = await compileAll(compiler);
  const registers = table(compiled);
  console.log(`registers on ${architectures.map((number) => `sm_${number}`).join(" ")} (${compiler.name})`);
  for (const [kernel, cells] of Object.entries(registers)) console.log(`  ${kernel.padEnd(36)} ${cells}`);

  const budgets = compiler.cudaVersion < 13_000 ? {} : spillBudgetsOfCuda13;
  const spilling = compiled.flatMap(({ target, uses }) =>
    uses
      .filter(({ kernel, spillBytes }) => spillBytes > (budgets[kernel] ?? 0))
      .map(
        ({ kernel, spillBytes }) => `${kernel} on ${target}: ${spillBytes} of ${budgets[kernel] ?? 0} bytes`,
      ),
  );
  if (spilling.length > 0) {
    console.error(`spills beyond the budget, bytes a thread:\n  ${spilling.join("\n  ")}`);
    process.exitCode = 1;
    return;
  }
  if (options.check) {
    console.log(`${compiled.length} modules compiled, spills within the budget`);
    return;
  }
  const file = packKernels(compiled, { sources, cudaVersion: compiler.cudaVersion });
  writeFileSync(join(folder, "kernels.bin"), file);
  const facts = {
    sources,
    compiler: compiler.name,
    architectures: architectures.map((number) => `sm_${number}`),
    ptx: `compute_${ptxArchitecture}`,
    registers,
  };
  writeFileSync(join(folder, "kernels.json"), `${JSON.stringify(facts, null, 2)}\n`);
  console.log(`kernels.bin: ${(file.length / 1e6).toFixed(2)} MB`);
}

await main();
