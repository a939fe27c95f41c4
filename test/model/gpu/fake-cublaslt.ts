import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Builds the stand-in for cuBLASLt in a folder and has it find the emulated driver; returns its path.
 *
 * @param library the emulated driver
 */
export function buildFakeCublasLt(folder: string, library: string): string {
  const path = join(folder, "libfake-cublaslt.so");
  const source = fileURLToPath(new URL("fake_cublaslt.cpp", import.meta.url));
  const built = spawnSync("g++", ["-std=c++20", "-O1", "-shared", "-fPIC", source, "-o", path]);
  assert.equal(built.status, 0, String(built.stderr));
  process.env.APT3_FAKE_CUBLASLT_DRIVER = library;
  return path;
}
