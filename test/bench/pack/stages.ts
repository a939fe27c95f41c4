import { join } from "node:path";
import { readLineBlocks } from "../../../pipeline/readers/lines.ts";
import { openBytes } from "../../../pipeline/readers/open.ts";
import { type JobContext, silentContext } from "../../../pipeline/runtime/command.ts";
import { formatBytes } from "../../../pipeline/runtime/sizes.ts";
import { formatTable } from "../../../pipeline/runtime/table.ts";
import { createDocumentEncoder } from "../../../tokenizer/pack/encode-unit.ts";
import { pack } from "../../../tokenizer/pack/pack.ts";
import { ScratchFile } from "../../../tokenizer/pack/scratch-file.ts";
import { RowBuffers, UnitRows } from "../../../tokenizer/pack/unit-rows.ts";
import { rate, time } from "./measure.ts";

const ROUNDS = 2;

/**
 * Processor time of each stage, on the main thread: each is measured with all before it, so that its own time is a
 * difference. Every round of encoding begins with an empty cache, as a worker does.
 */
export async function benchStages(
  input: string,
  textBytes: number,
  tokenizer: string,
  folder: string,
): Promise<void> {
  const encode = { tokenizer, bos: true, eos: true, validationShare: 0.005 };
  const shuffle = { seqLen: 2048, wide: false, strategy: "concat", padId: 3, buckets: 16, seed: 1 } as const;
  const blocks = () => readLineBlocks(openBytes(input));
  let encoder = await createDocumentEncoder(encode);
  let documents: ReturnType<typeof encoder.tokenizer.encodeUtf8>[] = [];

  const decompression = await time(async () => {
    for await (const _ of openBytes(input));
  }, ROUNDS);
  const lines = await time(async () => {
    for await (const _ of blocks());
  }, ROUNDS);
  const json = await time(async () => {
    for await (const { bytes } of blocks()) encoder.reader.read(bytes, () => undefined);
  }, ROUNDS);
  const split = await time(async () => {
    for await (const { bytes } of blocks()) encoder.reader.read(bytes, encoder.isHeldOut);
  }, ROUNDS);
  let encoding = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    encoder = await createDocumentEncoder(encode);
    documents = [];
    const { cpu } = await time(async () => {
      for await (const { bytes } of blocks())
        encoder.reader.read(bytes, (text) => {
          documents.push(encoder.tokenizer.encodeUtf8(text, { addBos: true, addEos: true }));
        });
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
    ["decompression", decompression.cpu],
    ["lines", Math.max(0, lines.cpu - decompression.cpu)],
    ["JSON", Math.max(0, json.cpu - lines.cpu)],
    ["hash for the split", Math.max(0, split.cpu - json.cpu)],
    ["encoding", encoding - json.cpu],
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
      row("all but encoding", total - (encoding - json.cpu)),
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
