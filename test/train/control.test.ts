import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { exists } from "../../pipeline/runtime/files.ts";
import { openControlFile } from "../../train/control.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = temporaryFolder();

function open(name: string) {
  const path = join(root, name);
  const problems: string[] = [];
  return { path, problems, file: openControlFile(path, (message) => problems.push(message)) };
}

describe("the control file", () => {
  it("asks for nothing while it is not there, and again when it is removed", async () => {
    const { path, file, problems } = open("come-and-go.yaml");
    assert.deepEqual(await file.read(), {});
    await writeFile(path, "learningRate: 1.0e-4\n");
    assert.deepEqual(await file.read(), { learningRate: 1e-4 });
    await writeFile(path, "learningRate: 0.00002 # slower\n");
    assert.deepEqual(await file.read(), { learningRate: 2e-5 });
    await rm(path);
    assert.deepEqual(await file.read(), {});
    assert.deepEqual(problems, []);
  });

  it("keeps what was asked for, and complains once, when it cannot be read", async () => {
    const { path, file, problems } = open("broken.yaml");
    await writeFile(path, "learningRate: 0.5");
    await file.read();
    const mistakes: [text: string, message: RegExp][] = [
      ["learningRate: [", /not valid YAML/],
      ["learningRate: -1 ", /learningRate: .*>0, found -1/],
      ["learning_rate: 1", /learning_rate/],
      ["- stop", /expected object/],
    ];
    for (const [text, message] of mistakes) {
      await writeFile(path, text);
      assert.deepEqual(await file.read(), { learningRate: 0.5 });
      assert.deepEqual(await file.read(), { learningRate: 0.5 });
      assert.match(problems.pop() ?? "", message);
      assert.deepEqual(problems, [], "once");
    }
  });

  it("neither ends a training nor holds it up when it is no file, or not ours", async () => {
    const { path, file, problems } = open("odd.yaml");
    await writeFile(path, "learningRate: 0.5");
    await file.read();
    const oddities: [make: () => unknown, message: RegExp][] = [
      [() => mkdirSync(path), /odd\.yaml: not a file; ignored/],
      [() => execFileSync("mkfifo", [path]), /not a file; ignored/], // reading it would wait for a writer
      [() => symlinkSync("odd.yaml", path), /cannot be read \(ELOOP\); ignored/],
      [() => writeFileSync(path, "#".repeat(70_000)), /larger than 65536 bytes; ignored/],
      [() => writeFileSync(path, Buffer.of(0xff, 0x00, 0x80)), /; ignored/],
    ];
    for (const [make, message] of oddities) {
      await rm(path, { recursive: true });
      make();
      assert.deepEqual(await file.read(), { learningRate: 0.5 });
      assert.deepEqual(await file.read(), { learningRate: 0.5 });
      assert.match(problems.pop() ?? "", message);
      assert.deepEqual(problems, [], "once");
    }
  });

  it("is empty text as well as no text", async () => {
    const { path, file } = open("empty.yaml");
    await writeFile(path, "");
    assert.deepEqual(await file.read(), {});
  });

  it("loses an obeyed stop and keeps the rest", async () => {
    const { path, file } = open("stop.yaml");
    await writeFile(path, "stop: true\nlearningRate: 0.5\n");
    assert.equal((await file.read()).stop, true);
    await file.clearStop();
    assert.deepEqual(await file.read(), { learningRate: 0.5 });
    await writeFile(path, "stop: true\n");
    await file.read();
    await file.clearStop();
    assert.equal(await exists(path), false);
  });
});
