import { openCorpus, readTexts } from "../../../pipeline/corpus.ts";

/** Texts in UTF-8, one after another in shared memory, so that threads read them without copying. */
export interface Texts {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Text i is `bytes[starts[i], starts[i + 1])`. */
  readonly starts: Int32Array;
}

/** The texts of each file of a corpus. */
export async function readCorpus(folder: string): Promise<Texts[]> {
  const corpus: Texts[] = [];
  for (const file of (await openCorpus(folder)).files) {
    const parts: Buffer[] = [];
    for await (const batch of readTexts(file)) parts.push(...batch.texts.map((text) => Buffer.from(text)));
    corpus.push(joinTexts(file.name.replace(/\..*/, ""), parts));
  }
  return corpus;
}

export function joinTexts(name: string, parts: readonly Uint8Array[]): Texts {
  const starts = new Int32Array(new SharedArrayBuffer(4 * (parts.length + 1)));
  parts.forEach((part, i) => {
    starts[i + 1] = (starts[i] as number) + part.length;
  });
  const bytes = new Uint8Array(new SharedArrayBuffer(starts[parts.length] as number));
  parts.forEach((part, i) => void bytes.set(part, starts[i]));
  return { name, bytes, starts };
}

/** The single texts. */
export function splitTexts({ bytes, starts }: Texts): Uint8Array[] {
  return Array.from({ length: starts.length - 1 }, (_, i) => bytes.subarray(starts[i], starts[i + 1]));
}

/** Texts from all over a corpus, about `bytes` together. */
export function sampleTexts(corpus: readonly Texts[], bytes: number): Texts {
  const all = corpus.flatMap(splitTexts);
  const total = all.reduce((sum, text) => sum + text.length, 0);
  const step = Math.max(1, Math.round(total / bytes));
  return joinTexts(
    "a sample of all",
    all.filter((_, i) => i % step === 0),
  );
}
