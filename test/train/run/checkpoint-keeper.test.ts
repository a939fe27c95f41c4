import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createReferenceBackend } from "../../../model/backends/reference.ts";
import { presets } from "../../../model/config.ts";
import { initialValues } from "../../../model/init.ts";
import { createTrainingModel, setWeights } from "../../../model/training-model.ts";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { silentProgress } from "../../../pipeline/runtime/progress.ts";
import { loadCheckpoint, type RunState, saveCheckpoint } from "../../../train/run/checkpoint.ts";
import {
  type CheckpointKeeperOptions,
  createCheckpointKeeper,
} from "../../../train/run/checkpoint-keeper.ts";
import { bestCheckpoint, listCheckpoints } from "../../../train/run/checkpoint-list.ts";
import { temporaryFolder } from "../../support/folders.ts";

const root = temporaryFolder();
const config = { ...presets.demo, vocabSize: 20, dModel: 8, heads: 2, kvHeads: 1, dHidden: 12 };
const identity = { fingerprint: "run", tokenizerSha256: "tokenizer" };
const stateAt = (step: number): RunState => ({
  step,
  skippedSteps: 0,
  cursor: { epoch: 0, row: 0 },
  tokens: 0,
});
const evaluated = (step: number, loss: number) => ({
  step,
  evaluation: { loss, perplexity: 1, accuracy: 0, tokens: 1, bitsPerByte: 1 },
});

async function createModel(seed: number, size = config) {
  const shape = { sequences: 1, sequenceLength: 4, computeType: "f32", recompute: "none" } as const;
  const model = createTrainingModel(createReferenceBackend(), {
    ...shape,
    config: size,
    documentAttention: false,
  });
  await setWeights(model, (tensor) => initialValues(size, tensor, seed));
  return model;
}

async function keeperIn(folder: string, options: Partial<CheckpointKeeperOptions> = {}) {
  const model = options.model ?? (await createModel(1));
  const lines: string[] = [];
  const events: string[] = [];
  const context = {
    ...silentContext(),
    progress: { ...silentProgress, log: (line: string) => void lines.push(line) },
    emit: ({ event }: { event: string }) => void events.push(event),
  };
  const settings = { every: 1, keep: 2 };
  const keeper = createCheckpointKeeper(
    { folder, model, identity, settings, evaluations: [], ...options },
    context,
  );
  return { keeper, model, lines, events };
}

const stepsIn = async (folder: string) => (await listCheckpoints(folder)).map(({ step }) => step);
const diskFull = () => Promise.reject(Object.assign(new Error("no space"), { code: "ENOSPC" }));

describe("the keeper of checkpoints", () => {
  it("saves the model as it was at the step, whatever training has done since", async () => {
    const folder = join(root, "snapshot");
    const { keeper, model } = await keeperIn(folder);
    const [weights] = [model.state.weights.embedding];
    const before = await model.backend.read(weights);
    await keeper.begin(stateAt(1));
    model.backend.zero(weights); // Enqueued before anything can have been written.
    await keeper.settle();
    const restored = await createModel(9);
    const [checkpoint] = await listCheckpoints(folder);
    assert.deepEqual(await loadCheckpoint(checkpoint!, restored, identity), stateAt(1));
    assert.deepEqual(await restored.backend.read(restored.state.weights.embedding), before);
  });

  it("keeps the newest and the best", async () => {
    const folder = join(root, "best");
    const evaluations = [evaluated(1, 5), evaluated(2, 3), evaluated(3, 4), evaluated(4, 4), evaluated(5, 6)];
    const { keeper } = await keeperIn(folder, { evaluations });
    for (const step of [1, 2, 3, 4, 5]) await keeper.begin(stateAt(step));
    await keeper.settle();
    assert.deepEqual(await stepsIn(folder), [2, 4, 5]);
    const checkpoints = await listCheckpoints(folder);
    assert.equal(bestCheckpoint(checkpoints, evaluations)?.step, 2);
    assert.equal(bestCheckpoint(checkpoints, []), undefined);
    assert.equal(bestCheckpoint(checkpoints, [evaluated(4, Number.NaN)]), undefined);
  });

  it("goes on when the disk is full, says so, and keeps the checkpoint before", async () => {
    const folder = join(root, "full");
    let isFull = false;
    const save: typeof saveCheckpoint = async (...args) => (isFull ? diskFull() : saveCheckpoint(...args));
    const { keeper, lines, events } = await keeperIn(folder, { save });
    await keeper.begin(stateAt(1));
    await keeper.settle();
    isFull = true;
    mkdirSync(join(folder, "step-000002.partial"));
    await keeper.begin(stateAt(2));
    await keeper.settle();
    assert.match(lines.join(), /step 2: disk full, no checkpoint written; training goes on/);
    assert.deepEqual(events, ["checkpoint", "checkpoint-failed"]);
    assert.deepEqual(await readdir(folder), ["step-000001"], "and nothing half-written");
    isFull = false;
    await keeper.begin(stateAt(3));
    await keeper.settle();
    assert.deepEqual(await stepsIn(folder), [1, 3]);
  });

  it("fails when the last checkpoint cannot be written, or for another reason", async () => {
    const full = await keeperIn(join(root, "last"), { save: diskFull });
    await assert.rejects(full.keeper.finish(stateAt(1)), { code: "ENOSPC" });
    const broken = await keeperIn(join(root, "broken"), {
      save: () => Promise.reject(new Error("the device is gone")),
    });
    await broken.keeper.begin(stateAt(1));
    await assert.rejects(broken.keeper.begin(stateAt(2)), /the device is gone/);
  });

  it("survives a disk that is really full", async (test) => {
    const folder = join(root, "small-disk");
    mkdirSync(folder);
    try {
      execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], { stdio: "ignore" });
    } catch {
      return test.skip("needs the right to mount a small disk");
    }
    try {
      const model = await createModel(1, { ...config, dModel: 32, dHidden: 64 });
      const { keeper, lines } = await keeperIn(folder, { model, settings: { every: 1, keep: 9 } });
      for (let step = 1; step <= 6; step++) await keeper.begin(stateAt(step));
      await keeper.settle();
      assert.match(lines.join(), /disk full, no checkpoint written/);
      const kept = await listCheckpoints(folder);
      assert.ok(kept.length >= 1 && kept.length < 6, `${kept.length} fit`);
      for (const checkpoint of kept) await loadCheckpoint(checkpoint, model, identity);
      assert.equal((await readdir(folder)).length, kept.length);
    } finally {
      execFileSync("/bin/umount", [folder]);
    }
  });
});
