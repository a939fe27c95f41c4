import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pretrain } from "../../../train/pretrain.ts";
import { readHistory } from "../../../train/run/metrics.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { makePackedFolder } from "../packed-folder.ts";
import { makeTinyRun, notingContext } from "../tiny-run.ts";

const root = temporaryFolder();

describe("steps beyond the data", () => {
  it("are not taken, and the run says so", async () => {
    const options = await makeTinyRun(root, "short", (config) => config.replace("epochs: 20", "epochs: 2"));
    const context = notingContext();
    const figures = await pretrain(options, context);
    assert.equal(figures.steps, 6, "12 rows twice, 4 a step");
    assert.match(
      context.lines.join("\n"),
      /the data lasts for 6 of 24 steps \(data\.epochs 2\): training ends there.*--epochs N or unlimited/,
    );
  });

  it("read the data again when they may, and every new pass is said", async () => {
    const options = await makeTinyRun(root, "again", (config) => config.replace("epochs: 20", "epochs: 1"));
    const context = notingContext();
    const figures = await pretrain({ ...options, epochs: "unlimited" }, context);
    assert.equal(figures.steps, 24);
    assert.match(context.lines.join("\n"), /24 steps read the 12 training rows 8\.0 times/);
    assert.match(context.lines.join("\n"), /step 3: pass 2 over the data begins\n/);
    const { steps } = await readHistory(join(options.out ?? "", "metrics.jsonl"));
    assert.equal(steps.at(-1)?.cursor.epoch, 8);
  });

  it("may be allowed later: the limit is no part of what the run is", async () => {
    const options = await makeTinyRun(root, "later", (config) => config.replace("epochs: 20", "epochs: 2"));
    await pretrain(options, notingContext());
    const figures = await pretrain({ ...options, epochs: 3, resume: true }, notingContext());
    assert.equal(figures.steps, 9);
  });
});

describe("rows", () => {
  it("of shards shorter than a micro-batch are joined", async () => {
    const options = await makeTinyRun(root, "long-shards");
    const data = join(root, "short-shards");
    await makePackedFolder(data, { trainShards: new Array<number>(12).fill(1) });
    const steps = 3;
    await pretrain({ ...options, steps }, notingContext());
    await pretrain({ ...options, steps, data, out: join(root, "short-shards-run") }, notingContext());
    const lossesOf = async (run: string) =>
      (await readHistory(join(root, run, "metrics.jsonl"))).steps.map(({ loss }) => loss);
    assert.deepEqual(await lossesOf("short-shards-run"), await lossesOf("long-shards"));
  });
});

describe("attention inside documents", () => {
  const inside = (config: string) => config.replace("epochs: 20", "epochs: 20, documentAttention: true");

  it("trains another model than attention over the whole row", async () => {
    const steps = 4;
    const across = await makeTinyRun(root, "across");
    await pretrain({ ...across, steps }, notingContext());
    const within = await makeTinyRun(root, "within", inside);
    await pretrain({ ...within, steps }, notingContext());
    const lossesOf = async (out = "") =>
      (await readHistory(join(out, "metrics.jsonl"))).steps.map(({ loss }) => loss);
    const [a, b] = [await lossesOf(across.out), await lossesOf(within.out)];
    assert.equal(b.length, steps);
    assert.notDeepEqual(a, b);
    await assert.rejects(
      pretrain({ ...within, ...{ config: across.config }, steps }, notingContext()),
      /within: made by another configuration/,
    );
  });

  it("is refused where no token says where documents begin", async () => {
    const options = await makeTinyRun(root, "no-bos", inside);
    const data = join(root, "no-bos-data");
    await makePackedFolder(data, {
      change: (manifest) => ({ ...manifest, bos: false, eos: false }),
    });
    await assert.rejects(pretrain({ ...options, data }, notingContext()), {
      exitCode: 2,
      message: /no-bos-data: no token in its rows starts or ends a document.*; pack without --no-bos/,
    });
  });
});

describe("a second run in the same folder", () => {
  it("is refused while the first is running", async () => {
    const options = await makeTinyRun(root, "busy", (config) =>
      config.replace("steps: 24", "steps: 100000").replace("epochs: 20", "epochs: unlimited"),
    );
    const bin = new URL("../../../bin/apt3.ts", import.meta.url).pathname;
    const { config = "", data, out = "" } = options;
    const words = ["pretrain", "--config", config, "--data", data, "--out", out, "--json"];
    const child = spawn(process.execPath, [bin, ...words, "--backend", "reference"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      await once(child.stdout, "data");
      await assert.rejects(pretrain(options, notingContext()), {
        exitCode: 2,
        message: /busy: in use by process \d+; wait for it or choose another --out/,
      });
    } finally {
      child.kill("SIGTERM");
    }
    const [code] = await once(child, "close");
    assert.equal(code, 130, "the first ends at a checkpoint when asked to");
    const { steps } = await readHistory(join(out, "metrics.jsonl"));
    assert.ok(steps.length > 0);
  });
});
