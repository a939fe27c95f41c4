import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { openBytes } from "../../pipeline/readers/open.ts";
import { buildSample, DAMAGED_NAME, SAMPLE_NAME } from "../../pipeline/sample/build.ts";
import {
  countText,
  parseTexts,
  readTextFile,
  readTexts,
  splitSentences,
} from "../../pipeline/sample/texts.ts";
import { temporaryFolder } from "../support/folders.ts";

const SAMPLE = join(import.meta.dirname, "../../pipeline/sample");
/** The zstd that wrote the committed files; another version may compress the same lines to other bytes. */
const COMMITTED_WITH_ZSTD = "1.5.7";

const texts = readTexts(join(SAMPLE, "texts"));
const own = readTextFile(join(SAMPLE, "texts-damaged.txt"), "damaged");

async function readLines(path: string): Promise<string[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of openBytes(path)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8").split("\n").slice(0, -1);
}

/** The kind a line of the damaged set says it is, or undefined for a line that cannot say it. */
function damageOf(line: string): string | undefined {
  return /["']damage["']: ?["']([\w-]+)["']/.exec(line)?.[1];
}

describe("the committed sample", () => {
  const folder = temporaryFolder();
  before(async () => {
    await buildSample(folder);
  });

  for (const name of [SAMPLE_NAME, DAMAGED_NAME]) {
    test(`${name} holds the lines its texts give`, async () => {
      const file = `${name}.jsonl.zst`;
      assert.deepEqual(await readLines(join(SAMPLE, file)), await readLines(join(folder, file)));
    });

    for (const ending of ["jsonl.zst", "manifest", "sample"]) {
      const skip = process.versions.zstd !== COMMITTED_WITH_ZSTD && `zstd is not ${COMMITTED_WITH_ZSTD}`;
      test(`${name}.${ending} is byte for byte what a rebuild gives`, { skip }, async () => {
        const file = `${name}.${ending}`;
        assert.deepEqual(await readFile(join(folder, file)), await readFile(join(SAMPLE, file)));
      });
    }

    test(`${name}.manifest states size and number of documents`, async () => {
      const manifest = JSON.parse(await readFile(join(SAMPLE, `${name}.manifest`), "utf8"));
      const archive = await readFile(join(SAMPLE, `${name}.jsonl.zst`));
      assert.equal(manifest.file_size, archive.length);
      const lines = await readLines(join(SAMPLE, `${name}.jsonl.zst`));
      const withText = lines.filter((line) => /^\{"text":(?:"|\[)/.test(line) && line.endsWith("}"));
      assert.equal(manifest.stats.documents, withText.length);
    });

    test(`${name}.sample is the first five records`, async () => {
      const samples: unknown = JSON.parse(await readFile(join(SAMPLE, `${name}.sample`), "utf8"));
      const lines = await readLines(join(SAMPLE, `${name}.jsonl.zst`));
      assert.deepEqual(
        samples,
        lines.slice(0, 5).map((line): unknown => JSON.parse(line)),
      );
    });
  }

  test("the damaged set is two zstd frames, the clean set one", async () => {
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    const frames = async (name: string): Promise<number> => {
      const bytes = await readFile(join(SAMPLE, `${name}.jsonl.zst`));
      assert.equal(bytes.indexOf(magic), 0);
      return bytes.indexOf(magic, 1) < 0 ? 1 : 2;
    };
    assert.equal(await frames(SAMPLE_NAME), 1);
    assert.equal(await frames(DAMAGED_NAME), 2);
  });

  test("README.md gives the true numbers", async () => {
    const readme = (await readFile(join(SAMPLE, "README.md"), "utf8")).replace(/ +/g, " ");
    const { stats } = JSON.parse(await readFile(join(SAMPLE, `${SAMPLE_NAME}.manifest`), "utf8"));
    const [documents, characters, words] = [stats.documents, stats.characters, stats.words].map(
      (count: number) => count.toLocaleString("en"),
    );
    assert.ok(
      readme.includes(
        `${documents} original documents in 20 genres, ${characters} characters, ${words} words`,
      ),
    );
    for (const [genre, inGenre] of Map.groupBy(texts, (text) => text.genre)) {
      const characters = inGenre.reduce((sum, { text }) => sum + countText(text).characters, 0);
      assert.ok(readme.includes(`| ${genre} | ${inGenre.length} | ${characters} |`), genre);
    }
    const lines = await readLines(join(SAMPLE, `${DAMAGED_NAME}.jsonl.zst`));
    assert.ok(readme.includes(`| ${lines.length} lines broken`));
    const told = Map.groupBy(lines, damageOf);
    const rows = [...readme.matchAll(/^\| ([\w-]+) \| (\d+) \| \D/gm)].map(([, kind, count]) => ({
      kind,
      count,
    }));
    for (const { kind, count } of rows) {
      if (kind !== "not-json" && kind !== "not-an-object") {
        assert.equal(Number(count), told.get(kind)?.length, kind);
      }
    }
    assert.equal(
      rows.reduce((sum, { count }) => sum + Number(count), 0),
      lines.length,
    );
  });
});

describe("the texts", () => {
  test("are at least 130 documents and 150 kB", () => {
    assert.ok(texts.length >= 130, `${texts.length} documents`);
    const bytes = texts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    assert.ok(bytes >= 150_000, `${bytes} bytes`);
    assert.ok(own.length >= 40, `${own.length} documents of the damaged set's own`);
  });

  test("have 300 to 3000 characters each, and Polish letters", () => {
    for (const { title, text } of [...texts, ...own]) {
      const { characters } = countText(text);
      assert.ok(characters >= 300 && characters <= 3000, `${title}: ${characters} characters`);
      const letters = text.match(/\p{L}/gu)?.length ?? 0;
      const polish = text.match(/[ąćęłńóśźż]/giu)?.length ?? 0;
      assert.ok(polish / letters > 0.03, `${title}: ${polish} Polish letters of ${letters}`);
    }
  });

  test("are clean: NFC, typographic quotes in pairs, no doubled blanks, no control characters", () => {
    for (const { title, text } of [...texts, ...own]) {
      assert.equal(text, text.normalize("NFC"), title);
      assert.doesNotMatch(text, /["\t\r\u00a0\u00ad\u200b]| {2}| \n|\n{3}/u, title);
      assert.equal(text.split("„").length, text.split("”").length, `${title}: unpaired quotes`);
    }
  });

  test("share no title and no sentence longer than 40 characters", () => {
    const titles = new Set<string>();
    const sentences = new Map<string, string>();
    for (const { title, text } of [...texts, ...own]) {
      assert.ok(!titles.has(title), `two documents named ${title}`);
      titles.add(title);
      for (const sentence of splitSentences(text).filter(({ length }) => length > 40)) {
        assert.equal(sentences.get(sentence.toLowerCase()) ?? title, title, `shared sentence: ${sentence}`);
        sentences.set(sentence.toLowerCase(), title);
      }
    }
  });
});

describe("reading the texts", () => {
  test("splits a file at its headers", () => {
    assert.deepEqual(parseTexts("=== Jeden\nAla.\n\nKot = pies.\n=== Dwa\nOla.\n", "proza"), [
      { title: "Jeden", genre: "proza", text: "Ala.\n\nKot = pies." },
      { title: "Dwa", genre: "proza", text: "Ola." },
    ]);
  });

  test("names the file and the document that is wrong", () => {
    assert.throws(() => parseTexts("Ala.\n=== Jeden\nOla.\n", "proza"), /proza\.txt: text before the first/);
    assert.throws(
      () => parseTexts("=== Jeden\nAla.\n=== Dwa\n\n", "proza"),
      /proza\.txt: document 2 \("Dwa"\)/,
    );
    assert.throws(() => parseTexts("=== \nAla.\n", "proza"), /document 1 \(""\) lacks a title/);
  });

  test("counts code points, words and sentences", () => {
    assert.deepEqual(countText("Zażółć gęślą jaźń! „Czy to już?” — spytała.\n\n— No, chyba 😀"), {
      characters: 58,
      words: 9,
      sentences: 3,
    });
  });
});
