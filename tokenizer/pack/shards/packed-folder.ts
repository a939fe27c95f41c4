import { basename, join } from "node:path";
import { UserError } from "../../../pipeline/runtime/errors.ts";
import { exists } from "../../../pipeline/runtime/files.ts";
import { readJson } from "../../../pipeline/runtime/manifest.ts";
import { type PackedManifest, packedManifestSchema } from "./packed-manifest.ts";

/**
 * Reads the manifest of a packed folder. Shards are checked when they are read.
 *
 * @throws UserError when the folder was not made by pack, or not to its end
 */
export async function readPackedManifest(folder: string): Promise<PackedManifest> {
  const path = join(folder, "manifest.json");
  if (!(await exists(path))) {
    throw new UserError(`${path}: no such file; make the folder with \`npm run pack\` or name another`);
  }
  const manifest = await readJson(path, packedManifestSchema);
  if (!manifest.complete)
    throw new UserError(`${folder}: packing was not finished; run \`npm run pack\` again`);
  // A manifest made elsewhere must not lead out of its folder.
  const outside = manifest.shards.find(({ file }) => basename(file) !== file || !file.endsWith(".arrow"));
  if (outside !== undefined) throw new UserError(`${path}: shard ${outside.file} is not the name of a shard`);
  return manifest;
}
