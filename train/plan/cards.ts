/** A graphics card, by its maker's data sheet. */
export interface Card {
  readonly name: string;
  /** GiB, as cards are sold. */
  readonly memoryGiB: number;
  readonly multiprocessors: number;
  /**
   * Peak of dense bf16 matrix products with float32 sums, in TFLOP/s. GeForce cards sum in float32 at half the rate of
   * float16; data sheets that only name the rate with sparsity are halved.
   */
  readonly teraflops: number;
  /** What its driver calls it, where that differs by more than “NVIDIA” and “GeForce”. */
  readonly driverNames?: readonly string[];
}

export const cards: readonly Card[] = [
  { name: "RTX 3090", memoryGiB: 24, multiprocessors: 82, teraflops: 71.2 },
  { name: "RTX 4090", memoryGiB: 24, multiprocessors: 128, teraflops: 165.2 },
  { name: "RTX 5090", memoryGiB: 32, multiprocessors: 170, teraflops: 209.5 },
  { name: "RTX A6000", memoryGiB: 48, multiprocessors: 84, teraflops: 154.8 },
  {
    name: "RTX 6000 Ada",
    memoryGiB: 48,
    multiprocessors: 142,
    teraflops: 364.2,
    driverNames: ["RTX 6000 Ada Generation"],
  },
  { name: "L40S", memoryGiB: 48, multiprocessors: 142, teraflops: 362.1 },
  {
    name: "A100 40GB",
    memoryGiB: 40,
    multiprocessors: 108,
    teraflops: 312,
    driverNames: ["A100-SXM4-40GB", "A100-PCIE-40GB"],
  },
  {
    name: "A100 80GB",
    memoryGiB: 80,
    multiprocessors: 108,
    teraflops: 312,
    driverNames: ["A100-SXM4-80GB", "A100 80GB PCIe"],
  },
  { name: "H100 PCIe", memoryGiB: 80, multiprocessors: 114, teraflops: 756 },
  {
    name: "H100 SXM",
    memoryGiB: 80,
    multiprocessors: 132,
    teraflops: 989.4,
    driverNames: ["H100 80GB HBM3"],
  },
  { name: "H200", memoryGiB: 141, multiprocessors: 132, teraflops: 989.4 },
];

/** A card by its name, however it is spelt: `rtx4090`, `NVIDIA GeForce RTX 4090`, `NVIDIA H100 80GB HBM3`. */
export function findCard(name: string): Card | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/nvidia|geforce|tensor core|gpu|[^a-z0-9]/g, "");
  const wanted = plain(name);
  return cards.find((card) =>
    [card.name, ...(card.driverNames ?? [])].some((known) => plain(known) === wanted),
  );
}
