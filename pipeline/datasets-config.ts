import { dirname, resolve } from "node:path";
import { z } from "zod";
import { PROFILE_NAMES } from "./profiles.ts";
import { UserError } from "./runtime/errors.ts";
import { readText } from "./runtime/files.ts";
import { byteSize } from "./runtime/options.ts";
import { parseYaml } from "./runtime/yaml.ts";
import { thresholdsSchema } from "./thresholds.ts";

/** Names become file names, so no separators, no leading dot, no control characters. */
export const datasetName = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u, "expected a name of letters, digits, `.`, `_`, `-`");
const name = datasetName;

const source = {
  name,
  group: name,
  profile: z.enum(PROFILE_NAMES).default("web"),
  /** A source that is read only when `--only` names it, such as the bundled sample. */
  onlyByName: z.boolean().default(false),
  /** Column of Parquet files that holds the text. */
  textColumn: z.string().min(1).default("text"),
};

const PLAIN_FORMATS = ["jsonl", "json", "warc", "wet", "html", "txt", "xml"] as const;
const COMPRESSIONS = ["gz", "zst", "bz2"] as const;

/** Formats a source may have, each also compressed; they are the file names' endings too. */
export const FORMATS = [
  ...PLAIN_FORMATS,
  ...PLAIN_FORMATS.flatMap((plain) => COMPRESSIONS.map((compression) => `${plain}.${compression}` as const)),
  "parquet",
] as const;
const format = z.enum(FORMATS);
/** Read the remote files as they come and store no copy of them; a run that was stopped fetches them again. */
const stream = z.boolean().default(false);

const speakleashSource = z.strictObject({
  ...source,
  kind: z.literal("speakleash"),
  /** Stated here only to overrule the data sets' manifests. */
  licence: z.string().min(1).optional(),
  /** URL or folder that holds `NAME.manifest` and `NAME.jsonl.zst`. */
  baseUrl: z.string().min(1),
  /** Names, or `all` that the mirror's `speakleash.json` lists and no other source names. */
  datasets: z.union([z.array(name).min(1), z.literal("all")]),
  /** Only data sets whose manifest states one of these categories, such as `Forum`. */
  categories: z.array(z.string().min(1)).min(1).optional(),
  /** Read `NAME.sample`, a handful of documents, instead of the archive. */
  samples: z.boolean().default(false),
  stream,
});

const filesSource = z.strictObject({
  ...source,
  kind: z.literal("files"),
  licence: z.string().min(1),
  /** A path or glob, relative to datasets.yaml. */
  path: z.string().min(1),
  format: format.optional(),
});

const url = z.url({ protocol: /^https?$/ });
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits");
const httpSource = z.strictObject({
  ...source,
  kind: z.literal("http"),
  licence: z.string().min(1),
  urls: z.array(z.union([url, z.strictObject({ url, sha256: sha256.optional() })])).min(1),
  format: format.optional(),
  stream,
});

const sourceSchema = z.discriminatedUnion("kind", [speakleashSource, filesSource, httpSource]);

/** datasets.yaml: where the text comes from, under which licence, and in which shares it is mixed. */
const datasetsSchema = z.strictObject({
  /** Where downloads are kept, relative to datasets.yaml. */
  downloads: z.string().min(1).default("data/raw"),
  /** Bytes a second that all downloads together may take, such as `5MB`; `--bandwidth` overrules it. */
  bandwidth: byteSize.optional(),
  /** Weight of each group in the training mix; only their proportion matters. */
  mix: z.record(name, z.number().positive()).default({}),
  /** What differs from the profiles' thresholds: for all, for a profile, for a source or data set. */
  thresholds: thresholdsSchema.prefault({}),
  sources: z.array(sourceSchema).min(1),
});

export type Source = z.infer<typeof sourceSchema>;
export type PlainFormat = (typeof PLAIN_FORMATS)[number];
export type SourceFormat = z.infer<typeof format>;

export interface DatasetsConfig extends z.infer<typeof datasetsSchema> {
  /** Folder of the file, against which its relative paths are resolved. */
  readonly folder: string;
}

/**
 * Reads datasets.yaml.
 *
 * @throws UserError naming the file, the line and the place inside it, such as
 *   `datasets.yaml:12: sources[3].format: expected one of …, found "cvs"`
 */
export async function readDatasetsConfig(path: string): Promise<DatasetsConfig> {
  const { content, lineOf } = parseYaml(path, await readText(path), datasetsSchema);
  const refuse = (place: readonly PropertyKey[], message: string): never => {
    throw new UserError(`${path}:${lineOf(place)}: ${message}`);
  };
  const names = namesOf(content.sources, refuse);
  const takesAll = content.sources.some((entry) => entry.kind === "speakleash" && entry.datasets === "all");
  for (const named of Object.keys(content.thresholds.datasets)) {
    if (!names.has(named) && !takesAll)
      refuse(
        ["thresholds", "datasets", named],
        `thresholds.datasets.${named}: no source or data set has this name`,
      );
  }
  return { ...content, folder: dirname(resolve(path)) };
}

/** Names of sources and of their data sets share one namespace: they name shards, and `--only` takes either. */
function namesOf(
  sources: readonly Source[],
  refuse: (place: readonly PropertyKey[], message: string) => never,
): ReadonlySet<string> {
  const seen = new Map<string, string>();
  const names = new Set<string>();
  const add = (taken: string, where: string, place: readonly PropertyKey[]) => {
    const earlier = seen.get(sameFile(taken));
    if (earlier !== undefined) refuse(place, `${where}: the name ${taken} is taken by ${earlier}`);
    seen.set(sameFile(taken), where);
    names.add(taken);
  };
  sources.forEach((entry, index) => {
    add(entry.name, `sources[${index}].name`, ["sources", index, "name"]);
    if (entry.kind !== "speakleash" || entry.datasets === "all") return;
    entry.datasets.forEach((dataset, at) => {
      const place = ["sources", index, "datasets", at];
      if (dataset !== entry.name) add(dataset, `sources[${index}].datasets[${at}]`, place);
    });
  });
  return names;
}

/** What names have in common that would be the same file on some systems: case and the form of accents do not count there. */
export const sameFile = (name: string): string => name.normalize("NFC").toLowerCase();
