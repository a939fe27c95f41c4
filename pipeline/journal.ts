import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BANDS } from "./dedup/minhash.ts";
import { ARCHIVE_ENDING, type Evidence, evidenceSchema, type UnitEvidence } from "./evidence/evidence.ts";
import { exists, removePartialFiles, writeFileAtomic } from "./runtime/files.ts";
import { readJson, writeJson } from "./runtime/manifest.ts";
import { statisticsSchema } from "./statistics.ts";

/** A finished piece of ingest: a span of a data set's lines, of one input or several, with the shard they became. */
const unitSchema = z.strictObject({
  dataset: z.string(),
  /** Where work goes on: the input's index in its data set, and how many of its lines are done. */
  input: z.number(),
  linesDone: z.number(),
  /** Inputs that end in this span, or reach the limit in it: then without a hash. */
  ended: z.array(z.strictObject({ input: z.number(), lines: z.number(), sha256: z.string().optional() })),
  /** Uncompressed bytes of this span, which `--limit` counts. */
  inputBytes: z.number(),
  /** Absent when no document of the span was kept. */
  shard: z
    .strictObject({
      file: z.string(),
      documents: z.number(),
      textBytes: z.number(),
      characters: z.number(),
      bytes: z.number(),
      sha256: z.string(),
    })
    .optional(),
  statistics: statisticsSchema,
});

export type Unit = z.infer<typeof unitSchema>;

/** A unit as a stage left it, and what shows what the stage did. */
const entrySchema = z.strictObject({ unit: unitSchema, evidence: evidenceSchema });

/** A unit as near-dedup left it. */
const deduplicatedSchema = entrySchema.extend({
  /** Documents it dropped, by their place in the unit's own shard. */
  dropped: z.array(z.number()),
});

/** The stages that keep evidence, by the ending of what they leave. */
const EVIDENCE = [
  ["json", entrySchema],
  ["lines", entrySchema],
  ["unique", deduplicatedSchema],
] as const;

export type Deduplicated = z.infer<typeof deduplicatedSchema>;

/**
 * What is done, one file a unit, written after the unit's shard is in its place: the last mark of done.
 * Beside each lies a file of the kept documents' dedup keys, from which the set is rebuilt on resume.
 */
export class Journal {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(outFolder: string): Promise<Journal> {
    const folder = join(outFolder, "journal");
    await mkdir(folder, { recursive: true });
    await removePartialFiles(folder);
    return new Journal(folder);
  }

  /** The finished units of a data set, in order; a gap ends them. */
  async read(dataset: string): Promise<Unit[]> {
    const units: Unit[] = [];
    while (await exists(this.#path(dataset, units.length, "json"))) {
      units.push((await readJson(this.#path(dataset, units.length, "json"), entrySchema)).unit);
    }
    return units;
  }

  async readKeys(dataset: string, index: number): Promise<BigUint64Array> {
    const bytes = await readFile(this.#path(dataset, index, "keys"));
    return new BigUint64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }

  /** @param bands band hashes, `BANDS` pairs of 32-bit halves for each key; none without near-dedup */
  async append(
    index: number,
    { unit, evidence }: { readonly unit: Unit; readonly evidence: Evidence },
    keys: BigUint64Array,
    bands: Uint32Array,
  ): Promise<void> {
    if (bands.length > 0) {
      const columns = byBand(bands, keys.length);
      await writeFileAtomic(this.bandsPath(unit), new Uint8Array(columns.buffer));
    }
    const bytes = new Uint8Array(keys.buffer, keys.byteOffset, keys.byteLength);
    await writeFileAtomic(this.#path(unit.dataset, index, "keys"), bytes);
    await writeJson(this.#path(unit.dataset, index, "json"), { unit, evidence });
  }

  /** What near-dedup made of a unit, in this run or one before; undefined when it had nothing to drop. */
  async readDeduplicated(dataset: string, index: number): Promise<Deduplicated | undefined> {
    const path = this.#path(dataset, index, "unique");
    return (await exists(path)) ? await readJson(path, deduplicatedSchema) : undefined;
  }

  async writeDeduplicated(index: number, deduplicated: Deduplicated): Promise<void> {
    await writeJson(this.#path(deduplicated.unit.dataset, index, "unique"), deduplicated);
  }

  /** Forgets a data set's units from the last to the first, so that a kill in between leaves no gap. */
  async forget(dataset: string): Promise<void> {
    for (let index = (await this.read(dataset)).length - 1; index >= 0; index--) {
      await rm(this.#path(dataset, index, "json"), { force: true });
      for (const ending of [
        "keys",
        "bands",
        "lines",
        "lines.bands",
        "unique",
        `clean${ARCHIVE_ENDING}`,
        `lines${ARCHIVE_ENDING}`,
      ])
        await rm(this.#path(dataset, index, ending), { force: true });
    }
  }

  /** The band hashes of the documents in a unit's shard, column by column (see `findNearDuplicates`). */
  bandsPath({ shard }: Unit): string {
    return join(this.folder, shard?.file.replace(SHARD_ENDING, ".bands") ?? "");
  }

  /** A unit without the lines that its data set repeats; undefined before that is done. */
  async readWithoutLines(dataset: string, index: number): Promise<Unit | undefined> {
    const path = this.#path(dataset, index, "lines");
    return (await exists(path)) ? (await readJson(path, entrySchema)).unit : undefined;
  }

  /** @param bands column by column, of the documents that are left; none without near-dedup */
  async writeWithoutLines(
    index: number,
    { unit, evidence }: { readonly unit: Unit; readonly evidence: Evidence },
    bands: Uint32Array,
  ): Promise<void> {
    const bytes = new Uint8Array(bands.buffer, bands.byteOffset, bands.byteLength);
    if (bytes.length > 0) await writeFileAtomic(this.bandsPath(unit), bytes);
    await writeJson(this.#path(unit.dataset, index, "lines"), { unit, evidence });
  }

  /** What the stages kept to show what they did: data set by data set, unit by unit, the stages in their order. */
  async *evidenceOf(datasets: readonly { readonly name: string }[]): AsyncGenerator<UnitEvidence> {
    for (const { name: dataset } of datasets) {
      for (let index = 0; await exists(this.#path(dataset, index, "json")); index++) {
        for (const [ending, schema] of EVIDENCE) {
          const path = this.#path(dataset, index, ending);
          if (!(await exists(path))) continue;
          yield { dataset, evidence: (await readJson<{ evidence: Evidence }>(path, schema)).evidence };
        }
      }
    }
  }

  /** Where a unit's dropped documents go whole until they are published; `stage` tells those of several stages apart. */
  archivePath(dataset: string, index: number, stage: string): string {
    return this.#path(dataset, index, `${stage}${ARCHIVE_ENDING}`);
  }

  #path(dataset: string, index: number, ending: string): string {
    return join(this.folder, `${unitName(dataset, index)}.${ending}`);
  }
}

/** What the name of every shard ends in. */
export const SHARD_ENDING = ".jsonl.zst";

/** From one row a document to one column a band. */
function byBand(rows: Uint32Array, documents: number): Uint32Array<ArrayBuffer> {
  const columns = new Uint32Array(rows.length);
  for (let document = 0; document < documents; document++) {
    for (let band = 0; band < BANDS; band++) {
      const from = (document * BANDS + band) * 2;
      const to = (band * documents + document) * 2;
      columns[to] = rows[from] as number;
      columns[to + 1] = rows[from + 1] as number;
    }
  }
  return columns;
}

/** Name of a data set's n-th unit and of its shard. */
export function unitName(dataset: string, index: number): string {
  return `${dataset}-${String(index).padStart(5, "0")}`;
}
