import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { datasetName, type Source } from "../datasets-config.ts";
import { UserError } from "../runtime/errors.ts";
import { exists, readText, writeFileAtomic } from "../runtime/files.ts";
import { describeIssue } from "../runtime/schema.ts";
import { profileFor } from "../thresholds.ts";
import type { Dataset, Download, FailedDataset, InputFile, ResolvedSource } from "./dataset.ts";
import { TransferError } from "./http.ts";
import { fetchText } from "./remote-file.ts";
import { findRemoteFile } from "./remote-input.ts";
import type { ResolveContext } from "./resolve-context.ts";

type SpeakleashSource = Extract<Source, { kind: "speakleash" }>;

/** Real manifests have some kB; the index of 160 names has 6 kB. */
const MAX_MANIFEST_BYTES = 16_000_000;

/** The members of a `NAME.manifest` we use; it has many more. */
const manifestSchema = z.object({
  name: z.string(),
  license: z.string().optional(),
  category: z.string().optional(),
  file_size: z.number().int().nonnegative(),
});

/** `speakleash.json`: what a mirror holds. */
const indexSchema = z.array(z.object({ name: z.string() }));

/** A mirror (a URL) or a folder of the same layout. */
interface Mirror {
  readonly source: SpeakleashSource;
  readonly isRemote: boolean;
  /** Where manifests and archives lie, or will. */
  readonly folder: string;
  readonly context: ResolveContext;
}

/**
 * The data sets of a Speakleash mirror or of a folder of the same layout. Manifests of a mirror are read (and
 * kept) at once, the archives only named. A data set whose manifest cannot be had or read is left out by name.
 */
export async function resolveSpeakleash(
  source: SpeakleashSource,
  context: ResolveContext,
): Promise<ResolvedSource> {
  const isRemote = /^https?:\/\//.test(source.baseUrl);
  const { config } = context;
  const folder = isRemote
    ? resolve(config.folder, config.downloads, "speakleash")
    : resolve(config.folder, source.baseUrl);
  const mirror: Mirror = { source, isRemote, folder, context };
  const datasets: Dataset[] = [];
  const downloads: Download[] = [];
  const failed: FailedDataset[] = [];
  for (const name of await namesOf(mirror, failed)) {
    try {
      const manifest = await readManifest(mirror, name);
      if (source.categories !== undefined && !source.categories.includes(manifest.category ?? "")) continue;
      const { input, download } = await findArchive(mirror, name, manifest.file_size);
      if (download !== undefined) downloads.push(download);
      datasets.push({
        name,
        source: source.name,
        group: source.group,
        profile: source.profile,
        thresholds: profileFor(source.profile, context.config.thresholds, [source.name, name]),
        textColumn: source.textColumn,
        licence: source.licence ?? manifest.license ?? "not stated",
        inputs: [input],
      });
    } catch (error) {
      if (!(error instanceof TransferError || error instanceof UserError)) throw error;
      failed.push({ dataset: name, message: error.message });
    }
  }
  return { datasets, downloads, failed };
}

/** The names a source spells out, or those of the mirror's index that no source does. */
async function namesOf(mirror: Mirror, failed: FailedDataset[]): Promise<readonly string[]> {
  const { source, context } = mirror;
  if (source.datasets !== "all") return source.datasets;
  const spelledOut = new Set(
    context.config.sources.flatMap((other) =>
      other.kind === "speakleash" && other.datasets !== "all" ? other.datasets : [other.name],
    ),
  );
  const listed = new Set(
    (await readDocument(mirror, "speakleash.json", indexSchema)).map(({ name }) => name),
  );
  return [...listed].sort().filter((name) => {
    if (spelledOut.has(name)) return false;
    if (datasetName.safeParse(name).success) return true;
    const shown = JSON.stringify(name.slice(0, 100));
    failed.push({
      dataset: shown,
      message: `speakleash.json of ${source.baseUrl}: ${shown} cannot be a name`,
    });
    return false;
  });
}

async function findArchive(
  { source, isRemote, folder, context }: Mirror,
  name: string,
  fileSize: number,
): Promise<{ input: InputFile; download?: Download }> {
  const file = `${name}.${source.samples ? "sample" : "jsonl.zst"}`;
  const format = source.samples ? "json" : "jsonl.zst";
  const path = join(folder, file);
  if (isRemote) {
    const size = source.samples ? {} : { statedBytes: fileSize };
    const url = urlOf(source, file);
    return await findRemoteFile(
      { dataset: name, url, path, format, stream: source.stream, ...size },
      context,
    );
  }
  const bytes = (await exists(path)) ? (await stat(path)).size : undefined;
  if (bytes === undefined) throw new UserError(`${path}: no such file`);
  if (!source.samples && bytes !== fileSize) {
    throw new UserError(`${path}: has ${bytes} bytes, ${name}.manifest states ${fileSize}`);
  }
  return { input: { path, format, bytes } };
}

const urlOf = ({ baseUrl }: SpeakleashSource, file: string) =>
  `${baseUrl.replace(/\/?$/, "/")}${encodeURIComponent(file)}`;

const readManifest = (mirror: Mirror, name: string) =>
  readDocument(mirror, `${name}.manifest`, manifestSchema);

/** A JSON document of the mirror; one that was fetched is kept, but only when it is what it should be. */
async function readDocument<T>(mirror: Mirror, file: string, schema: z.ZodType<T>): Promise<T> {
  const { source, isRemote, folder, context } = mirror;
  const path = join(folder, file);
  if (!isRemote || (await exists(path))) return parse(path, await readText(path), schema);
  const url = urlOf(source, file);
  const text = await fetchText({ ...context, url }, MAX_MANIFEST_BYTES);
  const value = parse(url, text, schema);
  await writeFileAtomic(path, text);
  return value;
}

function parse<T>(where: string, text: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`${where}: not valid JSON`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new UserError(`${where}: ${describeIssue(parsed.error, value)}`);
  return parsed.data;
}
