import { glob, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type DatasetsConfig, FORMATS, type Source, type SourceFormat } from "../datasets-config.ts";
import { UserError } from "../runtime/errors.ts";
import type { Dataset, Download, InputFile, ResolvedSource } from "./dataset.ts";
import { resolveSpeakleash } from "./speakleash.ts";

/**
 * Finds what the configuration names: local files are looked up, manifests of mirrors read, and what still
 * has to be fetched is listed.
 *
 * @param only names of sources or of single data sets; all but `onlyByName` sources when it is undefined
 */
export async function resolveSources(
  config: DatasetsConfig,
  only: readonly string[] | undefined,
): Promise<ResolvedSource> {
  const datasets: Dataset[] = [];
  const downloads: Download[] = [];
  for (const source of selectSources(config.sources, only)) {
    const resolved = await resolveSource(source, config);
    datasets.push(...resolved.datasets);
    downloads.push(...resolved.downloads);
  }
  return { datasets, downloads };
}

/** The sources to read; a Speakleash source keeps only the data sets that were asked for. */
function selectSources(sources: readonly Source[], only: readonly string[] | undefined): Source[] {
  if (only === undefined) return sources.filter((source) => !source.onlyByName);
  const wanted = new Set(only);
  const selected = sources.flatMap((source): Source[] => {
    if (wanted.delete(source.name)) return [source];
    if (source.kind !== "speakleash") return [];
    const datasets = source.datasets.filter((dataset) => wanted.delete(dataset));
    return datasets.length === 0 ? [] : [{ ...source, datasets }];
  });
  const [unknown] = wanted;
  if (unknown !== undefined) {
    throw new UserError(`--only ${unknown}: no source or data set of that name in the configuration`);
  }
  return selected;
}

async function resolveSource(source: Source, config: DatasetsConfig): Promise<ResolvedSource> {
  switch (source.kind) {
    case "speakleash":
      return await resolveSpeakleash(source, config);
    case "files":
      return { datasets: [dataset(source, await findFiles(source, config.folder))], downloads: [] };
    case "http":
      return resolveHttp(source, config);
  }
}

async function findFiles(source: Extract<Source, { kind: "files" }>, folder: string): Promise<InputFile[]> {
  const paths = await Array.fromAsync(glob(source.path, { cwd: folder }));
  if (paths.length === 0) {
    throw new UserError(
      `${source.name}: no file matches ${resolve(folder, source.path)}; mend \`path\` in datasets.yaml`,
    );
  }
  const inputs = paths.sort().map(async (path) => {
    const absolute = resolve(folder, path);
    return { path: absolute, format: source.format ?? formatOf(path), bytes: (await stat(absolute)).size };
  });
  return await Promise.all(inputs);
}

async function resolveHttp(
  source: Extract<Source, { kind: "http" }>,
  config: DatasetsConfig,
): Promise<ResolvedSource> {
  const folder = resolve(config.folder, config.downloads, source.name);
  const inputs: InputFile[] = [];
  const downloads: Download[] = [];
  for (const url of source.urls) {
    const path = join(folder, basename(decodeURIComponent(new URL(url).pathname)));
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) downloads.push({ dataset: source.name, url, path, bytes: undefined });
    inputs.push({ path, format: source.format ?? formatOf(path), bytes: found?.size ?? 0 });
  }
  return { datasets: [dataset(source, inputs)], downloads };
}

function dataset(source: Extract<Source, { kind: "files" | "http" }>, inputs: InputFile[]): Dataset {
  const { name, group, profile, licence, textColumn } = source;
  return { name, source: name, group, profile, licence, textColumn, inputs };
}

function formatOf(path: string): SourceFormat {
  const format = FORMATS.find((ending) => path.endsWith(`.${ending}`));
  if (format === undefined) {
    throw new UserError(
      `${path}: format not known by its name; set \`format\` to one of ${FORMATS.join(", ")}`,
    );
  }
  return format;
}
