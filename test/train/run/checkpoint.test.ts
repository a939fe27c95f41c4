import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { createReferenceBackend } from "../../../model/backends/reference.ts";
import { presets } from "../../../model/config.ts";
import { initialValues } from "../../../model/init.ts";
import type { TrainingModel } from "../../../model/llama.ts";
import { listTensors } from "../../../model/parameters.ts";
import { createTrainingModel, setWeights } from "../../../model/training-model.ts";
import { loadCheckpoint, saveCheckpoint } from "../../../train/run/checkpoint.ts";
import { listCheckpoints, pruneCheckpoints } from "../../../train/run/checkpoint-list.ts";
import { temporaryFolder } from "../../support/folders.ts";

const config = { ...presets.demo, vocabSize: 20, dModel: 8, heads: 2, kvHeads: 1, dHidden: 12 };
const identity = { fingerprint: "run", tokenizerSha256: "tokenizer" };
const state = { step: 12, skippedSteps: 1, cursor: { epoch: 2, row: 7 }, tokens: 345 };

const root = temporaryFolder();
before(async () => {});

function emptyModel(): TrainingModel {
  return createTrainingModel(createReferenceBackend(), {
    config,
    sequences: 1,
    sequenceLength: 4,
    computeType: "f32",
    recompute: "none",
    documentAttention: false,
  });
}

/** A model whose weights and moments all differ. */
async function filledModel(): Promise<TrainingModel> {
  const model = emptyModel();
  await setWeights(model, (tensor) => initialValues(config, tensor, 1));
  const moments = [...listTensors(model.state.firstMoments), ...listTensors(model.state.secondMoments)];
  for (const [index, buffer] of moments.entries()) {
    const values = Float32Array.from({ length: buffer.rows * buffer.columns }, (_, i) => index + i / 1000);
    model.backend.write(buffer, values);
  }
  return model;
}

async function contentOf({ backend, state: { weights, firstMoments, secondMoments } }: TrainingModel) {
  const buffers = [weights, firstMoments, secondMoments].flatMap((tensors) => listTensors(tensors));
  return Promise.all(buffers.map((buffer) => backend.read(buffer)));
}

async function savedCheckpoint(name: string) {
  const folder = join(root, name);
  const checkpoint = await saveCheckpoint(folder, await filledModel(), state, identity);
  return { folder, checkpoint };
}

describe("a checkpoint", () => {
  it("brings back every bit of weights, moments and state", async () => {
    const { checkpoint } = await savedCheckpoint("whole");
    const model = emptyModel();
    assert.deepEqual(await loadCheckpoint(checkpoint, model, identity), state);
    assert.deepEqual(await contentOf(model), await contentOf(await filledModel()));
  });

  it("has the same bytes whenever it is written", async () => {
    const one = (await savedCheckpoint("one")).checkpoint.path;
    const two = (await savedCheckpoint("two")).checkpoint.path;
    for (const file of await readdir(one)) {
      assert.deepEqual(await readFile(join(one, file)), await readFile(join(two, file)), file);
    }
  });

  const damages: [what: string, file: string, damage: (bytes: Buffer) => Buffer, message: RegExp][] = [
    [
      "a truncated file",
      "moments.safetensors",
      (bytes) => bytes.subarray(0, -1),
      /moments\.safetensors: \d+ bytes instead/,
    ],
    [
      "a flipped bit",
      "weights.safetensors",
      (bytes) => bytes.fill(bytes.at(-1)! ^ 1, bytes.length - 1),
      /weights\.safetensors: its content has changed \(sha256\); remove .*step-000012/,
    ],
    ["a damaged state", "state.json", (bytes) => bytes.subarray(0, 40), /state\.json: not valid JSON/],
    [
      "a state of another format",
      "state.json",
      (bytes) => Buffer.from(bytes.toString().replace("checkpoint/1", "checkpoint/9")),
      /state\.json: of another command or version of apt3 \(format apt3\.checkpoint\/9\)/,
    ],
  ];
  for (const [what, file, damage, message] of damages) {
    it(`is refused with ${what}`, async () => {
      const { checkpoint } = await savedCheckpoint(what);
      const path = join(checkpoint.path, file);
      await writeFile(path, damage(await readFile(path)));
      await assert.rejects(loadCheckpoint(checkpoint, emptyModel(), identity), {
        name: "UserError",
        message,
      });
    });
  }

  it("is refused when a file is missing", async () => {
    const { checkpoint } = await savedCheckpoint("missing");
    await rm(join(checkpoint.path, "weights.safetensors"));
    await assert.rejects(
      loadCheckpoint(checkpoint, emptyModel(), identity),
      /weights\.safetensors: is missing/,
    );
  });

  it("is refused when it belongs to another run or tokenizer", async () => {
    const { checkpoint } = await savedCheckpoint("other");
    const other = (change: object) => loadCheckpoint(checkpoint, emptyModel(), { ...identity, ...change });
    await assert.rejects(other({ fingerprint: "else" }), /belongs to a run of another config or other data/);
    await assert.rejects(other({ tokenizerSha256: "else" }), /was trained with another tokenizer/);
  });
});

describe("the checkpoints of a run", () => {
  const withFolders = async (name: string, names: string[]) => {
    const folder = join(root, name);
    for (const folderName of names) await mkdir(join(folder, folderName), { recursive: true });
    return folder;
  };
  const stepsOf = async (folder: string) => (await listCheckpoints(folder)).map(({ step }) => step);

  it("are listed in order, without unfinished ones", async () => {
    const folder = await withFolders("list", [
      "step-000100",
      "step-000020",
      "step-000120.partial",
      "step-1000000",
    ]);
    assert.deepEqual(await stepsOf(folder), [20, 100, 1_000_000]);
    assert.deepEqual(await stepsOf(join(root, "none")), []);
  });

  it("are pruned to the newest, and to what an uninterrupted run would have", async () => {
    const folder = await withFolders("prune", [
      "step-000010",
      "step-000013",
      "step-000020",
      "step-000030.partial",
    ]);
    await pruneCheckpoints(folder, { every: 10, keep: 3 }, []);
    assert.deepEqual((await readdir(folder)).sort(), ["step-000010", "step-000020"]);
    await mkdir(join(folder, "step-000025"));
    await pruneCheckpoints(folder, { every: 10, keep: 2 }, []);
    assert.deepEqual(await stepsOf(folder), [20, 25]);
  });
});
