/**
 * Binaries that were compiled elsewhere, in prebuilds/PLATFORM-ARCH/ at the root of the package: with one of them nobody
 * needs a compiler. `npm run prebuilds` leaves the one of this machine there; Node's ABI for addons is the same in all
 * versions, so one file a platform is enough. A file counts only when it was made from the very sources beside it, and when
 * it can be loaded here (one made for another C library cannot).
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const native = dirname(fileURLToPath(import.meta.url));
const platform = join(native, "../../prebuilds", `${process.platform}-${process.arch}`);
const addon = join(platform, "cpu.node");
const stamp = join(platform, "sources.sha256");

/** A hash of all C++ the addon is compiled from. */
function hashSources() {
  const hash = createHash("sha256");
  const isOther = (name) => /^(build|prebuilds|cuda[/\\]compile)[/\\]/.test(name);
  const sources = readdirSync(native, { recursive: true })
    .filter((name) => /\.(cpp|h)$/.test(name) && !isOther(name))
    .map((name) => name.replaceAll("\\", "/"))
    .sort();
  for (const name of sources)
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(native, name)))
      .update("\0");
  return hash.digest("hex");
}

/** Keeps a compiled addon as the prebuilt one of this platform; returns where. */
export function keepPrebuilt(compiled) {
  mkdirSync(platform, { recursive: true });
  copyFileSync(compiled, addon);
  writeFileSync(stamp, `${hashSources()}\n`);
  return addon;
}

/** The prebuilt addon for this platform and these sources, if there is one that loads. */
export function findPrebuilt() {
  if (!existsSync(addon) || !existsSync(stamp)) return undefined;
  if (readFileSync(stamp, "utf8").trim() !== hashSources()) return undefined;
  try {
    createRequire(import.meta.url)(addon);
    return addon;
  } catch {
    return undefined; // made for another system: the compiler is asked next
  }
}
