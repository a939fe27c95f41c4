import { join } from "node:path";
import { openBytes } from "../../../pipeline/readers/open.ts";
import { type JobContext, silentContext } from "../../../pipeline/runtime/command.ts";
import { formatBytes } from "../../../pipeline/runtime/sizes.ts";
import { formatTable } from "../../../pipeline/runtime/table.ts";
import type { TokenIds } from "../../../tokenizer/engine/token-ids.ts";
import { BlockPool } from "../../../tokenizer/pack/encode/block-pool.ts";
import { cutLines } from "../../../tokenizer/pack/encode/cut-lines.ts";
import { createDocumentEncoder } from "../../../tokenizer/pack/encode/encode-unit.ts";
import { UNIT_BYTES } from "../../../tokenizer/pack/encode/units.ts";
import { pack } from "../../../tokenizer/pack/pack.ts";
import { ScratchFile } from "../../../tokenizer/pack/rows/scratch-file.ts";
import { RowBuffers, UnitRows } from "../../../tokenizer/pack/rows/unit-rows.ts";
import { rate, time } from "./measure.ts";

const ROUNDS = 3;

/**
 * Processor time of each stage on the main thread, each alone on what the stage before it made, which lies in memory;
 * the best of three rounds. Every round of encoding begins with an empty cache, as a worker does.
 */
export async function benchStages(
  input: string,
  textBytes: number,
  tokenizer: string,
  folder: string,
): Promise<void> {
  const encode = { tokenizer, bos: true, eos: true, validationShare: 0.005 };
  const shuffle = { seqLen: 2048, wide: false, strategy: "concat", padId: 3, buckets: 16, seed: 1 } as const;
  const { reader, isHeldOut } = await createDocumentEncoder(encode);
  const units: Uint8Array[] = [];
  const texts: Uint8Array[] = [];

  const reading = await time(async () => {
    const blocks = new BlockPool(UNIT_BYTES); // each unit is done with at once, and its block used again
    for await (const { lines } of cutLines(openBytes(input, { freeChunks: true }), blocks))
      blocks.giveBack(lines);
  }, ROUNDS);
  for await (const { lines } of cutLines(openBytes(input), new BlockPool(UNIT_BYTES))) units.push(lines);
  const json = await time(async () => {
    for (const lines of units) reader.read(lines, () => undefined);
  }, ROUNDS);
  for (const lines of units) reader.read(lines, (text) => texts.push(Uint8Array.from(text)));
  const split = await time(async () => {
    for (const text of texts) isHeldOut(text);
  }, ROUNDS);
  let encoding = Number.POSITIVE_INFINITY;
  let documents: TokenIds[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const encoder = await createDocumentEncoder(encode);
    documents = [];
    const { cpu } = await time(async () => {
      for (const text of texts)
        documents.push(encoder.tokenizer.encodeUtf8(text, { addBos: true, addEos: true }));
    });
    encoding = Math.min(encoding, cpu);
  }
  const sorting = await time(async () => {
    const file = new ScratchFile(join(folder, "unit.rows"));
    const rows = new UnitRows(shuffle, 0, new RowBuffers(shuffle), (ids) => file.write(ids));
    for (const document of documents) rows.add("train", document, 0);
    rows.finish();
    file.commit();
  }, ROUNDS);
  const labels = new Map<string, number>();
  const out = join(folder, "stages");
  const options = { input, tokenizer, out, seqLen: 2048, seed: 1, validationShare: 0.005, workers: 1 };
  await pack(options, timing(labels));
  const writing = [...labels].reduce((sum, [label, cpu]) => sum + (label.startsWith("writing") ? cpu : 0), 0);

  const shares: [string, number][] = [
    ["decompression, cutting into units", reading.cpu],
    ["JSON", json.cpu],
    ["hash for the split", split.cpu],
    ["encoding", encoding],
    ["cutting, sorting, scratch files", sorting.cpu],
    ["shuffle, hashes, Arrow (2nd pass)", writing],
  ];
  const total = shares.reduce((sum, [, cpu]) => sum + cpu, 0);
  const row = (name: string, cpu: number) => {
    return [name, cpu.toFixed(2), rate(textBytes, cpu), `${((100 * cpu) / total).toFixed(1)} %`];
  };
  console.log(
    formatTable([
      [`stages, ${formatBytes(textBytes)} of text`, "CPU s", "MB/s", "share"],
      ...shares.map(([name, cpu]) => row(name, cpu)),
      row("all", total),
      row("all but encoding", total - encoding),
    ]),
  );
}

/** A context that notes how much processor time the whole process used during each of a job's tasks. */
function timing(labels: Map<string, number>): JobContext {
  const context = silentContext();
  const start: JobContext["progress"]["start"] = ({ label }) => {
    const before = process.cpuUsage();
    return {
      advance() {},
      note() {},
      done() {
        const { user, system } = process.cpuUsage(before);
        labels.set(label, (user + system) / 1e6);
      },
    };
  };
  return { ...context, progress: { ...context.progress, start } };
}
