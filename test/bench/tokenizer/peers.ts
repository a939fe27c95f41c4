import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { print } from "./report.ts";

const PEERS = fileURLToPath(new URL("./peers.py", import.meta.url));

/** One measurement of a peer. */
interface Peer {
  /** With its version. */
  readonly name: string;
  readonly seconds: number;
  /** Of memory when training, of text when encoding. */
  readonly megabytes: number;
}

/** Python's tokenizers, SentencePiece and tiktoken, each in a process of its own; `words` are those of `peers.py`. */
export function runPeers(
  python: string | undefined,
  what: "train" | "encode",
  ...words: readonly string[]
): Peer[] {
  const names = what === "train" ? ["tokenizers"] : ["tokenizers", "sentencepiece", "tiktoken"];
  if (python === undefined) {
    print(`not measured (${what}): PyPI's ${names.join(", ")}; give --python PATH to a Python that has them`);
    return [];
  }
  const env = { ...process.env, RAYON_NUM_THREADS: what === "train" ? "2" : "1" };
  return names.flatMap((peer) => {
    const { status, stdout, stderr } = spawnSync(python, [PEERS, peer, what, ...words], {
      encoding: "utf8",
      env,
    });
    if (status === 0) return [JSON.parse(stdout) as Peer];
    print(`not measured: ${peer} (${stderr.trim().split("\n").at(-1)})`);
    return [];
  });
}
