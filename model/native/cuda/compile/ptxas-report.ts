/** What a kernel takes of a multiprocessor on one architecture. */
export interface KernelUse {
  readonly kernel: string;
  readonly registers: number;
  /** Bytes a thread stores to and loads from memory because its registers do not suffice. */
  readonly spillBytes: number;
}

/** Reads what `ptxas -v` says: three lines a kernel. */
export function parsePtxasReport(text: string): KernelUse[] {
  const found: KernelUse[] = [];
  let kernel: string | undefined;
  let spillBytes = 0;
  for (const line of text.split("\n")) {
    kernel = /Compiling entry function '([^']+)'/.exec(line)?.[1] ?? kernel;
    const spills = /(\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (spills !== null) spillBytes = Number(spills[1]) + Number(spills[2]);
    const registers = /Used (\d+) registers/.exec(line)?.[1];
    if (registers === undefined || kernel === undefined) continue;
    found.push({ kernel, registers: Number(registers), spillBytes });
    kernel = undefined;
    spillBytes = 0;
  }
  return found;
}
