import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { z } from "zod";
import { createCudaBackend, cudaUnavailable } from "../../model/backends/cuda.ts";
import { presets } from "../../model/config.ts";
import { planMemory } from "../../model/memory-plan.ts";
import { trainingFlopsPerToken } from "../../model/parameters.ts";
import type { TrainingShape } from "../../model/training-state.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { findCard } from "../../train/plan/cards.ts";
import { measureThroughput } from "../model/gpu/throughput.ts";

/**
 * `npm run bench -- gpu --python PATH`: training of APT3-1B on the GPU at hand, by us and by PyTorch (compiled, flash
 * attention, bf16), one after the other in the same run, at the micro-batch of a 24 GB card and at larger ones. Writes
 * the table to test/bench/gpu-DATE-CARD.md.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      python: { type: "string" },
      rounds: { type: "string", default: "12" },
      microBatches: { type: "string", default: "1,2,4" },
    },
  });
  const missing = cudaUnavailable();
  if (missing !== undefined) {
    print(`not measured: no CUDA device (${missing})`);
    return;
  }
  const rows: string[][] = [];
  const { device, memoryBytes } = await describeDevice();
  let peer = "not measured: no --python with torch and transformers";
  const flopsPerToken = trainingFlopsPerToken(config, sequenceLength);
  const peak = findCard(device.split(",")[0] ?? "")?.teraflops;
  const cells = (tokensPerSecond: number | undefined, otherwise: string) => {
    if (tokensPerSecond === undefined) return [otherwise, "–", "–"];
    const teraflops = (tokensPerSecond * flopsPerToken) / 1e12;
    const utilization = peak === undefined ? "–" : `${((100 * teraflops) / peak).toFixed(1)} %`;
    return [Math.round(tokensPerSecond).toLocaleString("en"), teraflops.toFixed(1), utilization];
  };
  for (const sequences of values.microBatches.split(",").map(Number)) {
    const ours = await measureOurs(sequences, Number(values.rounds), memoryBytes);
    const theirs = values.python === undefined ? undefined : measureTorch(values.python, sequences);
    if (theirs !== undefined) peer = theirs.version;
    const both = ours !== undefined && theirs !== undefined;
    rows.push([
      `${sequences} × ${sequenceLength}`,
      ...cells(ours, "does not fit"),
      ...cells(theirs?.tokensPerSecond, "not measured"),
      both ? (ours / theirs.tokensPerSecond).toFixed(2) : "–",
    ]);
  }
  const head = [
    "micro-batch",
    "apt3 tokens/s",
    "TFLOP/s",
    "MFU",
    "torch tokens/s",
    "TFLOP/s",
    "MFU",
    "ratio",
  ];
  const date = new Date().toISOString().slice(0, 10);
  const text = [
    `APT3-1B in bf16 on ${device}, ${date}, Node ${process.version}; peer: ${peer}`,
    "TFLOP/s and MFU by 6 N + 12 L·d·T a token, of the data sheet's dense bf16 peak.",
    "",
    formatTable([head, ...rows]),
  ].join("\n");
  print(text);
  const card = device
    .split(",")[0]!
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
  const path = fileURLToPath(new URL(`gpu-${date}-${card}.md`, import.meta.url));
  writeFileSync(path, `\`\`\`\n${text}\n\`\`\`\n`);
  print(`\nwritten to ${path}`);
}

const config = presets["apt3-1b"];
const sequenceLength = 2048;
const print = (line: string) => process.stdout.write(`${line}\n`);

async function describeDevice(): Promise<{ device: string; memoryBytes: number }> {
  const backend = await createCudaBackend();
  const { device, memoryBytes } = backend;
  await backend.close();
  return { device, memoryBytes };
}

/** Tokens a second; undefined where the plan exceeds the card's memory, as larger micro-batches do on 24 GB. */
async function measureOurs(
  sequences: number,
  rounds: number,
  memoryBytes: number,
): Promise<number | undefined> {
  const shape: TrainingShape = {
    config,
    sequences,
    sequenceLength,
    recompute: "none",
    documentAttention: false,
    computeType: "bf16",
  };
  const backend = await createCudaBackend();
  try {
    if (planMemory(shape, backend).totalBytes > memoryBytes) return undefined;
    return (await measureThroughput(backend, shape, rounds)).tokensPerSecond;
  } finally {
    await backend.close();
  }
}

const peerSchema = z.object({ tokensPerSecond: z.number(), version: z.string() });

function measureTorch(python: string, sequences: number): z.infer<typeof peerSchema> | undefined {
  const script = fileURLToPath(new URL("gpu_torch.py", import.meta.url));
  const job = { model: config, sequences, sequenceLength, warmUp: 8, steps: 20 };
  const child = spawnSync(python, [script], { input: JSON.stringify(job), encoding: "utf8" });
  if (child.status === 0) return peerSchema.parse(JSON.parse(child.stdout));
  print(`torch at micro-batch ${sequences}: ${child.stderr.trim().split("\n").at(-1) ?? "failed"}`);
  return undefined;
}
