import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { fingerprint, readJson, writeJson } from "../../../pipeline/runtime/manifest.ts";
import { temporaryFolder } from "../../support/folders.ts";

const folder = temporaryFolder();

test("a fingerprint depends on values, not on the order of keys", () => {
  assert.equal(fingerprint({ a: 1, b: [2, { c: 3, d: 4 }] }), fingerprint({ b: [2, { d: 4, c: 3 }], a: 1 }));
  assert.equal(fingerprint({ a: 1, b: undefined }), fingerprint({ a: 1 }));
  assert.notEqual(fingerprint({ a: 1 }), fingerprint({ a: "1" }));
  assert.notEqual(fingerprint([1, 2]), fingerprint([2, 1]));
  assert.match(fingerprint(null), /^[0-9a-f]{64}$/);
});

test("a JSON file is read back, and a wrong one is refused with its place and value", async () => {
  const schema = z.strictObject({ shards: z.array(z.strictObject({ rows: z.number() })) });
  const path = join(folder, "manifest.json");
  await writeJson(path, { shards: [{ rows: 3 }] });
  assert.deepEqual(await readJson(path, schema), { shards: [{ rows: 3 }] });

  await writeJson(path, { shards: [{ rows: 3 }, { rows: "many" }] });
  await assert.rejects(readJson(path, schema), (error: Error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.message, `${path}: shards[1].rows: expected number, received string, found "many"`);
    return true;
  });
  await writeJson(path, { shards: [], extra: 1 });
  await assert.rejects(readJson(path, schema), { message: `${path}: Unrecognized key: "extra"` });
  writeFileSync(path, "{cut");
  await assert.rejects(readJson(path, schema), {
    name: "UserError",
    message: /manifest\.json: not valid JSON/,
  });
});

test("a manifest of another command or version is named as such, whatever else differs", async () => {
  const schema = z.strictObject({ format: z.literal("apt3.clean/2"), planned: z.array(z.string()) });
  const path = join(folder, "older.json");
  await writeJson(path, { format: "apt3.clean/1", rows: 3 });
  await assert.rejects(readJson(path, schema), {
    name: "UserError",
    message: `${path}: of another command or version of apt3 (format apt3.clean/1); name another folder`,
  });
  await writeJson(path, { format: "a\nb", planned: [] });
  await assert.rejects(readJson(path, schema), { message: /format: .*expected "apt3\.clean\/2"/ });
});
