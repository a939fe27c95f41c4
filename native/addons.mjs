import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const native = dirname(fileURLToPath(import.meta.url));
const addon = (name, folder, parts) => ({ name, folder: join(ROOT, folder), parts });

/** The package's folder. */
export const ROOT = join(native, "..");

/** Headers all addons share. */
export const SHARED = native;

/** The addons: their names, folders and the parts of these with C++. Each is built in its folder's build/. */
export const ADDONS = [
  // The host side of the cuda backend takes no CUDA toolkit: it opens the driver at run time.
  addon("cpu", "model/native", [".", "kernels", "cuda", "cuda/host"]),
  addon("encoder", "tokenizer/native", ["."]),
  addon("measures", "pipeline/measures/native", ["."]),
  addon("allocator", "pipeline/runtime/native", ["."]),
];

/** Paths of all C++ an addon is compiled from, headers included. */
export function sourcesOf({ folder, parts }) {
  const folders = [SHARED, ...parts.map((part) => join(folder, part))];
  return folders.flatMap((path) =>
    readdirSync(path)
      .filter((name) => /\.(cpp|h)$/.test(name))
      .sort()
      .map((name) => join(path, name)),
  );
}
