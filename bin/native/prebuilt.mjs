/**
 * Binaries that were compiled elsewhere, in prebuilds/PLATFORM-ARCH/ at the root of the package: with them nobody needs a
 * compiler. `npm run prebuilds` leaves those of this machine there; Node's ABI for addons is the same in all versions, so
 * one file a platform is enough. A file counts only when it was made from the very sources beside it, and when it can be
 * loaded here (one made for another C library cannot).
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const platform = join(root, "prebuilds", `${process.platform}-${process.arch}`);
const placeOf = ({ name }) => ({
  binary: join(platform, `${name}.node`),
  stamp: join(platform, `${name}.sha256`),
});

/** A hash of all C++ an addon is compiled from. */
function hashSources({ folder }) {
  const hash = createHash("sha256");
  const isOther = (name) => /^(build|cuda[/\\]compile)[/\\]/.test(name);
  const sources = readdirSync(join(root, folder), { recursive: true })
    .filter((name) => /\.(cpp|h)$/.test(name) && !isOther(name))
    .map((name) => name.replaceAll("\\", "/"))
    .sort();
  for (const name of sources)
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(root, folder, name)))
      .update("\0");
  return hash.digest("hex");
}

/** Keeps a compiled addon as the prebuilt one of this platform; returns where. */
export function keepPrebuilt(addon, compiled) {
  const { binary, stamp } = placeOf(addon);
  mkdirSync(platform, { recursive: true });
  copyFileSync(compiled, binary);
  writeFileSync(stamp, `${hashSources(addon)}\n`);
  return binary;
}

/** Whether there is a prebuilt addon for this platform and these sources that loads. */
export function hasPrebuilt(addon) {
  const { binary, stamp } = placeOf(addon);
  if (!existsSync(binary) || !existsSync(stamp)) return false;
  if (readFileSync(stamp, "utf8").trim() !== hashSources(addon)) return false;
  try {
    createRequire(import.meta.url)(binary);
    return true;
  } catch {
    return false; // made for another system: the compiler is asked next
  }
}
