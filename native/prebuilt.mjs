/**
 * Binaries that were compiled elsewhere, in prebuilds/PLATFORM-ARCH/ at the root of the package: with them nobody
 * needs a compiler. `npm run prebuilds` leaves those of this machine there; Node's ABI for addons is the same in all
 * versions, so one file a platform is enough. A file counts only when it was made from the very sources beside it, and when
 * it can be loaded here (one made for another C library cannot).
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { ROOT, sourcesOf } from "./addons.mjs";

const platform = join(ROOT, "prebuilds", `${process.platform}-${process.arch}`);
const fileOf = ({ name }) => join(platform, `${name}.node`);
const stampOf = ({ name }) => join(platform, `${name}.sha256`);

/** A hash of all C++ an addon is compiled from. */
function hashSources(addon) {
  const hash = createHash("sha256");
  for (const path of sourcesOf(addon))
    hash
      .update(`${basename(path)}\0`)
      .update(readFileSync(path))
      .update("\0");
  return hash.digest("hex");
}

/** Keeps a compiled addon as the prebuilt one of this platform; returns where. */
export function keepPrebuilt(addon, compiled) {
  mkdirSync(platform, { recursive: true });
  copyFileSync(compiled, fileOf(addon));
  writeFileSync(stampOf(addon), `${hashSources(addon)}\n`);
  return fileOf(addon);
}

/** The prebuilt addon for this platform and these sources, if there is one that loads. */
export function findPrebuilt(addon) {
  const [file, stamp] = [fileOf(addon), stampOf(addon)];
  if (!existsSync(file) || !existsSync(stamp)) return undefined;
  if (readFileSync(stamp, "utf8").trim() !== hashSources(addon)) return undefined;
  try {
    createRequire(import.meta.url)(file);
    return file;
  } catch {
    return undefined; // made for another system: the compiler is asked next
  }
}
