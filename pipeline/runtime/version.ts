import { readFileSync } from "node:fs";
import { z } from "zod";

const packageSchema = z.object({ name: z.literal("apt3"), version: z.string() });

/** apt3's version, written into every manifest. */
export function apt3Version(): string {
  // sources lie two folders below package.json, compiled files three
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      const parsed = packageSchema.safeParse(JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8")));
      if (parsed.success) return parsed.data.version;
    } catch {}
  }
  throw new Error("apt3's package.json is missing from the installation");
}
