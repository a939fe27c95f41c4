import { glob, stat } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type DatasetsConfig,
  FORMATS,
  type Source,
  type SourceFormat,
  sameFile,
} from "../datasets-config.ts";
import { formatOfName } from "../readers/documents.ts";
import { UserError } from "../runtime/errors.ts";
import { profileFor } from "../thresholds.ts";
import type { Dataset, Download, FailedDataset, InputFile, ResolvedSource } from "./dataset.ts";
import { findRemoteFile } from "./remote-input.ts";
import type { ResolveContext, ResolveOptions } from "./resolve-context.ts";
import { resolveSpeakleash } from "./speakleash.ts";
import { Pacer } from "./transfer-policy.ts";

/**
 * Finds what the configuration names: local files are looked up, manifests of mirrors read, and what still
 * has to be fetched is listed.
 *
 * @throws UserError for names and paths that lead nowhere
 */
export async function resolveSources(
  config: DatasetsConfig,
  options: ResolveOptions,
): Promise<ResolvedSource> {
  const context = { ...options, config, pacer: new Pacer(options.policy.bytesPerSecond) };
  const datasets: Dataset[] = [];
  const downloads: Download[] = [];
  const failed: FailedDataset[] = [];
  for (const source of selectSources(config.sources, options.only)) {
    const resolved = await resolveSource(source, context);
    datasets.push(...resolved.datasets);
    downloads.push(...resolved.downloads);
    failed.push(...resolved.failed);
  }
  refuseDuplicates(datasets);
  return { datasets, downloads, failed };
}

/** The sources to read; a Speakleash source keeps only the data sets that were asked for. */
function selectSources(sources: readonly Source[], only: readonly string[] | undefined): Source[] {
  if (only === undefined) return sources.filter((source) => !source.onlyByName);
  const wanted = new Set(only);
  const named = sources.flatMap((source): Source[] => {
    if (wanted.delete(source.name)) return [source];
    if (source.kind !== "speakleash" || source.datasets === "all") return [];
    const datasets = source.datasets.filter((dataset) => wanted.delete(dataset));
    return datasets.length === 0 ? [] : [{ ...source, datasets }];
  });
  // a name that no source spells out may be one of a mirror that is taken whole
  const whole = sources.find((source) => source.kind === "speakleash" && source.datasets === "all");
  if (wanted.size > 0 && whole?.kind === "speakleash") return [...named, { ...whole, datasets: [...wanted] }];
  const [unknown] = wanted;
  if (unknown !== undefined) {
    const names = sources.map(({ name }) => name).join(", ");
    throw new UserError(`--only ${unknown}: no source or data set of that name; the sources are ${names}`);
  }
  return named;
}

async function resolveSource(source: Source, context: ResolveContext): Promise<ResolvedSource> {
  switch (source.kind) {
    case "speakleash":
      return await resolveSpeakleash(source, context);
    case "files":
      return {
        datasets: [dataset(source, await findFiles(source, context.config.folder), context)],
        downloads: [],
        failed: [],
      };
    case "http":
      return await resolveHttp(source, context);
  }
}

/** The files that `path` names or whose names fit it, in order; folders that fit it too are passed over. */
async function findFiles(source: Extract<Source, { kind: "files" }>, folder: string): Promise<InputFile[]> {
  const paths = await Array.fromAsync(glob(source.path, { cwd: folder }));
  const found = paths.sort().map(async (path) => {
    const absolute = resolve(folder, path);
    const facts = await stat(absolute);
    if (facts.isDirectory()) return [];
    return [{ path: absolute, format: source.format ?? formatOf(path), bytes: facts.size }];
  });
  const inputs = (await Promise.all(found)).flat();
  if (inputs.length > 0) return inputs;
  const wanted = resolve(folder, source.path);
  const problem =
    paths.length > 0
      ? `${wanted} is a folder; name its files in datasets.yaml, such as \`path: ${source.path}/*\``
      : `no file matches ${wanted}; mend \`path\` in datasets.yaml`;
  throw new UserError(`${source.name}: ${problem}`);
}

async function resolveHttp(
  source: Extract<Source, { kind: "http" }>,
  context: ResolveContext,
): Promise<ResolvedSource> {
  const folder = resolve(context.config.folder, context.config.downloads, source.name);
  const inputs: InputFile[] = [];
  const downloads: Download[] = [];
  for (const entry of source.urls) {
    const { url, sha256 = undefined } = typeof entry === "string" ? { url: entry } : entry;
    const name = fileNameOf(url);
    if (inputs.some(({ path }) => path === resolve(folder, name))) {
      throw new UserError(
        `${source.name}: ${url}: a second file named ${name}; put it into a source of its own`,
      );
    }
    const found = await findRemoteFile(
      {
        dataset: source.name,
        url,
        path: resolve(folder, name),
        format: source.format ?? formatOf(name),
        stream: source.stream,
        ...(sha256 === undefined ? {} : { sha256 }),
      },
      context,
    );
    inputs.push(found.input);
    if (found.download !== undefined) downloads.push(found.download);
  }
  return { datasets: [dataset(source, inputs, context)], downloads, failed: [] };
}

/** The last part of a URL's path, when it can safely be a file's name. */
function fileNameOf(url: string): string {
  const encoded = new URL(url).pathname.split("/").at(-1) ?? "";
  let name = "";
  try {
    name = decodeURIComponent(encoded);
  } catch {
    // not percent-encoded: refused below
  }
  if (/^[\p{L}\p{N}_][\p{L}\p{N} ._~+,=@()-]{0,199}$/u.test(name)) return name;
  throw new UserError(`${url}: its last part cannot be a file's name; give the file's own address`);
}

function dataset(
  source: Extract<Source, { kind: "files" | "http" }>,
  inputs: InputFile[],
  { config }: ResolveContext,
): Dataset {
  const { name, group, profile, licence, textColumn } = source;
  const thresholds = profileFor(profile, config.thresholds, [name]);
  return { name, source: name, group, profile, thresholds, licence, textColumn, inputs };
}

function formatOf(path: string): SourceFormat {
  const format = formatOfName(path);
  if (format === undefined) {
    throw new UserError(
      `${path}: format not known by its name; set \`format\` to one of ${FORMATS.join(", ")}`,
    );
  }
  return format;
}

/** Two mirrors that are taken whole may list the same name. */
function refuseDuplicates(datasets: readonly Dataset[]): void {
  const sources = new Map<string, string>();
  for (const { name, source } of datasets) {
    const earlier = sources.get(sameFile(name));
    if (earlier !== undefined)
      throw new UserError(`${name}: both ${earlier} and ${source} have a data set of this name`);
    sources.set(sameFile(name), source);
  }
}
