import { parseArgs } from "node:util";
import type { Backend, DeviceBuffer } from "../../model/backend.ts";
import { type BackendName, backendNames, openBackend } from "../../model/backends/registry.ts";
import { type ModelConfig, presets } from "../../model/config.ts";
import { createInferenceBatch, createInferenceSession } from "../../model/inference.ts";
import { initialValues } from "../../model/init.ts";
import { listParameterTensors, listTensors, type ModelTensors } from "../../model/parameters.ts";
import { buildWeights } from "../../model/training-layout.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";

const prompt = 16;
const batches = [1, 4, 16];

/**
 * Generating with the key/value cache against computing the whole text again for every token, and several texts at
 * once: `npm run bench -- generate [--backend cpu] [--tokens 512] [--width 256]`.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      backend: { type: "string", default: "auto" },
      tokens: { type: "string", default: "512" },
      width: { type: "string", default: "256" },
    },
  });
  const name = [...backendNames, "auto" as const].find((known) => known === values.backend) ?? "auto";
  const tokens = Number(values.tokens);
  const width = Number(values.width);
  const config: ModelConfig = {
    ...presets.demo,
    vocabSize: 8000,
    layers: 4,
    dModel: width,
    heads: width / 32,
    kvHeads: width / 32,
    dHidden: Math.round(width * 2.75),
    maxSequenceLength: tokens,
  };
  const { backend, weights } = await createModel(name, config);
  process.stdout.write(`${tokens} tokens, ${width} wide × 4 layers, vocabulary 8,000, ${backend.device}\n`);

  const withCache = await time(async () => {
    const session = createInferenceSession(backend, config, weights);
    await session.feed(new Array<number>(prompt).fill(5));
    while (session.length < tokens) await session.feed([7]);
    session.close();
  });
  const withoutCache = await time(async () => {
    for (let length = prompt; length <= tokens; length++) {
      const session = createInferenceSession(backend, config, weights, length);
      await session.feed(new Array<number>(length).fill(5));
      session.close();
    }
  });
  const rows: (string | number)[][] = [["", "seconds", "tokens/s", "ratio"]];
  const add = (label: string, seconds: number, texts = 1) => {
    const speed = (texts * (tokens - prompt)) / seconds;
    const ratio = speed / ((tokens - prompt) / withCache);
    rows.push([label, seconds.toFixed(2), speed.toFixed(1), ratio.toFixed(2)]);
  };
  add("with the cache", withCache);
  add("without", withoutCache);
  for (const sequences of batches) {
    const seconds = await time(async () => {
      const batch = createInferenceBatch(backend, config, weights, { sequences });
      const feed = (ids: number[]) => batch.feed(new Array<number[]>(sequences).fill(ids));
      await feed(new Array<number>(prompt).fill(5));
      while (batch.lengths[0]! < tokens) await feed([7]);
      batch.close();
    });
    add(`batch of ${sequences}`, seconds, sequences);
  }
  await backend.close();
  process.stdout.write(
    `${formatTable(rows)}\nthe cache makes it ${(withoutCache / withCache).toFixed(1)}× as fast\n`,
  );
}

async function createModel(
  name: BackendName | "auto",
  config: ModelConfig,
): Promise<{ backend: Backend; weights: ModelTensors<DeviceBuffer> }> {
  const backend = await openBackend(name);
  const computeType = backend.computeTypes.includes("bf16") ? "bf16" : "f32";
  const weights = buildWeights(config, computeType, (spec) => backend.create(spec));
  for (const [index, tensor] of listParameterTensors(config).entries()) {
    backend.write(listTensors(weights)[index]!, initialValues(config, tensor, 1));
  }
  return { backend, weights };
}

/** Seconds. */
async function time(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
