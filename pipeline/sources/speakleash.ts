import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { DatasetsConfig, Source } from "../datasets-config.ts";
import { UserError } from "../runtime/errors.ts";
import { exists, writeFileAtomic } from "../runtime/files.ts";
import { describeIssue } from "../runtime/schema.ts";
import type { Dataset, Download, ResolvedSource } from "./dataset.ts";
import { fetchText } from "./download.ts";

type SpeakleashSource = Extract<Source, { kind: "speakleash" }>;

/** The members of a `NAME.manifest` we use; it has many more. */
const manifestSchema = z.object({
  name: z.string(),
  license: z.string().optional(),
  file_size: z.number().int().nonnegative(),
});

/**
 * The data sets of a Speakleash mirror (a URL) or of a folder of the same layout. Manifests of a mirror are
 * read (and kept) at once, the archives only named as downloads.
 */
export async function resolveSpeakleash(
  source: SpeakleashSource,
  config: DatasetsConfig,
): Promise<ResolvedSource> {
  const remote = /^https?:\/\//.test(source.baseUrl);
  const folder = remote
    ? resolve(config.folder, config.downloads, "speakleash")
    : resolve(config.folder, source.baseUrl);
  const datasets: Dataset[] = [];
  const downloads: Download[] = [];
  for (const name of source.datasets) {
    const base = `${source.baseUrl.replace(/\/?$/, "/")}${encodeURIComponent(name)}`;
    const manifest = await readManifest(
      join(folder, `${name}.manifest`),
      remote ? `${base}.manifest` : undefined,
    );
    const path = join(folder, `${name}.jsonl.zst`);
    if (remote && !(await hasSize(path, manifest.file_size))) {
      downloads.push({ dataset: name, url: `${base}.jsonl.zst`, path, bytes: manifest.file_size });
    } else if (!remote && !(await hasSize(path, manifest.file_size))) {
      throw new UserError(`${path}: is not the ${manifest.file_size} bytes that ${name}.manifest states`);
    }
    datasets.push({
      name,
      source: source.name,
      group: source.group,
      profile: source.profile,
      textColumn: source.textColumn,
      licence: source.licence ?? manifest.license ?? "not stated",
      inputs: [{ path, format: "jsonl.zst", bytes: manifest.file_size }],
    });
  }
  return { datasets, downloads };
}

async function readManifest(path: string, url: string | undefined): Promise<z.infer<typeof manifestSchema>> {
  if (url !== undefined && !(await exists(path))) await writeFileAtomic(path, await fetchText(url));
  const text = await readFile(path, "utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`${path}: not valid JSON; remove it to fetch it again`);
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) throw new UserError(`${path}: ${describeIssue(parsed.error, value)}`);
  return parsed.data;
}

async function hasSize(path: string, bytes: number): Promise<boolean> {
  return (await exists(path)) && (await stat(path)).size === bytes;
}
