import { writeFileSync } from "node:fs";
import { zstdCompressSync } from "node:zlib";

/** A source of datasets.yaml, in the short form tests need. */
export interface TestSource {
  readonly name: string;
  /** Relative to the configuration. */
  readonly path: string;
  readonly profile?: string;
}

/** Writes a datasets.yaml of `files` sources. */
export function writeDatasetsYaml(path: string, sources: readonly TestSource[]): void {
  const entries = sources.map(
    ({ name, path: files, profile = "web" }) =>
      `  - {name: ${name}, kind: files, group: all, profile: ${profile}, licence: CC0-1.0, path: "${files}"}\n`,
  );
  writeFileSync(path, `mix: {all: 1}\nsources:\n${entries.join("")}`);
}

/** Writes records in the Speakleash form; what is not an object goes into the file as it is. */
export function writeJsonl(path: string, records: readonly (object | string)[]): void {
  const lines = records.map((record) => `${typeof record === "string" ? record : JSON.stringify(record)}\n`);
  const bytes = Buffer.from(lines.join(""));
  writeFileSync(path, path.endsWith(".zst") ? zstdCompressSync(bytes) : bytes);
}

const WORDS =
  "bartnik listonosz nauczycielka burmistrz ogrodniczka kolejarz zegarmistrz most łódź powódź biblioteka stodoła jarmark świt dworzec jezioro sąsiad książka ścieżka kuchnia źródło wiewiórka żołnierz śnieg węgiel pióro gołąb mięso dźwięk ćwiczenie opowiadał znalazł narysował naprawił zapomniał szukał marzył pływał krzyknął usłyszał wrócił zgubił stary zielony głęboki cichy śmieszny wąski ciężki wczoraj rzadko powoli zawsze nagle".split(
    " ",
  );
const LINKS = "w i na z do się od przez po jako oraz że jest był nie o a".split(" ");

/** A healthy Polish-looking text, a different one for every `index`; its sentences mean nothing. */
export function polishText(index: number, sentences = 12): string {
  let state = (index + 1) * 2654435761;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  const pick = (list: readonly string[]) => list[random(list.length)] as string;
  return Array.from({ length: sentences }, () => {
    const words = Array.from({ length: 8 + random(6) }, (_, i) => pick(i % 3 === 1 ? LINKS : WORDS)).join(
      " ",
    );
    return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
  }).join(" ");
}
