import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { zstdCompressSync } from "node:zlib";
import { formatBytes } from "../../../pipeline/runtime/sizes.ts";
import { formatTable } from "../../../pipeline/runtime/table.ts";
import { type Cost, packOnce, rate } from "./measure.ts";

const PEERS = fileURLToPath(new URL("../pack_peers.py", import.meta.url));

/** Bytes of text for the peers, which take half a second a megabyte. */
const PEER_BYTES = 40e6;

/** The same input through Python; one thread each, by processor time. */
export async function benchPeers(
  documents: readonly string[],
  tokenizer: string,
  python: string | undefined,
  folder: string,
): Promise<void> {
  if (python === undefined) {
    console.log(
      "peers: not measured; name a python that has what test/bench/pack_peers.py needs with --python",
    );
    return;
  }
  const total = documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const every = Math.max(1, Math.round(total / PEER_BYTES));
  const chosen = documents.filter((_, i) => i % every === 0);
  const input = join(folder, "peers.jsonl.zst");
  writeFileSync(input, zstdCompressSync(chosen.map((text) => `${JSON.stringify({ text })}\n`).join("")));
  const textBytes = chosen.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const ours = await packOnce(input, tokenizer, folder, ["--workers", "1", "--validation-share", "0"]);
  const rows = [
    [
      "apt3",
      ours.cpu.toFixed(2),
      rate(textBytes, ours.cpu),
      "1",
      String(ours.tokens),
      formatBytes(ours.peakBytes),
    ],
  ];
  for (const peer of ["lean", "datatrove"]) {
    const out = join(folder, peer);
    mkdirSync(out);
    const { OPENBLAS_CORETYPE: _, ...env } = process.env;
    const run = spawnSync(python, [PEERS, peer, input, tokenizer, out], { encoding: "utf8", env });
    if (run.status !== 0) throw new Error(`${peer}: ${run.error?.message ?? run.stderr.slice(-1000)}`);
    const result: Cost & { tokens: number; versions: string } = JSON.parse(
      run.stdout.trim().split("\n").at(-1)!,
    );
    rows.push([
      result.versions,
      result.cpu.toFixed(2),
      rate(textBytes, result.cpu),
      (result.cpu / ours.cpu).toFixed(1),
      String(result.tokens),
      formatBytes(result.peakBytes),
    ]);
  }
  console.log(
    formatTable([
      [
        `${formatBytes(textBytes)}, starts included`,
        "CPU s",
        "MB/s a core",
        "times ours",
        "tokens",
        "peak memory",
      ],
      ...rows,
    ]),
  );
}
