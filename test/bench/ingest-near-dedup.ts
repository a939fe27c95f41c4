import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BANDS, createMinHasher } from "../../pipeline/dedup/minhash.ts";
import { findNearDuplicates } from "../../pipeline/dedup/near-duplicates.ts";
import { readWords } from "../../pipeline/measures/words.ts";
import { formatTable } from "../../pipeline/runtime/table.ts";
import { seededRandom } from "../../pipeline/sample/damage.ts";
import { measuredRun } from "./measured-run.ts";

const SELF = fileURLToPath(import.meta.url);
const SUBSET = 20_000;
const SENTENCES = 12;
/** Documents of a band file, about what a shard of 64 MB holds. */
const FILE_DOCUMENTS = 50_000;
/** Similarity from which a document must be found, and from which finding it is right. */
const STRICT = 0.8;
const LOOSE = 0.6;

/**
 * Documents of the corpus' sentences put together anew, every tenth an earlier one with 2 to 17 % of its sentences
 * replaced: time and memory of signatures and clustering, recall and precision against brute force.
 */
export async function benchNearDedup(
  root: string,
  lines: readonly string[],
  documents: number,
): Promise<void> {
  const { subset, seconds, words } = writeBands(root, lines, documents);
  const million = documents / 1e6;
  const characters = words * 7; // a Polish word with its space
  const rows = [["near-dedup", "s a million", "peak MB", "MB more a million"]];
  rows.push(["signatures, one core", (seconds / million).toFixed(1), "", ""]);
  let duplicates: ReadonlySet<number> = new Set();
  const peaks: number[] = [];
  for (const [name, count, parts] of [
    ["clustering a tenth", Math.ceil(documents / 10), 1],
    ["clustering", documents, 1],
    ["clustering in seven parts", documents, 7],
  ] as const) {
    const words = [SELF, root, String(count), String(Math.ceil(count / parts))];
    const run = await measuredRun("0", process.execPath, words);
    const result: { seconds: number; first: number[]; dropped: number; total: number } = JSON.parse(
      run.stdout,
    );
    duplicates = new Set(result.first);
    peaks.push(run.peakBytes / 1e6);
    const growth = ((peaks.at(-1) as number) - (peaks[0] as number)) / ((documents - documents / 10) / 1e6);
    rows.push([
      `${name} (${result.total} documents, ${result.dropped} dropped)`,
      (result.seconds / (result.total / 1e6)).toFixed(1),
      (peaks.at(-1) as number).toFixed(0),
      peaks.length === 1 ? "" : growth.toFixed(0),
    ]);
  }
  console.log(formatTable(rows));
  console.log(
    `${documents} documents of ${Math.round(characters / documents)} characters; signatures ${(characters / 1e6 / seconds).toFixed(0)} M characters/s; bands on disk ${BANDS * 8} bytes a document`,
  );
  const { found, wanted, both, right } = compareWithTruth(subset, duplicates);
  const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(2)} %`;
  console.log(
    `against brute force on ${subset.length} documents (similarity to the nearest earlier document): of ${wanted} at ≥ ${STRICT}, found ${share(both, wanted)}; of ${found} dropped, ${share(right, found)} at ≥ ${LOOSE}\n`,
  );
}

const bandFile = (root: string, file: number) => join(root, `bands-${file}`);

function writeBands(root: string, lines: readonly string[], documents: number) {
  const random = seededRandom(7);
  const sentences = lines
    .slice(0, 8000)
    .flatMap((line) => (JSON.parse(line) as { text: string }).text.split(/(?<=[.!?])\s+/))
    .filter((sentence) => sentence.length > 30 && sentence.length < 300)
    .map((sentence) => Uint32Array.from(readWords(sentence).hashes));
  const pick = () => sentences[Math.floor(random() * sentences.length)] as Uint32Array;
  const minHash = createMinHasher();
  const subset: Uint32Array[] = [];
  const recent: Uint32Array[][] = [];
  const text = new Uint32Array(SENTENCES * 300);
  const band = new Uint32Array(BANDS * 2);
  let [seconds, words] = [0, 0];
  for (let first = 0; first < documents; first += FILE_DOCUMENTS) {
    const count = Math.min(FILE_DOCUMENTS, documents - first);
    const columns = new Uint32Array(count * BANDS * 2);
    for (let i = 0; i < count; i++) {
      const id = first + i;
      const earlier = id % 10 === 9 ? recent[Math.floor(random() * recent.length)] : undefined;
      const share = 0.02 + random() * 0.15;
      const own =
        earlier?.map((sentence) => (random() < share ? pick() : sentence)) ??
        Array.from({ length: SENTENCES }, pick);
      recent[id % 1000] = own;
      let length = 0;
      for (const sentence of own) {
        text.set(sentence, length);
        length += sentence.length;
      }
      const hashes = text.subarray(0, length);
      words += length;
      const start = performance.now();
      minHash(hashes, band, 0);
      seconds += (performance.now() - start) / 1000;
      for (let k = 0; k < BANDS; k++) columns.set(band.subarray(k * 2, k * 2 + 2), (k * count + i) * 2);
      if (id < SUBSET) subset.push(shinglesOf(hashes));
    }
    const file = openSync(bandFile(root, first / FILE_DOCUMENTS), "w");
    writeSync(file, columns);
    closeSync(file);
  }
  return { subset, seconds, words };
}

function shinglesOf(hashes: Uint32Array): Uint32Array {
  const shingles = new Set<number>();
  for (let i = 0; i + 5 <= hashes.length; i++) {
    let shingle = 17;
    for (let word = i; word < i + 5; word++)
      shingle = (Math.imul(shingle, 0x01000193) ^ (hashes[word] as number)) >>> 0;
    shingles.add(shingle);
  }
  return Uint32Array.from(shingles);
}

/** Every document against all earlier ones that share any shingle with it. */
function compareWithTruth(documents: readonly Uint32Array[], dropped: ReadonlySet<number>) {
  const postings = new Map<number, number[]>();
  let [found, wanted, both, right] = [0, 0, 0, 0];
  for (const [id, shingles] of documents.entries()) {
    const shared = new Map<number, number>();
    for (const shingle of shingles) {
      const list = postings.get(shingle);
      for (const other of list ?? []) shared.set(other, (shared.get(other) ?? 0) + 1);
      if (list === undefined) postings.set(shingle, [id]);
      else list.push(id);
    }
    let similarity = 0;
    for (const [other, common] of shared) {
      const union = shingles.length + (documents[other] as Uint32Array).length - common;
      similarity = Math.max(similarity, common / union);
    }
    const isDropped = dropped.has(id);
    if (isDropped) found += 1;
    if (isDropped && similarity >= LOOSE) right += 1;
    if (similarity >= STRICT) wanted += 1;
    if (isDropped && similarity >= STRICT) both += 1;
  }
  return { found, wanted, both, right };
}

/** As a program of its own, so that its memory can be measured: clusters `documents` and prints what it drops. */
async function cluster(root: string, documents: number, recordsAtATime: number): Promise<void> {
  const files = Array.from({ length: Math.ceil(documents / FILE_DOCUMENTS) }, (_, i) => {
    const path = bandFile(root, i);
    return { path, documents: readFileSync(path).length / (BANDS * 8) };
  });
  const start = performance.now();
  const clusters = await findNearDuplicates(files, { recordsAtATime });
  const seconds = (performance.now() - start) / 1000;
  const total = files.reduce((sum, file) => sum + file.documents, 0);
  const dropped = Array.from({ length: total }, (_, id) => id).filter((id) => clusters.isDuplicate(id));
  const first = dropped.filter((id) => id < SUBSET);
  console.log(JSON.stringify({ seconds, first, dropped: dropped.length, total }));
}

if (process.argv[1] === SELF) {
  const [, , root = "", documents, recordsAtATime] = process.argv;
  await cluster(root, Number(documents), Number(recordsAtATime));
}
