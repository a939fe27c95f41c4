import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const packageSchema = z.object({ name: z.literal("apt3"), version: z.string() });

/** apt3's own folder and version: of the sources, or of the installed package. */
function findInstallation(): { readonly root: URL; readonly version: string } {
  // sources lie two folders below package.json, compiled files (dist/) three
  for (const up of ["../../", "../../../"]) {
    const root = new URL(up, import.meta.url);
    try {
      const parsed = packageSchema.safeParse(JSON.parse(readFileSync(new URL("package.json", root), "utf8")));
      if (parsed.success) return { root, version: parsed.data.version };
    } catch {}
  }
  throw new Error("apt3's package.json is missing from the installation");
}

/** apt3's version, written into every manifest. */
export function apt3Version(): string {
  return findInstallation().version;
}

/** Path of a file that comes with apt3, such as `datasets.yaml`. */
export function shippedFile(name: string): string {
  return fileURLToPath(new URL(name, findInstallation().root));
}
