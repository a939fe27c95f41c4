import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** What compiles CUDA sources: a front end that makes PTX, and ptxas, which makes machine code of it. */
export interface Compiler {
  /** Names and versions. */
  readonly name: string;
  /** As drivers give theirs: 12090 for 12.9. */
  readonly cudaVersion: number;
  /** Compiles a source to PTX for an architecture such as `compute_89`. */
  toPtx(source: string, architecture: string, output: string): Promise<void>;
  /** Compiles PTX to machine code for a target such as `sm_89`; returns what ptxas says about its kernels. */
  toMachineCode(ptx: string, target: string, output: string): Promise<string>;
}

export interface CompilerOptions {
  /** nvcc, instead of the one found. */
  readonly nvcc?: string | undefined;
  /** The folder `nvidia` of a Python environment with nvidia-cuda-nvrtc-cu12 and nvidia-cuda-nvcc-cu12. */
  readonly packages?: string | undefined;
}

const here = dirname(fileURLToPath(import.meta.url));
const kernels = dirname(here);

/** The compiler to use, or why there is none. */
export async function findCompiler(options: CompilerOptions): Promise<Compiler | { reason: string }> {
  if (options.packages !== undefined) return nvrtcCompiler(options.packages);
  const home = process.env.CUDA_HOME ?? process.env.CUDA_PATH ?? "/usr/local/cuda";
  const candidates = options.nvcc === undefined ? ["nvcc", join(home, "bin/nvcc")] : [options.nvcc];
  const nvcc = candidates.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (nvcc !== undefined) return nvccCompiler(nvcc);
  return {
    reason: `no nvcc (looked for ${candidates.join(", ")}); give --nvcc FILE, or --packages FOLDER with NVRTC and ptxas from PyPI`,
  };
}

function nvccCompiler(nvcc: string): Compiler {
  const beside = nvcc.includes("/") ? join(dirname(nvcc), "ptxas") : "ptxas";
  return withPtxas(`nvcc ${versionOf(nvcc)}`, beside, (source, architecture, output) =>
    run(nvcc, ["-ptx", "-O3", "-std=c++17", `-arch=${architecture}`, source, "-o", output]),
  );
}

async function nvrtcCompiler(packages: string): Promise<Compiler | { reason: string }> {
  const ptxas = join(packages, "cuda_nvcc/bin/ptxas");
  const folder = join(packages, "cuda_nvrtc/lib");
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const library = names.find((name) => /^libnvrtc\.so\.\d+$/.test(name));
  if (library === undefined || !existsSync(ptxas)) {
    return { reason: `${packages}: holds no cuda_nvrtc/lib/libnvrtc.so and cuda_nvcc/bin/ptxas` };
  }
  const program = join(kernels, "../build/nvrtc");
  await run("c++", ["-std=c++17", "-O1", join(here, "nvrtc.cpp"), "-o", program]);
  return withPtxas("NVRTC", ptxas, (source, architecture, output) => {
    const flags = [`--gpu-architecture=${architecture}`, "--std=c++17", "-default-device", `-I${kernels}`];
    return run(program, [join(folder, library), source, output, ...flags]);
  });
}

function withPtxas(
  front: string,
  ptxas: string,
  toPtx: (...words: [string, string, string]) => Promise<string>,
) {
  const version = versionOf(ptxas);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return {
    name: front.includes(" ") ? `${front}, ptxas ${version}` : `${front} and ptxas ${version}`,
    cudaVersion: 1000 * major + 10 * minor,
    async toPtx(source: string, architecture: string, output: string) {
      await toPtx(source, architecture, output);
    },
    toMachineCode: (ptx: string, target: string, output: string) =>
      run(ptxas, ["-v", "-O3", `-arch=${target}`, ptx, "-o", output]),
  };
}

function versionOf(program: string): string {
  const said = spawnSync(program, ["--version"], { encoding: "utf8" }).stdout ?? "";
  return /release (\d+\.\d+)/.exec(said)?.[1] ?? "0.0";
}

/** Runs a program; what it says is returned, and is the error if it fails. */
function run(program: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (said += text));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(said);
      else reject(new Error(`${program} ended with ${code}: ${said.trim()}`));
    });
  });
}
