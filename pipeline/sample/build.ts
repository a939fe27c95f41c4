import { join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { writeFileAtomic } from "../runtime/files.ts";
import { type DamagedLine, damagedLines } from "./damaged-set.ts";
import { countText, readTextFile, readTexts, type SampleText, type TextCounts } from "./texts.ts";

/** The names of the two data sets, as file names before `.jsonl.zst`, `.manifest` and `.sample`. */
export const SAMPLE_NAME = "apt3_sample_pl";
export const DAMAGED_NAME = "apt3_sample_damaged_pl";

const LICENSE = "CC0-1.0";
const SEED = 20;
/** Records of a `.sample` file; Speakleash has up to five. */
const SAMPLE_RECORDS = 5;

/**
 * Builds both data sets from the texts beside this file and writes them in the Speakleash form. The same
 * texts give the same bytes with the same version of zstd.
 * @param outDir folder for the six files; made if missing
 */
export async function buildSample(outDir: string): Promise<void> {
  const texts = readTexts(join(import.meta.dirname, "texts"));
  const own = readTextFile(join(import.meta.dirname, "texts-damaged.txt"), "damaged");
  const foreign = readTextFile(join(import.meta.dirname, "texts-foreign.txt"), "foreign");

  await writeSet(outDir, {
    name: SAMPLE_NAME,
    description: "Original Polish texts of many genres, written for apt3.",
    frames: [texts.map(cleanLine)],
  });

  const damaged = damagedLines(texts, own, foreign, SEED);
  const middle = Math.ceil(damaged.length / 2);
  await writeSet(outDir, {
    name: DAMAGED_NAME,
    description: "Polish texts damaged on purpose; meta.damage names the kind. For tests, not for training.",
    frames: [damaged.slice(0, middle), damaged.slice(middle)],
  });
}

/** A line of a set; `text` is absent from the damaged set's lines that hold none. */
type SetLine = Pick<DamagedLine, "line" | "text">;

interface DataSet {
  readonly name: string;
  readonly description: string;
  /** The lines of each zstd frame; the frames stand back to back in one file. */
  readonly frames: readonly (readonly SetLine[])[];
}

function cleanLine({ text, title, genre }: SampleText): SetLine {
  const meta = { title, category: genre, language: { lang: "pl" }, license: LICENSE, ...countText(text) };
  return { line: JSON.stringify({ text, meta }), text };
}

async function writeSet(outDir: string, { name, description, frames }: DataSet): Promise<void> {
  const archive = Buffer.concat(frames.map(compressFrame));
  const usable = frames.flat().filter((line) => line.text !== undefined);
  const manifest = {
    project: "apt3",
    name,
    description,
    license: LICENSE,
    category: "mixed",
    language: "pl",
    file_size: archive.length,
    sources: [{ name: "apt3", url: "pipeline/sample/texts", license: LICENSE }],
    stats: { documents: usable.length, ...sumCounts(usable.map(({ text = "" }) => countText(text))) },
  };
  const samples = usable.slice(0, SAMPLE_RECORDS).map(({ line }) => JSON.parse(line) as object);
  await writeFileAtomic(join(outDir, `${name}.jsonl.zst`), archive);
  await writeFileAtomic(join(outDir, `${name}.manifest`), `${JSON.stringify(manifest, null, 2)}\n`);
  await writeFileAtomic(join(outDir, `${name}.sample`), `${JSON.stringify(samples, null, 2)}\n`);
}

function compressFrame(lines: readonly SetLine[]): Buffer {
  return zstdCompressSync(lines.map(({ line }) => `${line}\n`).join(""), {
    params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}

function sumCounts(counts: readonly TextCounts[]): TextCounts {
  const sum = (key: keyof TextCounts): number => counts.reduce((total, count) => total + count[key], 0);
  return { characters: sum("characters"), words: sum("words"), sentences: sum("sentences") };
}

if (import.meta.main) await buildSample(import.meta.dirname);
