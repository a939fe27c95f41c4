import { once } from "node:events";
import { z } from "zod";
import type { Command } from "../pipeline/runtime/command.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { isCode } from "../pipeline/runtime/files.ts";
import { byteSize, decimal, integer } from "../pipeline/runtime/options.ts";
import { loadTokenizer } from "./load.ts";
import { buildServer } from "./serve/server.ts";

const optionsSchema = z.object({
  tokenizer: z.string(),
  host: z.string().min(1),
  port: integer(0, 65_535),
  maxConcurrency: integer(1, 65_536),
  maxBatch: integer(1, 1 << 20),
  bodyLimit: byteSize,
  timeout: decimal(0.1, 3600),
});

export const command: Command<z.infer<typeof optionsSchema>> = {
  name: "serve-tokenizer",
  summary:
    "Serve a tokenizer over HTTP: /tokenize, /detokenize, /count, each with /batch; GET /openapi.json describes them.",
  examples: [
    "apt3 serve-tokenizer --tokenizer data/tokenizer --port 8080",
    "apt3 serve-tokenizer --host 0.0.0.0            # for other machines too",
    `curl -d '{"text":"Litwo! Ojczyzno moja!"}' -H 'content-type: application/json' localhost:8080/tokenize`,
  ],
  configure: (program) =>
    program
      .option("--tokenizer <folder>", "folder with a tokenizer.json", "data/tokenizer")
      .option("--host <address>", "address to listen on; 0.0.0.0 lets other machines in", "127.0.0.1")
      .option("--port <n>", "port to listen on; 0 takes a free one", "8080")
      .option("--max-concurrency <n>", "requests at once; more are answered 429", "64")
      .option("--max-batch <n>", "texts or lists of ids in a batch", "1024")
      .option("--body-limit <size>", "largest body", "8MB")
      .option("--timeout <seconds>", "time for a request to arrive", "30"),
  options: optionsSchema,

  async run({ tokenizer: folder, host, port, timeout, ...limits }, context) {
    // 1. The tokenizer and its server
    const { tokenizer, sha256 } = await loadTokenizer(folder);
    const { server, metrics } = buildServer({ tokenizer, sha256, timeoutMs: timeout * 1000, ...limits });

    // 2. Listen
    const address = await server.listen({ host, port }).catch((error: unknown) => {
      if (isCode(error, "EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "ENOTFOUND")) {
        throw new UserError(
          `--host ${host} --port ${port}: cannot listen there (${(error as Error).message}); choose another`,
        );
      }
      throw error;
    });
    context.print(`serving ${folder} at ${address}; end with Ctrl-C`);
    context.emit({ event: "listening", address });

    // 3. Until a signal, then let the requests under way finish
    if (!context.signal.aborted) await once(context.signal, "abort");
    await server.close();
    return { address, requests: metrics.requests, tokens: metrics.tokens };
  },
};
