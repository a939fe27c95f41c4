import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

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
