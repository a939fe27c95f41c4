import { z } from "zod";
import type { Endpoint } from "./api.ts";

const failure = z.strictObject({ error: z.strictObject({ status: z.number(), message: z.string() }) });
const FAILURES: Readonly<Record<number, string>> = {
  400: "the body does not fit, or asks what this tokenizer cannot do",
  413: "the body is too large",
  429: "too many requests at once; try again after Retry-After seconds",
};

/** The OpenAPI 3.1 description of the server. */
export function openApi(endpoints: readonly Endpoint[], version: string): object {
  const json = (schema: z.ZodType, io: "input" | "output") => {
    const { $schema: _, ...described } = z.toJSONSchema(schema, { io });
    return { "application/json": { schema: described } };
  };
  const failures = Object.fromEntries(
    Object.entries(FAILURES).map(([status, description]) => [
      status,
      { description, content: json(failure, "output") },
    ]),
  );
  const posts = endpoints.map(({ path, summary, body, answer }) => [
    path,
    {
      post: {
        summary,
        requestBody: { required: true, content: json(body, "input") },
        responses: { 200: { description: summary, content: json(answer, "output") }, ...failures },
      },
    },
  ]);
  const get = (summary: string) => ({ get: { summary, responses: { 200: { description: summary } } } });
  return {
    openapi: "3.1.0",
    info: { title: "apt3 tokenizer", version, license: { name: "Apache-2.0" } },
    paths: {
      ...Object.fromEntries(posts),
      "/health": get("Whether the server answers, and which tokenizer it has"),
      "/metrics": get("Figures in the Prometheus text format"),
      "/openapi.json": get("This document"),
    },
  };
}
