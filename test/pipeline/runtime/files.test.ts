import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  AtomicFile,
  exists,
  hashFile,
  makeFolder,
  removePartialFiles,
  writeFileAtomic,
} from "../../../pipeline/runtime/files.ts";
import { temporaryFolder } from "../../support/folders.ts";

const folder = temporaryFolder();
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

test("a file has its name only after commit, and the record describes it", async () => {
  const path = join(folder, "new", "a.txt");
  const file = await AtomicFile.create(path);
  await file.write(Buffer.from("zażółć "));
  await file.write(Buffer.from("gęślą"));
  assert.equal(existsSync(path), false);
  const record = await file.commit();
  assert.equal(readFileSync(path, "utf8"), "zażółć gęślą");
  assert.deepEqual(record, { bytes: Buffer.byteLength("zażółć gęślą"), sha256: sha256("zażółć gęślą") });
  assert.deepEqual(await hashFile(path), record);
});

test("discard leaves the old file as it was, and does nothing after commit", async () => {
  const path = join(folder, "old.txt");
  await writeFileAtomic(path, "old");
  const file = await AtomicFile.create(path);
  await file.write(Buffer.from("half of the new"));
  await file.discard();
  assert.equal(readFileSync(path, "utf8"), "old");
  assert.equal(existsSync(`${path}.partial`), false);

  const second = await AtomicFile.create(path);
  await second.write(Buffer.from("new"));
  await second.commit();
  await second.discard();
  assert.equal(readFileSync(path, "utf8"), "new");
});

test("what a killed run left half-written is overwritten or removed", async () => {
  const path = join(folder, "killed.txt");
  writeFileSync(`${path}.partial`, "a long leftover of a killed run");
  await writeFileAtomic(path, "whole");
  assert.equal(readFileSync(path, "utf8"), "whole");
  writeFileSync(`${path}.partial`, "another");
  await removePartialFiles(folder);
  assert.equal(existsSync(`${path}.partial`), false);
  assert.equal(await exists(path), true);
  assert.equal(await exists(join(path, "below a file")), false);
});

test("a folder is made with those above it; where none can be made it is said in a line", async () => {
  const deep = join(folder, "a/b/c");
  await Promise.all([makeFolder(deep), makeFolder(join(folder, "a/b/d")), makeFolder(deep)]);
  await makeFolder(deep);
  await writeFileAtomic(join(deep, "file"), "in it");

  const notThere = join(folder, "not-there");
  const link = join(folder, "link");
  symlinkSync(notThere, link);
  for (const path of [link, join(link, "x")])
    await assert.rejects(makeFolder(path), {
      name: "UserError",
      message: /link: a link to what is not there;/,
    });
  await makeFolder(notThere);
  await makeFolder(join(link, "x"));
  assert.ok(existsSync(join(notThere, "x")));
  await assert.rejects(makeFolder(join(deep, "file")), { code: "EEXIST" });
  await assert.rejects(makeFolder(join(deep, "file/x/y")), { code: "ENOTDIR" });
});

test("a folder in /proc is refused, where Node's recursive mkdir never returns", async (t) => {
  if (!existsSync("/proc/self")) return t.skip("there is no /proc");
  const message = "/proc/apt3: no folder can be made in /proc; choose another";
  await assert.rejects(makeFolder("/proc/apt3/x/y"), { name: "UserError", message });
});
