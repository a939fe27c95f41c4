import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { z } from "zod";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { apt3Version } from "../../pipeline/runtime/installation.ts";
import { describeIssue } from "../../pipeline/runtime/schema.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { endpoints } from "./api.ts";
import { Metrics } from "./metrics.ts";
import { openApi } from "./openapi.ts";

export interface ServerOptions {
  readonly tokenizer: Tokenizer;
  /** Of its tokenizer.json. */
  readonly sha256: string;
  /** Requests in flight at once; those beyond are answered 429. */
  readonly maxConcurrency: number;
  /** Bytes of a body. */
  readonly bodyLimit: number;
  /** Items of a batch. */
  readonly maxBatch: number;
  /** Milliseconds in which a request must have arrived. */
  readonly timeoutMs: number;
}

/**
 * The HTTP server of a tokenizer, not yet listening. All work is done on this thread: a text of the largest size
 * takes a fraction of a second, and `maxConcurrency` bounds how much may wait.
 */
export function buildServer(options: ServerOptions): { server: FastifyInstance; metrics: Metrics } {
  const { tokenizer, sha256, timeoutMs } = options;
  const metrics = new Metrics();
  const server = Fastify({
    bodyLimit: options.bodyLimit,
    requestTimeout: timeoutMs,
    connectionTimeout: timeoutMs,
    forceCloseConnections: "idle",
    return503OnClosing: true,
  });
  server.setValidatorCompiler<z.ZodType>(({ schema }) => (value: unknown) => {
    const parsed = schema.safeParse(value);
    return parsed.success ? { value: parsed.data } : { error: new Error(describeIssue(parsed.error, value)) };
  });
  server.setErrorHandler<FastifyError>((error, _request, reply) =>
    fail(reply, statusOf(error), error.message),
  );
  server.setNotFoundHandler((request, reply) =>
    fail(
      reply,
      404,
      `no ${request.method} ${request.url.slice(0, 100)} here; GET /openapi.json lists what there is`,
    ),
  );
  limitConcurrency(server, metrics, options.maxConcurrency);
  endConnectionsOnClosing(server);

  const api = endpoints(options.maxBatch);
  for (const { path, body, handle } of api) {
    server.post(path, { schema: { body } }, async (request) => {
      const { answer, tokens } = handle(request.body, tokenizer);
      metrics.addTokens(tokens);
      return answer;
    });
  }
  const { vocabSize, engine } = tokenizer;
  server.get("/health", async () => ({ status: "ok", version: apt3Version(), vocabSize, engine, sha256 }));
  server.get("/metrics", async (_request, reply) =>
    reply.type("text/plain; version=0.0.4").send(String(metrics)),
  );
  const document = openApi(api, apt3Version());
  server.get("/openapi.json", async () => document);
  return { server, metrics };
}

/** Counts requests from their first byte to their answer, and turns those away that are too many. */
function limitConcurrency(server: FastifyInstance, metrics: Metrics, limit: number): void {
  const counted = new WeakSet<FastifyRequest>();
  const leave = (request: FastifyRequest) => {
    if (counted.delete(request)) metrics.inFlight -= 1;
  };
  server.addHook("onRequest", async (request, reply) => {
    if (request.method === "GET") return; // health and metrics answer under load too
    if (metrics.inFlight >= limit) {
      reply.header("retry-after", "1").header("connection", "close");
      return fail(reply, 429, `${limit} requests are being answered already; try again in a second`);
    }
    counted.add(request);
    metrics.inFlight += 1;
  });
  server.addHook("onRequestAbort", async (request) => leave(request));
  server.addHook("onResponse", async (request, reply) => {
    leave(request);
    metrics.answered(request.routeOptions.url ?? "none", reply.statusCode, reply.elapsedTime / 1000);
  });
}

/** While closing, an answered connection is ended: kept alive it would hold up the closing for a minute. */
function endConnectionsOnClosing(server: FastifyInstance): void {
  let isClosing = false;
  server.addHook("preClose", async () => {
    isClosing = true;
  });
  server.addHook("onSend", async (_request, reply) => {
    if (isClosing) reply.header("connection", "close");
  });
}

function fail(reply: FastifyReply, status: number, message: string): FastifyReply {
  const shown = status >= 500 ? "internal error" : message; // what went wrong inside is nobody's business outside
  return reply.code(status).send({ error: { status, message: shown } });
}

function statusOf(error: FastifyError): number {
  if (error.statusCode !== undefined && error.statusCode >= 400) return error.statusCode;
  return error instanceof UserError || error instanceof RangeError ? 400 : 500;
}
