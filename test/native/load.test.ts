import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { loadAddon } from "../../native/load.ts";
import { ROOT } from "../support/apt3.ts";
import { temporaryFolder } from "../support/folders.ts";

test("an addon that is older than its sources is not loaded", () => {
  const folder = join(temporaryFolder(), "native");
  mkdirSync(join(folder, "build"), { recursive: true });
  const hash = createHash("sha256").update("int one;").digest("hex");
  writeFileSync(join(folder, "one.cpp"), "int one;");
  writeFileSync(join(folder, "build", "some.node"), "no machine code");
  writeFileSync(join(folder, "build", "some.sources.json"), JSON.stringify({ "../one.cpp": hash }));
  const reason = () => {
    const found = loadAddon("some", relative(ROOT, folder));
    return "reason" in found ? found.reason : "loaded";
  };
  assert.match(reason(), /some\.node cannot be loaded/, "of these very sources: it is tried");

  writeFileSync(join(folder, "one.cpp"), "int two;");
  assert.equal(reason(), "its native part was compiled before one.cpp changed: run node native/build.mjs");
});
