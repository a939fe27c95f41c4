/** Our side of `npm run bench -- train`, in a process of its own; see torch_worker.py for the protocol. */
import { createInterface } from "node:readline";
import type { Backend } from "../../../model/backend.ts";
import { createCpuBackend } from "../../../model/backends/cpu.ts";
import { initialValues } from "../../../model/init.ts";
import { backward, forward, loss } from "../../../model/llama.ts";
import { createRandom } from "../../../model/random.ts";
import { createTrainingModel, setMicroBatch, setWeights } from "../../../model/training-model.ts";
import { applyAdamW } from "../../../train/adamw.ts";
import type { Job, ProductsJob, StepsJob, Summary, Times } from "./job.ts";

type Measure = () => Promise<Times[]>;

async function timed(work: () => Promise<unknown>, repetitions = 1): Promise<Times> {
  const started = performance.now();
  const cpuStarted = process.cpuUsage();
  await work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuStarted);
  return { seconds: seconds / repetitions, cpuSeconds: (user + system) / 1e6 / repetitions };
}

function products(backend: Backend, { dtype, shapes, flops }: ProductsJob): Measure {
  const random = createRandom(1, "products");
  const cases = shapes.map(([m, n, k]) => {
    const matrix = (name: string, rows: number, columns: number) =>
      backend.create({ name, dtype, rows, columns });
    const [a, b, out] = [matrix("a", m, k), matrix("b", n, k), matrix("out", m, n)];
    for (const operand of [a, b]) {
      backend.write(operand, Float32Array.from({ length: operand.rows * operand.columns }, random.normal));
    }
    return { a, b, out, repetitions: Math.max(1, Math.floor(flops / (2 * m * n * k))) };
  });
  const end = backend.create({ name: "end", dtype: "f32", rows: 1, columns: 1 });
  return async () => {
    const times: Times[] = [];
    for (const { a, b, out, repetitions } of cases) {
      const multiply = async () => {
        for (let i = 0; i < repetitions; i++) backend.matmul({ a, b, out, transposition: "nt" });
        await backend.read(end);
      };
      times.push(await timed(multiply, repetitions));
    }
    return times;
  };
}

async function steps(backend: Backend, job: StepsJob): Promise<Measure> {
  const { sequences, sequenceLength, dtype } = job;
  const model = createTrainingModel(backend, {
    config: job.model,
    sequences,
    sequenceLength,
    computeType: dtype,
    recompute: "none",
    documentAttention: false,
  });
  await setWeights(model, (tensor) => initialValues(job.model, tensor, 1));
  const random = createRandom(1, "tokens");
  const ids = Int32Array.from({ length: sequences * sequenceLength }, () =>
    Math.floor(random.uniform() * job.model.vocabSize),
  );
  const settings = { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 } as const;
  let taken = 0;
  const step = async () => {
    const targets = setMicroBatch(model, ids);
    backend.zero(model.state.sums);
    forward(model);
    loss(model, 1 / targets);
    backward(model);
    taken += 1;
    applyAdamW(model, settings, 1e-4, taken);
    await backend.read(model.state.sums);
  };
  return async () => [await timed(step)];
}

const print = (value: Times[] | Summary) => process.stdout.write(`${JSON.stringify(value)}\n`);

let measure: Measure | undefined;
let backend: Backend | undefined;
const startBytes = process.memoryUsage.rss();
for await (const line of createInterface({ input: process.stdin })) {
  if (measure === undefined) {
    const job = JSON.parse(line) as Job;
    backend = createCpuBackend({ threads: job.threads });
    measure = job.kind === "products" ? products(backend, job) : await steps(backend, job);
  } else {
    print(await measure());
  }
}
print({ peakBytes: process.resourceUsage().maxRSS * 1024, startBytes });
await backend?.close();
