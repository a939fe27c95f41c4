import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { zstdCompressSync } from "node:zlib";
import { readPlace } from "../../pipeline/read-place.ts";
import { writeJsonl } from "../support/corpus.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = temporaryFolder();
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/pipeline/${name}`, import.meta.url));

test("a place is a file and a line that holds a text", async () => {
  const path = join(root, "two.jsonl");
  writeJsonl(path, [{ text: "pierwszy" }, { meta: {} }]);
  assert.equal((await readPlace(`${path}:1`)).text, "pierwszy");
  await assert.rejects(readPlace(`${path}:2`), /two\.jsonl:2: ingest leaves this line out .*\(no-text\)/);
  await assert.rejects(readPlace(`${path}:3`), /two\.jsonl:3: there are only 2/);
  await assert.rejects(readPlace(path), /expected FILE:LINE/);
  await assert.rejects(readPlace(`${path}:0`), /expected FILE:LINE/);
  for (const [missing, message] of [
    [join(root, "none.jsonl.zst"), /none\.jsonl\.zst: cannot be read \(ENOENT\)/],
    [root, /: cannot be read \(EISDIR\)/],
  ] as const)
    await assert.rejects(readPlace(`${missing}:1`), { name: "UserError", message });
});

test("lines are read as ingest reads them: bytes that are no text, long and blank ones too", async () => {
  const path = join(root, "odd.jsonl.zst");
  const lines = [`{"text":"a"}`, "", `{"text":"${"b".repeat(1 << 24)}"}`, `{"text":"\xb1"}`, `{"text":"c"}`];
  writeFileSync(path, zstdCompressSync(Buffer.from(lines.join("\n"), "latin1")));
  assert.equal((await readPlace(`${path}:1`)).text, "a");
  await assert.rejects(readPlace(`${path}:2`), /:2: a blank line, which ingest passes over/);
  await assert.rejects(readPlace(`${path}:3`), /:3: ingest leaves this line out .*\(line-too-long\)/);
  await assert.rejects(readPlace(`${path}:4`), /:4: ingest leaves this line out .*\(not-utf8\)/);
  assert.equal((await readPlace(`${path}:5`)).text, "c");
  await assert.rejects(readPlace(`${path}:6`), /:6: there are only 5/);
});

test("of other formats the document of that number is read", async () => {
  const rows = fixture("zstd.parquet");
  await assert.rejects(readPlace(`${rows}:1`), /has no column text; set `textColumn` to one of /);
  const page = join(root, "page.html");
  writeFileSync(page, Buffer.from("<p>w\xb1\xbf</p>", "latin1"));
  assert.equal((await readPlace(`${page}:1`)).text, "<p>wąż</p>");
  const dump = join(root, "dump.xml");
  const redirect = '<page><title>A</title><ns>0</ns><redirect title="B"/></page>';
  const article = "<page><title>B</title><ns>0</ns><revision><text>tekst</text></revision></page>";
  writeFileSync(dump, `<mediawiki>${redirect}${article}</mediawiki>`);
  await assert.rejects(readPlace(`${dump}:1`), /:1: ingest leaves this line out .*\(redirect\)/);
  assert.equal((await readPlace(`${dump}:2`)).text, "tekst");
});
