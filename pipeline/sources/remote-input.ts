import { stat } from "node:fs/promises";
import type { SourceFormat } from "../datasets-config.ts";
import { CorruptInput } from "../readers/corrupt-input.ts";
import { exists } from "../runtime/files.ts";
import type { Dataset, Download, InputFile } from "./dataset.ts";
import { TransferError } from "./http.ts";
import { inspectRemote, streamRemote } from "./remote-file.ts";
import type { ResolveContext } from "./resolve-context.ts";
import { Pacer, type TransferPolicy } from "./transfer-policy.ts";

export interface RemoteInput {
  readonly dataset: string;
  readonly url: string;
  /** Where a stored copy lies. */
  readonly path: string;
  readonly format: SourceFormat;
  readonly stream: boolean;
  /** Size its publisher vouches for. */
  readonly statedBytes?: number;
  readonly sha256?: string;
}

/** Its footer is its end, so nothing of it can be read before all of it is here. */
const isReadFromTheEnd = (format: SourceFormat) => format === "parquet";

/** The stored copy of a remote file, or the way to it: a download, or an address to read from. */
export async function findRemoteFile(
  { dataset, url, path, format, stream, statedBytes, sha256 }: RemoteInput,
  context: ResolveContext,
): Promise<{ input: InputFile; download?: Download }> {
  const here = (await exists(path)) ? (await stat(path)).size : undefined;
  if (here !== undefined && (statedBytes === undefined || here === statedBytes)) {
    return { input: { path, format, bytes: here } };
  }
  const bytes = statedBytes ?? (await inspectRemote({ ...context, url }))?.bytes;
  const input = { path, format, bytes: bytes ?? 0 };
  // a hash can only be checked before use when there is a file to check
  const isStreamed = (stream || context.preferStreams) && !isReadFromTheEnd(format) && sha256 === undefined;
  if (isStreamed) return { input: { ...input, url } };
  return {
    input,
    download: {
      dataset,
      url,
      path,
      bytes,
      ...(statedBytes === undefined ? {} : { statedBytes }),
      ...(sha256 === undefined ? {} : { sha256 }),
    },
  };
}

/** The data sets with the sizes that their files have now that all downloads are done. */
export async function withSizesOnDisk(datasets: readonly Dataset[]): Promise<Dataset[]> {
  const settle = async (input: InputFile) => {
    const isHere = input.url === undefined && (await exists(input.path));
    return isHere ? { ...input, bytes: (await stat(input.path)).size } : input;
  };
  return await Promise.all(
    datasets.map(async (dataset) => ({ ...dataset, inputs: await Promise.all(dataset.inputs.map(settle)) })),
  );
}

/**
 * The bytes of a remote file for the readers.
 *
 * @param bytes the size it is known by, from its manifest or the server; 0 when it is not known
 * @throws CorruptInput when it cannot be read to its end, or is of another size
 */
export async function* readRemote(
  { url, bytes }: { readonly url: string; readonly bytes: number },
  policy: TransferPolicy,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const transfer = { url, policy, pacer: new Pacer(policy.bytesPerSecond), signal };
  try {
    yield* streamRemote(transfer, bytes === 0 ? undefined : bytes);
  } catch (error) {
    if (error instanceof TransferError) throw new CorruptInput(error.message.replace(`${url}: `, ""));
    throw error;
  }
}
