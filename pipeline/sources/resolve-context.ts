import type { DatasetsConfig } from "../datasets-config.ts";
import type { Pacer, TransferPolicy } from "./transfer-policy.ts";

export interface ResolveOptions {
  /** Names of sources or of single data sets; all but `onlyByName` sources when it is undefined. */
  readonly only: readonly string[] | undefined;
  /** Read remote files without storing them where that can be done: a limited run needs only their beginnings. */
  readonly preferStreams: boolean;
  readonly policy: TransferPolicy;
  readonly signal: AbortSignal;
}

/** What the resolvers of all kinds of sources share. */
export interface ResolveContext extends ResolveOptions {
  readonly config: DatasetsConfig;
  readonly pacer: Pacer;
}
