import { formatBytes } from "../../../pipeline/runtime/sizes.ts";
import { formatTable } from "../../../pipeline/runtime/table.ts";
import { grownCorpus } from "./grown.ts";
import { type Cost, packOnce, rate } from "./measure.ts";

/** Two sizes of the same kind of text; what the larger takes more is work without any start. */
const SMALL_BYTES = 140e6;
const LARGE_BYTES = 420e6;
const ROUNDS = 2;

/** Workers, and the cores they have to themselves together with the main thread. */
const SETTINGS = [
  { workers: "1", cores: "0" },
  { workers: "2", cores: "0,1" },
] as const;

/** The command as a user runs it, start and parsing of the tokenizer included; better of two, one core against two. */
export async function benchWhole(
  input: string,
  textBytes: number,
  documents: readonly string[],
  tokenizer: string,
  folder: string,
): Promise<void> {
  const small = await grownCorpus(folder, documents, SMALL_BYTES);
  const large = await grownCorpus(folder, documents, LARGE_BYTES);
  const rows: string[][] = [];
  const walls: number[][] = [];
  for (const { workers, cores } of SETTINGS) {
    const measure = async (path: string): Promise<Cost> => {
      const runs: Cost[] = [];
      for (let round = 0; round < ROUNDS; round++)
        runs.push(await packOnce(path, tokenizer, folder, ["--workers", workers], cores));
      return {
        cpu: Math.min(...runs.map(({ cpu }) => cpu)),
        wall: Math.min(...runs.map(({ wall }) => wall)),
        peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
      };
    };
    const add = (name: string, bytes: number, { cpu, wall }: Pick<Cost, "cpu" | "wall">) =>
      rows.push([name, workers, cpu.toFixed(2), rate(bytes, cpu), wall.toFixed(2), rate(bytes, wall)]);
    const real = await measure(input);
    add(`${formatBytes(textBytes)} of real text`, textBytes, real);
    const [a, b] = [await measure(small), await measure(large)];
    add(`${formatBytes(SMALL_BYTES)} grown`, SMALL_BYTES, a);
    add(`${formatBytes(LARGE_BYTES)} grown`, LARGE_BYTES, b);
    const difference = { cpu: b.cpu - a.cpu, wall: b.wall - a.wall };
    add("steady: the difference of the two", LARGE_BYTES - SMALL_BYTES, difference);
    walls.push([real.wall, b.wall, difference.wall]);
  }
  console.log(
    formatTable([["apt3 pack", "workers, cores", "CPU s", "MB/s a core", "wall s", "MB/s, wall"], ...rows]),
  );
  const [real, grown, steady] = walls[0]!.map((wall, i) => (wall / walls[1]![i]!).toFixed(2));
  console.log(
    `two workers on two cores against one on one: ${real} times as fast on the real text, ${grown} on the large one, ${steady} without the start`,
  );
}
