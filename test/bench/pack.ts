import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { constants, createZstdCompress } from "node:zlib";
import { readLineBlocks } from "../../pipeline/readers/lines.ts";
import { openBytes } from "../../pipeline/readers/open.ts";
import { parseRecord } from "../../pipeline/readers/record.ts";
import { type JobContext, silentContext } from "../../pipeline/runtime/command.ts";
import { formatBytes, parseSize } from "../../pipeline/runtime/sizes.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { readDocuments } from "../../tokenizer/pack/documents.ts";
import { createDocumentEncoder } from "../../tokenizer/pack/encode-unit.ts";
import { pack } from "../../tokenizer/pack/pack.ts";
import { UnitRows } from "../../tokenizer/pack/unit-rows.ts";
import { writeShard } from "../../tokenizer/pack/write-shards.ts";
import { RowLoader } from "../../train/loader.ts";
import { openPackedData } from "../../train/packed-data.ts";
import { makePackedFolder } from "../train/packed-folder.ts";

const BIN = fileURLToPath(new URL("../../bin/apt3.ts", import.meta.url));
const CORPUS = fileURLToPath(new URL("../../../shared/corpus/prose-pl.jsonl.zst", import.meta.url));

/**
 * `npm run bench -- pack --tokenizer FOLDER [--texts FILE.jsonl.zst] [--size 50MB] [--large 5GB] [--parts …]`: speed of packing
 * and its stages on one thread, memory with small and large input, speed of the loader.
 */
export async function run(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      texts: { type: "string", default: CORPUS },
      tokenizer: { type: "string", default: "data/tokenizer" },
      size: { type: "string", default: "50MB" },
      large: { type: "string" },
      parts: { type: "string", default: "stages,loader,memory" },
    },
  });
  const { texts, tokenizer, large } = values;
  const parts = values.parts.split(",");
  if (!existsSync(texts) || !existsSync(join(tokenizer, "tokenizer.json"))) {
    console.log(`not measured: needs --texts (${texts}) and --tokenizer (${tokenizer})`);
    return;
  }
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
  const folder = mkdtempSync(join(tmpdir(), "apt3-bench-pack-"));
  try {
    if (parts.includes("stages")) {
      const input = join(folder, "texts.jsonl.zst");
      const textBytes = await growTexts(texts, parseSize(values.size) ?? 50e6, input);
      await benchStages(input, textBytes, tokenizer, folder);
    }
    if (parts.includes("loader")) await benchLoader(join(folder, "loader"));
    if (parts.includes("memory"))
      await benchMemory(
        texts,
        [100e6, ...(large === undefined ? [] : [parseSize(large) ?? 5e9])],
        tokenizer,
        folder,
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Repeats the texts until there are `size` bytes of them, every tenth word changed in each repetition. */
async function growTexts(source: string, size: number, path: string): Promise<number> {
  const texts: string[] = [];
  for await (const { bytes } of readLineBlocks(openBytes(source))) {
    for (const line of Buffer.from(bytes).toString().split("\n")) {
      const parsed = parseRecord(Buffer.from(line));
      if (parsed.ok) texts.push(parsed.record.text);
    }
  }
  let written = 0;
  async function* lines(): AsyncGenerator<Buffer> {
    for (let round = 0; ; round++) {
      for (const [index, text] of texts.entries()) {
        if (written >= size) return;
        let word = index + round;
        const changed =
          round === 0
            ? text
            : text.replaceAll(/ \p{L}{4,}/gu, (found) =>
                ++word % 10 === 0
                  ? `${found}${SUFFIXES[(word * 31 + round * 7) % SUFFIXES.length]}${SUFFIXES[round % SUFFIXES.length]}`
                  : found,
              );
        written += Buffer.byteLength(changed);
        yield Buffer.from(`${JSON.stringify({ text: changed, meta: { round } })}\n`);
      }
    }
  }
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  await pipeline(lines, compress, createWriteStream(path));
  return written;
}

const SUFFIXES = "owy ami ego ska nie ych emu acja arz nik ość ek ina usz ało iłby ach om ując any".split(
  " ",
);

/** Each stage with all those before it, so that a stage's time is a difference; then packing as a whole. */
async function benchStages(
  input: string,
  textBytes: number,
  tokenizer: string,
  folder: string,
): Promise<void> {
  const options = { tokenizer, bos: true, eos: true, validationShare: 0.005 };
  const encoder = await createDocumentEncoder(options);
  const blocks = () => readLineBlocks(openBytes(input));
  const shuffle = { seqLen: 2048, wide: false, strategy: "concat", padId: 3, buckets: 16, seed: 1 } as const;
  const encode = (text: Uint8Array) => encoder.tokenizer.encodeUtf8(text, { addBos: true, addEos: true });
  const documents: ReturnType<typeof encode>[] = [];
  const seconds = {
    decompression: await time(async () => {
      for await (const _ of openBytes(input));
    }),
    lines: await time(async () => {
      for await (const _ of blocks());
    }),
    json: await time(async () => {
      for await (const { bytes } of blocks()) readDocuments(bytes, true, () => undefined);
    }),
    foreignJson: await time(async () => {
      for await (const { bytes } of blocks()) readDocuments(bytes, false, () => undefined);
    }),
    encoding: await time(async () => {
      for await (const { bytes } of blocks()) {
        readDocuments(bytes, true, (text) => documents.push(encode(text)));
      }
    }),
    sorting: await time(async () => {
      const rows = new UnitRows(shuffle, 0, () => undefined);
      for (const document of documents) await rows.add("train", document, 0);
      await rows.finish();
    }),
  };
  const labels = new Map<string, number>();
  const whole = await time(() =>
    pack(
      {
        input,
        tokenizer,
        out: join(folder, "packed"),
        seqLen: 2048,
        seed: 1,
        validationShare: 0.005,
        workers: 1,
      },
      timing(labels),
    ),
  );
  const writing = [...labels]
    .filter(([label]) => label.startsWith("writing"))
    .reduce((sum, [, s]) => sum + s, 0);
  const shares: [string, number][] = [
    ["decompression", seconds.decompression],
    ["finding lines", seconds.lines - seconds.decompression],
    ["JSON, our own shards", seconds.json - seconds.lines],
    ["encoding", seconds.encoding - seconds.json],
    ["cutting and sorting rows", seconds.sorting],
    ["shuffle and shards (2nd pass)", writing],
  ];
  const total = shares.reduce((sum, [, s]) => sum + s, 0);
  console.log(
    formatTable([
      [`${formatBytes(textBytes)} of text, one thread`, "s", "MB/s", "share"],
      ...shares.map(([name, s]) => [
        name,
        s.toFixed(2),
        rate(textBytes, s),
        `${((100 * s) / total).toFixed(1)} %`,
      ]),
      ["all stages", total.toFixed(2), rate(textBytes, total), "100 %"],
      [
        "JSON of foreign files, instead",
        (seconds.foreignJson - seconds.lines).toFixed(2),
        rate(textBytes, seconds.foreignJson - seconds.lines),
        "",
      ],
      ["pack, 1 worker + main thread, wall", whole.toFixed(2), rate(textBytes, whole), ""],
    ]),
  );
}

/** A 1 GiB shard: how long opening takes, and how fast rows come in stored and in shuffled order. */
async function benchLoader(folder: string): Promise<void> {
  const manifest = await makePackedFolder(folder, {
    seqLen: 2048,
    vocabSize: 31_980,
    trainShards: [1],
    validationRows: 0,
  });
  const rows = 2 ** 18;
  const row = new Uint16Array(2048);
  function* generate(): Generator<Uint16Array<ArrayBuffer>> {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < row.length; j++) row[j] = (i * 7 + j * 131) % 31_980;
      yield row;
    }
  }
  const [shard] = manifest.shards;
  const { rowsHash: _, ...record } = await writeShard(generate(), join(folder, shard!.file), {
    seqLen: 2048,
    wide: false,
    metadata: {},
  });
  for await (const _ of createReadStream(join(folder, shard!.file))); // into the page cache
  const data = { ...(await openPackedData(folder)), shards: [{ ...shard!, ...record }] };
  const results: (string | number)[][] = [];
  for (const [name, epoch, count] of [
    ["first pass, 8 rows a batch", 0, 8],
    ["first pass, 64 rows a batch", 0, 64],
    ["later pass (shuffled), 8 rows a batch", 1, 8],
    ["later pass (shuffled), 64 rows a batch", 1, 64],
  ] as const) {
    const loader = new RowLoader(data, "train", 1, { epoch, row: 0 });
    const opening = await time(() => loader.next(1));
    const read = Math.floor(rows / 2 / count) * count;
    const seconds = await time(async () => {
      for (let i = 0; i < read; i += count) await loader.next(count);
    });
    await loader.close();
    results.push([
      name,
      (opening * 1000).toFixed(1),
      rate(read * 4096, seconds),
      ((seconds / read) * 1e6).toFixed(1),
    ]);
  }
  console.log(
    formatTable([
      [`loader, ${formatBytes(record.bytes)} shard in the page cache`, "opening, ms", "MB/s", "µs a row"],
      ...results,
    ]),
  );
}

/** Peak memory of the command as a user runs it, one foreign file of each size. */
async function benchMemory(
  source: string,
  sizes: readonly number[],
  tokenizer: string,
  folder: string,
): Promise<void> {
  const results: string[][] = [];
  for (const size of sizes) {
    const input = join(folder, "grown.jsonl.zst");
    const textBytes = await growTexts(source, size, input);
    const out = join(folder, `packed-${size}`);
    const started = performance.now();
    const child = spawn(
      process.execPath,
      [BIN, "pack", "--input", input, "--tokenizer", tokenizer, "--out", out],
      { stdio: "ignore" },
    );
    let peak = 0;
    const watch = setInterval(() => (peak = Math.max(peak, peakMemory(child.pid))), 100);
    const [code] = await once(child, "close");
    clearInterval(watch);
    const seconds = (performance.now() - started) / 1000;
    results.push([
      formatBytes(textBytes),
      formatBytes(peak),
      seconds.toFixed(1),
      rate(textBytes, seconds),
      String(code),
    ]);
    rmSync(out, { recursive: true, force: true });
  }
  console.log(
    formatTable([
      ["text in one foreign file", "peak memory", "s", "MB/s, all cores", "exit code"],
      ...results,
    ]),
  );
}

/** The largest resident set of a process so far; 0 when it is gone. */
function peakMemory(pid: number | undefined): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

const rate = (bytes: number, seconds: number) => (bytes / 1e6 / seconds).toFixed(0);

/** A context that notes how long each of a job's tasks took. */
function timing(labels: Map<string, number>): JobContext {
  const context = silentContext();
  const start: JobContext["progress"]["start"] = ({ label }) => {
    const started = performance.now();
    return {
      advance() {},
      note() {},
      done: () => void labels.set(label, (performance.now() - started) / 1000),
    };
  };
  return { ...context, progress: { ...context.progress, start } };
}
