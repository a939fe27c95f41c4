import { z } from "zod";

const units: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, min: 60, s: 1 };

/** Seconds of a duration such as `90m`, `2h30m`, `1d` or `45s`; undefined when the text is none. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*(d|h|min|m|s)\s*/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text.trim()) return undefined;
  return parts.reduce((sum, [, amount, unit = "s"]) => sum + Number(amount) * units[unit]!, 0);
}

/** A duration given as an option. */
export const duration: z.ZodType<number> = z.string().transform((text, context) => {
  const seconds = parseDuration(text);
  if (seconds !== undefined && seconds > 0) return seconds;
  context.addIssue({ code: "custom", message: "expected a duration such as 90m, 2h30m or 1d" });
  return z.NEVER;
});
