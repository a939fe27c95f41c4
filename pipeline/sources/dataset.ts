import type { SourceFormat } from "../datasets-config.ts";
import type { ProfileName } from "../profiles.ts";

/** One file to read, lying on this machine. */
export interface InputFile {
  readonly path: string;
  readonly format: SourceFormat;
  /** Size on disk, compressed. */
  readonly bytes: number;
}

/** A set of documents with one name, licence and profile: what statistics and shards are kept for. */
export interface Dataset {
  readonly name: string;
  /** Name of the entry of datasets.yaml it belongs to. */
  readonly source: string;
  readonly group: string;
  readonly profile: ProfileName;
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
  /** Size the publisher states, when one is stated. */
  readonly bytes: number | undefined;
}

/** What a source turns out to hold: data sets whose inputs are here, or will be after the downloads. */
export interface ResolvedSource {
  readonly datasets: readonly Dataset[];
  readonly downloads: readonly Download[];
}
