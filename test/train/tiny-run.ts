import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type JobContext, silentContext } from "../../pipeline/runtime/command.ts";
import { silentProgress } from "../../pipeline/runtime/progress.ts";
import type { PretrainOptions } from "../../train/pretrain.ts";
import { tinyConfig } from "../support/tiny-config.ts";
import { makePackedFolder } from "./packed-folder.ts";

/** Writes the data and the config of a tiny run into a folder; `change` alters the config's text. */
export async function makeTinyRun(
  root: string,
  name = "tiny",
  change: (config: string) => string = (config) => config,
): Promise<PretrainOptions> {
  const data = join(root, "data");
  // Id 7 stands inside many rows.
  await makePackedFolder(data, {
    change: (manifest) => ({ ...manifest, tokenizer: { ...manifest.tokenizer, bosId: 7 } }),
  });
  const config = join(root, `${name}.yaml`);
  await writeFile(config, change(tinyConfig()));
  return { config, data, out: join(root, name), backend: "reference", resume: false, plan: false };
}

/** A context that notes what is said, and calls back at each event. */
export function notingContext(
  onEvent: (event: { event: string } & Record<string, unknown>, abort: () => void) => void = () => undefined,
): JobContext & { readonly lines: string[] } {
  const controller = new AbortController();
  const lines: string[] = [];
  return {
    ...silentContext(controller.signal),
    lines,
    progress: { ...silentProgress, log: (line) => void lines.push(line) },
    print: (text) => void lines.push(text),
    emit: (event) => onEvent(event, () => controller.abort(new Error("stopped"))),
  };
}
