import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { type JobContext, silentContext } from "../../pipeline/runtime/command.ts";
import { EXIT } from "../../pipeline/runtime/errors.ts";
import { type PretrainOptions, pretrain } from "../../train/pretrain.ts";
import { temporaryFolder } from "../support/folders.ts";
import { tinyConfig } from "../support/tiny-config.ts";
import { makePackedFolder } from "./packed-folder.ts";

const config = tinyConfig();
const root = temporaryFolder();
let defaults: PretrainOptions;
before(async () => {
  await makePackedFolder(join(root, "data"));
  await writeFile(join(root, "tiny.yaml"), config);
  defaults = {
    config: join(root, "tiny.yaml"),
    data: join(root, "data"),
    backend: "reference",
    resume: false,
    plan: false,
  };
});

/** Every file of a run with its content; without timings, and the views that show them, which no two runs share. */
async function contentOf(run: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(run, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === "report.html" || entry.parentPath.endsWith("tensorboard")) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const isMetrics = entry.name === "metrics.jsonl";
    files.set(
      path.slice(run.length),
      isMetrics ? withoutTimings(bytes.toString()) : bytes.toString("base64"),
    );
  }
  return files;
}

const withoutTimings = (text: string): string => text.replace(/"timing":\{[^}]*\}/g, "");

/** Aborts when the event has come for the n-th time. */
function interruptedAt(event: string, times: number): JobContext {
  const controller = new AbortController();
  let seen = 0;
  return {
    ...silentContext(controller.signal),
    emit(emitted) {
      if (emitted.event === event) seen += 1;
      if (seen === times) controller.abort(new Error("stopped"));
    },
  };
}

const undisturbed = (() => {
  let content: Promise<Map<string, string>> | undefined;
  return () => {
    content ??= pretrain({ ...defaults, out: join(root, "whole") }, silentContext()).then(() =>
      contentOf(join(root, "whole")),
    );
    return content;
  };
})();

describe("pretrain", () => {
  it("learns, and leaves config, metrics and the last checkpoints", async () => {
    const files = await undisturbed();
    assert.deepEqual([...files.keys()].sort(), [
      "/checkpoints/step-000018/moments.safetensors",
      "/checkpoints/step-000018/state.json",
      "/checkpoints/step-000018/weights.safetensors",
      "/checkpoints/step-000024/moments.safetensors",
      "/checkpoints/step-000024/state.json",
      "/checkpoints/step-000024/weights.safetensors",
      "/config.yaml",
      "/manifest.json",
      "/metrics.jsonl",
    ]);
    const lines = (files.get("/metrics.jsonl") ?? "").trim().split("\n");
    assert.equal(lines.length, 24 + 4);
    const lossOf = (line: string | undefined) => Number(/"loss":([\d.]+)/.exec(line ?? "")?.[1]);
    assert.ok(Math.abs(lossOf(lines[0]) - Math.log(40)) < 0.05, "an untrained model knows nothing");
    assert.ok(lossOf(lines.at(-2)) < lossOf(lines[0]) - 0.5);
  });

  it("ends with the same bytes when it is interrupted and started again, at any step", async () => {
    const interruptions: [event: string, times: number, leaves: number | undefined][] = [
      ["step", 1, 1],
      ["step", 9, 9],
      // A step that ends with an evaluation: its checkpoint comes without it, and the next start makes up for it.
      ["step", 12, 12],
      // A checkpoint is written while training goes on: at which step that ends is not known.
      ["checkpoint", 2, undefined],
    ];
    for (const [event, times, leaves] of interruptions) {
      const out = join(root, `interrupted-${event}-${times}`);
      await assert.rejects(pretrain({ ...defaults, out }, interruptedAt(event, times)), /stopped/);
      const newest = (await readdir(join(out, "checkpoints"))).sort().at(-1);
      if (leaves !== undefined) assert.equal(newest, `step-${String(leaves).padStart(6, "0")}`);
      await pretrain({ ...defaults, out }, silentContext());
      assert.deepEqual(await contentOf(out), await undisturbed(), `${event} ${times}`);
    }
  });

  it("ends with the same bytes when it is killed and started again", async () => {
    const out = join(root, "killed");
    const killed = [];
    for (const lines of [2, 8, 9, 3]) killed.push(await killAfterLines(out, lines));
    assert.ok(killed.includes(true), "no run was still running when it was to be killed");
    // What a kill in the middle of writing leaves.
    await mkdir(join(out, "checkpoints", "step-000030.partial"), { recursive: true });
    await appendFile(join(out, "metrics.jsonl"), '{"step":');
    await pretrain({ ...defaults, out }, silentContext());
    assert.deepEqual(await contentOf(out), await undisturbed());
  });

  it("goes on from a shorter run to the same weights", async () => {
    const out = join(root, "longer");
    await pretrain({ ...defaults, out, steps: 10 }, silentContext());
    const again = await pretrain({ ...defaults, out, steps: 10 }, silentContext());
    assert.equal(again.alreadyFinished, true);
    await assert.rejects(
      pretrain({ ...defaults, out, steps: 24 }, silentContext()),
      /is trained to step 10; add --resume/,
    );
    const { config: _own, ...withoutConfig } = defaults;
    await pretrain({ ...withoutConfig, out, steps: 24, resume: true }, silentContext());
    const [found, expected] = [await contentOf(out), await undisturbed()];
    for (const file of ["weights.safetensors", "moments.safetensors", "state.json"]) {
      const path = `/checkpoints/step-000024/${file}`;
      assert.equal(found.get(path), expected.get(path), file);
    }
    await assert.rejects(
      pretrain({ ...defaults, out, steps: 20 }, silentContext()),
      /already trained to step 24, beyond/,
    );
  });

  it("computes the same whatever is recomputed", async () => {
    const expected = await undisturbed();
    for (const recompute of ["selective", "full"]) {
      const path = join(root, `${recompute}.yaml`);
      await writeFile(path, config.replace("recompute: none", `recompute: ${recompute}`));
      const out = join(root, recompute);
      await pretrain({ ...defaults, config: path, out }, silentContext());
      const weights = "/checkpoints/step-000024/weights.safetensors";
      assert.equal((await contentOf(out)).get(weights), expected.get(weights), recompute);
    }
  });

  it("plans without touching anything", async () => {
    const printed: string[] = [];
    const context = { ...silentContext(), print: (text: string) => void printed.push(text) };
    const out = join(root, "planned");
    const figures = await pretrain({ ...defaults, out, plan: true }, context);
    assert.equal(figures.parameters, 2 * 40 * 16 + (16 + 32 * 16 + 16 * 16 + 16 + 48 * 16 + 24 * 16) + 16);
    assert.match(printed.join(), /memory, \d+ buffers:\n(.*\n)*.*total/);
    await assert.rejects(readdir(out), { code: "ENOENT" });
  });
});

describe("pretrain refuses", () => {
  const refuse = (change: Partial<PretrainOptions>, message: RegExp) =>
    assert.rejects(pretrain({ ...defaults, out: join(root, "refused"), ...change }, silentContext()), {
      message,
      exitCode: EXIT.userError,
    });
  const withConfig = async (name: string, from: string, to: string) => {
    const path = join(root, `${name}.yaml`);
    await writeFile(path, config.replace(from, to));
    return path;
  };

  it("a run of another config or other data", async () => {
    await undisturbed();
    const out = join(root, "whole");
    await refuse(
      { out, config: await withConfig("seed", "seed: 7", "seed: 8") },
      /whole: made by another configuration/,
    );
    await makePackedFolder(join(root, "other-data"), { trainShards: [12] });
    await refuse({ out, data: join(root, "other-data") }, /whole: made by another configuration/);
  });

  it("data that does not fit the model", async () => {
    const model = "model: { layers: 1,";
    const vocabulary = await withConfig("vocabulary", model, `${model} vocabSize: 41,`);
    await refuse(
      { config: vocabulary },
      /packed with a vocabulary of 40, vocabulary\.yaml has model\.vocabSize 41/,
    );
    const length = await withConfig("length", "accumulation: 2", "accumulation: 2, sequenceLength: 4");
    await refuse(
      { config: length },
      /rows of 8 tokens, length\.yaml has batch\.sequenceLength 4; pack with --seq-len 4/,
    );
  });

  it("data that does not fill one step", async () => {
    const path = await withConfig("large", "accumulation: 2 }", "accumulation: 200 }");
    await refuse({ config: path }, /12 training rows × data\.epochs 20, a step takes 400/);
  });

  it("a missing config, a missing run, a backend that is not there", async () => {
    await refuse(
      { config: join(root, "none.yaml") },
      /none\.yaml: no such file; give --config a training config/,
    );
    const { config: _own, ...withoutConfig } = defaults;
    await assert.rejects(
      pretrain({ ...withoutConfig, out: join(root, "none"), resume: true }, silentContext()),
      /none.config\.yaml: no such file/,
    );
    await refuse(
      { config: await withConfig("bf16", "precision: f32", "precision: bf16") },
      /reference backend has only f32/,
    );
  });

  it("a damaged checkpoint, and says how to go on without it", async () => {
    await undisturbed();
    const out = join(root, "damaged");
    await cp(join(root, "whole"), out, { recursive: true });
    await rm(join(out, "manifest.json"));
    await pretrainFilesOf(out);
    await refuse(
      { out, steps: 24 },
      /weights\.safetensors: its content has changed \(sha256\); remove .*step-000024/,
    );
  });
});

/** Marks a copied run as unfinished and damages its newest weights. */
async function pretrainFilesOf(out: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(root, "whole", "manifest.json"), "utf8")) as object;
  await writeFile(join(out, "manifest.json"), JSON.stringify({ ...manifest, complete: false }));
  const weights = join(out, "checkpoints", "step-000024", "weights.safetensors");
  const bytes = await readFile(weights);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(weights, bytes);
}

/** Starts the command and kills it when it has printed so many lines; false if it had ended by then. */
async function killAfterLines(out: string, lines: number): Promise<boolean> {
  const { config: path = "", data } = defaults;
  const bin = new URL("../../bin/apt3.ts", import.meta.url).pathname;
  const words = [
    "pretrain",
    "--config",
    path,
    "--data",
    data,
    "--out",
    out,
    "--backend",
    "reference",
    "--json",
  ];
  const child = spawn(process.execPath, [bin, ...words], { stdio: ["ignore", "pipe", "ignore"] });
  let printed = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString().split("\n").length - 1;
    if (printed >= lines) child.kill("SIGKILL");
  });
  const signal = await new Promise<string | null>((resolve) =>
    child.on("close", (_code, name) => resolve(name)),
  );
  return signal === "SIGKILL";
}
