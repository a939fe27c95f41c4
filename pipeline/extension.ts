import { join } from "node:path";
import { type CleanManifest, cleanManifestSchema } from "./clean-manifest.ts";
import { exists } from "./runtime/files.ts";
import { canonicalJson, readJson } from "./runtime/manifest.ts";
import type { Dataset } from "./sources/dataset.ts";

/**
 * The data sets in the order they are done: first those of an earlier run in `out`, in its order, then the new
 * ones. So what stands keeps its place, its documents win over later copies of them, and the result is that of
 * one run over all data sets in this order.
 */
export async function orderBehindEarlier(out: string, datasets: readonly Dataset[]): Promise<Dataset[]> {
  const path = join(out, "manifest.json");
  const planned = (await exists(path)) ? (await readJson(path, cleanManifestSchema)).planned : [];
  const places = new Map(planned.map(({ name }, place) => [name, place]));
  const placeOf = ({ name }: Dataset) => places.get(name) ?? planned.length;
  return [...datasets].sort((a, b) => placeOf(a) - placeOf(b));
}

/** Whether a job does all that the one of a manifest did, in the same way, and only adds data sets behind it. */
export function isExtension(
  { settings: earlier, planned }: CleanManifest,
  settings: CleanManifest["settings"],
  plan: CleanManifest["planned"],
): boolean {
  const isSame = (entry: unknown, i: number) => canonicalJson(entry) === canonicalJson(plan[i]);
  return canonicalJson(earlier) === canonicalJson(settings) && planned.every(isSame);
}
