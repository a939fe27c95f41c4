import { availableParallelism } from "node:os";
import { z } from "zod";
import { parseSize } from "./sizes.ts";

/** zod pieces for the flags that several commands share; commander hands every value over as text. */

/** A whole number in a range, given as text. */
export function integer(min: number, max: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d+$/, `expected a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `expected at least ${min}`).max(max, `expected at most ${max}`));
}

/** A number in a range, given as text. */
export function decimal(min: number, max: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d+(\.\d+)?(e-?\d+)?$/i, `expected a number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `expected at least ${min}`).max(max, `expected at most ${max}`));
}

/** A byte size such as `200MB`. */
export const byteSize: z.ZodType<number> = z.string().transform((text, context) => {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  context.addIssue({ code: "custom", message: "expected a size such as 200MB or 1.5GiB" });
  return z.NEVER;
});

/** `--workers N`; all cores when it is not given. With 999 V8 ran out of memory maps and ended the process (2026-11). */
export const workerCount: z.ZodType<number> = integer(1, 256)
  .optional()
  .transform((count) => count ?? availableParallelism());

/** A 32-bit seed. */
export const seed: z.ZodType<number> = integer(0, 0xffff_ffff);
