import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { silentContext } from "../../../pipeline/runtime/command.ts";
import { trainTokenizer } from "../../../tokenizer/training/train-tokenizer.ts";
import { type PretrainOptions, pretrain } from "../../../train/pretrain.ts";
import { type ExportOptions, exportRun } from "../../../train/use/export.ts";
import { tinyConfig } from "../../support/tiny-config.ts";
import { makePackedFolder } from "../packed-folder.ts";

const config = tinyConfig({ steps: 3, every: 1, accumulation: 1, keep: 3 }).replace(
  "dHidden: 24",
  "dHidden: 24, maxSequenceLength: 32",
);

/** A small real tokenizer, a run of three steps whose data claims to be packed with it, and its export. */
export interface ExportedModel {
  readonly tokenizer: string;
  readonly run: string;
  readonly model: string;
  /** How the model was exported. */
  readonly exported: ExportOptions;
  /** How the run was trained. */
  readonly trained: PretrainOptions;
}

export async function makeExportedModel(root: string): Promise<ExportedModel> {
  const tokenizer = join(root, "tokenizer");
  const run = join(root, "run");
  const model = join(root, "model");
  await writeFile(
    join(root, "corpus.txt"),
    "Ala ma kota, a kot ma Alę. Ile kotów ma Ala? Zażółć gęślą jaźń.\n".repeat(20),
  );
  const options = { vocabSize: 60, limitAlphabet: 40, heldOutShare: 0, workers: 1, memoryBytes: 1e8 };
  await trainTokenizer({ ...options, input: join(root, "corpus.txt"), out: tokenizer }, silentContext());
  const bytes = await readFile(join(tokenizer, "tokenizer.json"));
  const tokenizerSha256 = createHash("sha256").update(bytes).digest("hex");
  await makePackedFolder(join(root, "data"), { vocabSize: 60, tokenizerSha256 });
  await writeFile(join(root, "tiny.yaml"), config);
  const trained: PretrainOptions = {
    config: join(root, "tiny.yaml"),
    data: join(root, "data"),
    out: run,
    backend: "reference",
    resume: false,
    plan: false,
  };
  await pretrain(trained, silentContext());
  const exported: ExportOptions = { run, out: model, tokenizer, precision: "f32" };
  await exportRun(exported, silentContext());
  return { tokenizer, run, model, exported, trained };
}
