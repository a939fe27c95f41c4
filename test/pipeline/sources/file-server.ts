import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before } from "node:test";
import { TRANSFER_POLICY, type TransferPolicy } from "../../../pipeline/sources/transfer-policy.ts";

/** The usual patience, in a hurry. */
export const QUICK: TransferPolicy = {
  ...TRANSFER_POLICY,
  attempts: 3,
  firstPauseMs: 1,
  maxPauseMs: 500,
  stallMs: 150,
};

/** How a server answers one request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface FileServer {
  /** `http://127.0.0.1:PORT/`, once the tests run. */
  readonly base: string;
  /** The requests since the last `script`, such as `GET /a bytes=100- if "v1"`. */
  readonly requests: string[];
  /** Answers the next requests one by one; a request more is a 500. */
  script(...answers: Answer[]): void;
}

/** A server on this machine for the calling test file, whose every answer is scripted. */
export function fileServer(): FileServer {
  let queue: Answer[] = [];
  const requests: string[] = [];
  const state = { base: "" };
  const server = createServer((request, response) => {
    const { range, "if-range": condition } = request.headers;
    const parts = [request.method, request.url, range, condition && `if ${condition}`];
    requests.push(parts.filter((part) => part !== undefined).join(" "));
    const answer = queue.shift() ?? ((_request, late) => void late.writeHead(500).end());
    answer(request, response);
  });
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    state.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    get base() {
      return state.base;
    },
    requests,
    script(...answers) {
      queue = answers;
      requests.length = 0;
    },
  };
}

/** A server that keeps to the rules: ranges with `If-Range`, and the given headers. */
export const serve =
  (body: Uint8Array, headers: Record<string, string> = { etag: '"v1"' }): Answer =>
  (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const condition = request.headers["if-range"];
    const isSame =
      condition === undefined || condition === headers.etag || condition === headers["last-modified"];
    if (from === 0 || !isSame)
      response.writeHead(200, { ...headers, "content-length": body.length }).end(body);
    else if (from >= body.length)
      response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
    else {
      const range = `bytes ${from}-${body.length - 1}/${body.length}`;
      response.writeHead(206, { ...headers, "content-range": range, "content-length": body.length - from });
      response.end(body.subarray(from));
    }
  };

/** The beginning of a file, and then the connection is gone. */
export const cutAfter =
  (bytes: number, body: Uint8Array, headers: Record<string, string> = { etag: '"v1"' }): Answer =>
  (_request, response) => {
    response.writeHead(200, { ...headers, "content-length": body.length });
    // a reset right behind the bytes may overtake them: they are given time to arrive
    response.write(body.subarray(0, bytes), () => void setTimeout(() => response.destroy(), 150));
  };

/** An answer without a body. */
export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(code, headers).end();
