import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openAppender } from "../run/appender.ts";
import { isEvaluation, isSamples, type MetricsLine } from "../run/metrics.ts";
import { crc32c } from "./crc32c.ts";
import { type Event, encodeEvent } from "./event.ts";

/** A file of events that `tensorboard --logdir runs` shows. */
export interface EventFile {
  append(line: MetricsLine): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a file of its own for what comes after `step`: TensorBoard reads the files of a folder in the order of their
 * names and forgets, at a restart, what earlier ones said of later steps.
 */
export async function openEventFile(folder: string, step: number): Promise<EventFile> {
  await mkdir(folder, { recursive: true });
  const now = Date.now();
  const name = `events.out.tfevents.${Math.floor(now / 1000)}.${String(now % 1000).padStart(3, "0")}.apt3`;
  // The metrics say that the disk is full; these events are only a view of them.
  const file = await openAppender(join(folder, name), () => undefined);
  const write = (event: Event, time: number) => file.append(frame(encodeEvent(event, time)));
  await write({ kind: "version" }, now / 1000);
  await write({ kind: "restart", step: step + 1 }, now / 1000);
  return {
    async append(line) {
      const time = "timing" in line ? line.timing.time : Date.now() / 1000;
      for (const event of eventsOf(line)) await write(event, time);
    },
    close: () => file.close(),
  };
}

/** A record of TensorFlow's TFRecord format: length, its checksum, the data, its checksum. */
function frame(data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(data.length + 16);
  out.writeBigUInt64LE(BigInt(data.length));
  out.writeUInt32LE(maskedChecksum(out.subarray(0, 8)), 8);
  out.set(data, 12);
  out.writeUInt32LE(maskedChecksum(data), 12 + data.length);
  return out;
}

/** TFRecord masks its checksums (rotate by 15, add a constant), since a checksum of data with checksums is weak. */
function maskedChecksum(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
}

function eventsOf(line: MetricsLine): Event[] {
  const { step } = line;
  if (isEvaluation(line)) {
    const { loss, perplexity, accuracy, bitsPerByte } = line.evaluation;
    const values = { loss, perplexity, accuracy, "bits per byte": bitsPerByte };
    return [{ kind: "scalars", step, values: withPrefix("validation/", values) }];
  }
  if (isSamples(line)) {
    return line.samples.map(({ prompt, text }, index) => ({
      kind: "text",
      step,
      tag: `samples/${index + 1}`,
      text: `**${prompt}**${text}`,
    }));
  }
  const { loss, accuracy, learningRate, gradientNorm, tokens, timing } = line;
  const speed = {
    "tokens a second": timing.tokensPerSecond,
    teraflops: timing.teraflops,
    ...(timing.modelFlopsUtilization === undefined ? {} : { mfu: timing.modelFlopsUtilization }),
    "memory (GB)": timing.memoryBytes / 1e9,
  };
  const values = {
    ...withPrefix("training/", {
      loss,
      accuracy,
      "learning rate": learningRate,
      "gradient norm": gradientNorm,
      tokens,
    }),
    ...withPrefix("speed/", speed),
  };
  return [{ kind: "scalars", step, values }];
}

const withPrefix = (prefix: string, values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
