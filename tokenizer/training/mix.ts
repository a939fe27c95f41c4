import type { Corpus } from "../../pipeline/corpus.ts";
import { UserError } from "../../pipeline/runtime/errors.ts";

/**
 * Shares of each group's documents to count, so that the texts of all groups stand in the proportions of the
 * corpus's mix. Nothing is counted twice: the group of which there is least for its weight is counted whole, the
 * others in part.
 *
 * @throws UserError when the corpus states no mix, or not of all its groups
 */
export function sharesForMix({ path, files, mix }: Corpus): Record<string, number> {
  const sizes = new Map<string, number>();
  for (const { group, textBytes } of files) sizes.set(group, (sizes.get(group) ?? 0) + (textBytes ?? 0));
  const densities = new Map<string, number>();
  for (const [group, bytes] of sizes) {
    const weight = mix[group];
    if (weight === undefined) {
      throw new UserError(
        `--mix: ${path} states no weight for its group ${group}; give one in datasets.yaml and ingest`,
      );
    }
    if (bytes > 0) densities.set(group, weight / bytes);
  }
  const densest = Math.max(...densities.values());
  return Object.fromEntries([...densities].map(([group, density]) => [group, density / densest]));
}
