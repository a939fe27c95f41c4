import { relative } from "node:path";
import type { SourceFormat } from "../datasets-config.ts";
import type { Profile, ProfileName } from "../profiles.ts";

/** One file to read, lying on this machine or, with a `url`, streamed from another. */
export interface InputFile {
  /** Where it lies, or would lie if it were kept. */
  readonly path: string;
  readonly format: SourceFormat;
  /** Size as stored, compressed; 0 when it is not known before reading. */
  readonly bytes: number;
  /** Read straight from here, without a stored copy. */
  readonly url?: string;
}

/** How people name an input: its URL, or its path from the configuration's folder. */
export function nameOfInput({ path, url }: InputFile, folder: string): string {
  return url ?? relative(folder, path);
}

/** A set of documents with one name, licence and profile: what statistics and shards are kept for. */
export interface Dataset {
  readonly name: string;
  /** Name of the entry of datasets.yaml it belongs to. */
  readonly source: string;
  readonly group: string;
  readonly profile: ProfileName;
  /** The profile's thresholds, with what the configuration says otherwise. */
  readonly thresholds: Profile;
  readonly licence: string;
  /** Column of Parquet files that holds the text. */
  readonly textColumn: string;
  readonly inputs: readonly InputFile[];
}

/** A file that has to be fetched before it can be read. */
export interface Download {
  readonly dataset: string;
  readonly url: string;
  readonly path: string;
  /** Size, when it is known before the download. */
  readonly bytes: number | undefined;
  /** Size the publisher vouches for: a file of another is refused. */
  readonly statedBytes?: number;
  /** SHA-256 that datasets.yaml states, in lower-case hex digits. */
  readonly sha256?: string;
}

/** A data set that cannot be had, and why. */
export interface FailedDataset {
  readonly dataset: string;
  readonly message: string;
}

/** What a source turns out to hold: data sets whose inputs are here, or will be after the downloads. */
export interface ResolvedSource {
  readonly datasets: readonly Dataset[];
  readonly downloads: readonly Download[];
  readonly failed: readonly FailedDataset[];
}
