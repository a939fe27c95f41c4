import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** An addon, or why there is none. */
export type FoundAddon<Addon> = { readonly addon: Addon } | { readonly reason: string };

/** The package's root: seen from the sources, and from the built package's dist/. */
const ROOTS = ["../", "../../"];

/**
 * Loads a native addon that native/build.mjs compiled, or that came with the package.
 *
 * @param name of the addon
 * @param folder of its C++ sources, from the package's root
 * @param variant `sanitize` is the build of `npm run check:sanitize`
 */
export function loadAddon<Addon>(
  name: string,
  folder: string,
  variant: "" | "sanitize" = "",
): FoundAddon<Addon> {
  const from = (places: readonly string[]) =>
    places.flatMap((place) => ROOTS.map((root) => fileURLToPath(new URL(root + place, import.meta.url))));
  const built = `${folder}/build/`;
  const places =
    variant === ""
      ? [`${built}${name}.node`, `prebuilds/${process.platform}-${process.arch}/${name}.node`]
      : [`${built}${variant}/${name}.node`];
  for (const file of from(places)) {
    if (!existsSync(file)) continue;
    const changed = findChangedSource(file);
    if (changed !== undefined)
      return {
        reason: `its native part was compiled before ${basename(changed)} changed: run node native/build.mjs`,
      };
    try {
      return { addon: createRequire(import.meta.url)(file) as Addon };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { reason: `${file} cannot be loaded: ${message.split("\n")[0]}` };
    }
  }
  const skipped = from([`${built}skipped.txt`]).find((file) => existsSync(file));
  const why = skipped === undefined ? "run node native/build.mjs" : readFileSync(skipped, "utf8").trim();
  return { reason: `its native part was not built: ${why}` };
}

/** What an addon was compiled from, as native/build.mjs leaves it beside the addon: SHA-256 by path from there. */
const sourcesSchema = z.record(z.string(), z.string());

/**
 * A source that is not as it was when an addon was compiled: after an update without `npm ci` the addon would give wrong
 * results, or end the process. Addons that came with the package have no list.
 */
function findChangedSource(addon: string): string | undefined {
  const list = addon.replace(/\.node$/, ".sources.json");
  if (!existsSync(list)) return undefined;
  const hashes = sourcesSchema.parse(JSON.parse(readFileSync(list, "utf8")));
  return Object.keys(hashes)
    .map((path) => join(dirname(list), path))
    .find((path, i) => existsSync(path) && sha256(path) !== Object.values(hashes)[i]);
}

const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
