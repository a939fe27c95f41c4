import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { z } from "zod";
import { type CudaOptions, createCudaBackend, cudaUnavailable } from "../../model/backends/cuda.ts";
import { type ModelConfig, presets } from "../../model/config.ts";
import { planMemory } from "../../model/memory-plan.ts";
import { trainingFlopsPerToken } from "../../model/parameters.ts";
import type { TrainingShape } from "../../model/training-state.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { findCard } from "../../train/plan/cards.ts";
import { measureThroughput } from "../model/gpu/throughput.ts";

const optionsSchema = z.strictObject({
  python: z.string().optional(),
  rounds: z.coerce.number().int().min(3),
  microBatches: z.string().transform((text) => text.split(",").map(Number)),
  library: z.string().optional(),
  small: z.boolean(),
});

type Options = z.infer<typeof optionsSchema>;

/**
 * `npm run bench -- gpu --python PATH`: training of APT3-1B on the GPU at hand, by us and by PyTorch (compiled, flash
 * attention, bf16), one after the other in the same run, at the micro-batch of a 24 GB card and at larger ones. Writes
 * the table to test/bench/gpu-DATE-CARD.md. With `--library` and `--small` it tries itself on the emulated device, and
 * PyTorch on processors: those figures say nothing, and are not written.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      python: { type: "string" },
      rounds: { type: "string", default: "12" },
      microBatches: { type: "string", default: "1,2,4" },
      library: { type: "string" },
      small: { type: "boolean", default: false },
    },
  });
  const options = optionsSchema.parse(values);
  const cuda: CudaOptions = options.library === undefined ? {} : { library: options.library };
  const missing = cudaUnavailable(cuda);
  if (missing !== undefined) {
    print(`not measured: no CUDA device (${missing})`);
    return;
  }
  const { device, text } = await compare(options, cuda);
  print(text);
  if (options.small) return;
  const card = device.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const path = fileURLToPath(new URL(`gpu-${today()}-${card}.md`, import.meta.url));
  writeFileSync(path, `\`\`\`\n${text}\n\`\`\`\n`);
  print(`\nwritten to ${path}`);
}

const print = (line: string) => process.stdout.write(`${line}\n`);
const today = () => new Date().toISOString().slice(0, 10);

/** What is trained: the model of the run, or one that the emulated device gets through in a moment. */
function jobOf({ small }: Options): { config: ModelConfig; sequenceLength: number } {
  const apt3 = presets["apt3-1b"];
  if (!small) return { config: apt3, sequenceLength: 2048 };
  const tiny = { layers: 1, dModel: 64, heads: 1, kvHeads: 1, dHidden: 96, vocabSize: 120 };
  return { config: { ...apt3, ...tiny }, sequenceLength: 64 };
}

async function compare(options: Options, cuda: CudaOptions): Promise<{ device: string; text: string }> {
  const { config, sequenceLength } = jobOf(options);
  const { name, words } = await describeDevice(cuda);
  const flopsPerToken = trainingFlopsPerToken(config, sequenceLength);
  const peak = findCard(name)?.teraflops;
  const cells = (tokensPerSecond: number | undefined, otherwise: string) => {
    if (tokensPerSecond === undefined) return [otherwise, "–", "–"];
    const teraflops = (tokensPerSecond * flopsPerToken) / 1e12;
    const utilization = peak === undefined ? "–" : `${((100 * teraflops) / peak).toFixed(1)} %`;
    return [Math.round(tokensPerSecond).toLocaleString("en"), teraflops.toFixed(1), utilization];
  };
  let peer = "not measured: no --python with torch and transformers";
  const rows: string[][] = [];
  for (const sequences of options.microBatches) {
    const ours = await measureOurs(options, cuda, sequences);
    const theirs =
      options.python === undefined ? undefined : measureTorch(options, options.python, sequences);
    if (theirs !== undefined) peer = theirs.version;
    const both = ours !== undefined && theirs !== undefined;
    rows.push([
      `${sequences} × ${sequenceLength}`,
      ...cells(ours, "does not fit"),
      ...cells(theirs?.tokensPerSecond, "not measured"),
      both ? (ours / theirs.tokensPerSecond).toFixed(2) : "–",
    ]);
  }
  const measures = ["TFLOP/s", "MFU"];
  const head = ["micro-batch", "apt3 tokens/s", ...measures, "torch tokens/s", ...measures, "ratio"];
  const text = [
    `${options.small ? "a tiny model" : "APT3-1B"} in bf16 on ${words}, ${today()}, Node ${process.version}; peer: ${peer}`,
    "TFLOP/s and MFU by 6 N + 12 L·d·T a token, of the data sheet's dense bf16 peak.",
    "",
    formatTable([head, ...rows]),
  ].join("\n");
  return { device: name, text };
}

async function describeDevice(cuda: CudaOptions): Promise<{ name: string; words: string }> {
  const backend = await createCudaBackend(cuda);
  await backend.close();
  return { name: backend.device.split(",")[0]!, words: backend.device };
}

/** Tokens a second; undefined where the plan exceeds the card's memory, as larger micro-batches do on 24 GB. */
async function measureOurs(
  options: Options,
  cuda: CudaOptions,
  sequences: number,
): Promise<number | undefined> {
  const shape: TrainingShape = {
    ...jobOf(options),
    sequences,
    recompute: "none",
    documentAttention: false,
    computeType: "bf16",
  };
  const backend = await createCudaBackend(cuda);
  try {
    if (planMemory(shape, backend).totalBytes > backend.memoryBytes) return undefined;
    return (await measureThroughput(backend, shape, options.rounds)).tokensPerSecond;
  } finally {
    await backend.close();
  }
}

const peerSchema = z.object({ tokensPerSecond: z.number(), version: z.string() });

function measureTorch(
  options: Options,
  python: string,
  sequences: number,
): z.infer<typeof peerSchema> | undefined {
  const script = fileURLToPath(new URL("gpu_torch.py", import.meta.url));
  const { config: model, sequenceLength } = jobOf(options);
  const [device, warmUp, steps] = options.small ? ["cpu", 2, 3] : ["cuda", 8, 20];
  const job = { device, model, sequences, sequenceLength, warmUp, steps };
  const child = spawnSync(python, [script], { input: JSON.stringify(job), encoding: "utf8" });
  if (child.status === 0) return peerSchema.parse(JSON.parse(child.stdout));
  print(
    `torch at micro-batch ${sequences} failed:\n${child.stderr.trim().split("\n").slice(-20).join("\n")}`,
  );
  return undefined;
}
