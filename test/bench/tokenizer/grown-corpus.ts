import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { constants, createZstdCompress } from "node:zlib";

/**
 * Share of words replaced by the beginning of one word and the end of another. With it different words go on growing
 * with the text about as they do in text of a hundred authors (Heaps' law): 3.5 GB have some 12 million.
 */
const RECOMBINED = 0.03;

/**
 * Writes a corpus of `bytes` UTF-8 bytes of text as .jsonl.zst, made of the given texts over and over, in which some
 * words are recombined. The same seed gives the same file.
 */
export async function writeGrownCorpus(path: string, texts: readonly string[], bytes: number): Promise<void> {
  const words = [...new Set(texts.slice(0, 3000).join(" ").split(/\s+/))].filter((word) => word.length > 4);
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  compress.pipe(createWriteStream(path));
  let state = 42;
  const draw = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const part = () => words[draw(words.length)] as string;
  let written = 0;
  for (let i = 0; written < bytes; i++) {
    const text = (texts[i % texts.length] as string).replace(/\S+/g, (word) => {
      if (draw(1e6) >= RECOMBINED * 1e6) return word;
      const [head, tail] = [part(), part()];
      return head.slice(0, 2 + draw(head.length - 2)) + tail.slice(draw(tail.length - 2));
    });
    written += Buffer.byteLength(text);
    if (!compress.write(`${JSON.stringify({ text })}\n`)) await once(compress, "drain");
  }
  compress.end();
  await once(compress, "close").catch(() => undefined);
}
