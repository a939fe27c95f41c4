import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { TransferPolicy } from "./transfer-policy.ts";

/**
 * A fetch that came to nothing: the server refuses, lies, or cannot be reached. It concerns one data set; the
 * others go on.
 */
export class TransferError extends Error {
  override readonly name = "TransferError";
  readonly exitCode = 1;
  /** Whether another attempt may do better. */
  readonly mayPass: boolean;
  /** The pause the server asked for. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    { mayPass = false, retryAfterMs }: { mayPass?: boolean; retryAfterMs?: number | undefined } = {},
  ) {
    super(message);
    this.mayPass = mayPass;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface RequestOptions {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly policy: TransferPolicy;
}

const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * The answer to a request, redirects followed: 200, 206 or 416. `node:http` rather than `fetch`, which
 * inflates what a server labels as compressed, so that sizes, ranges and hashes no longer fit the file.
 *
 * @throws TransferError for any other answer, and when the server cannot be reached or stays silent
 */
export async function request(url: string, options: RequestOptions): Promise<IncomingMessage> {
  const { policy } = options;
  let current = url;
  for (let hops = 0; hops <= policy.maxRedirects; hops++) {
    const response = await send(current, options);
    const status = response.statusCode ?? 0;
    if ([200, 206, 416].includes(status)) return response;
    response.resume().on("error", () => undefined);
    if (!REDIRECTS.includes(status)) throw refusal(url, response);
    current = redirectTarget(current, response.headers.location);
  }
  throw new TransferError(`${url}: redirected more than ${policy.maxRedirects} times; check the address`);
}

function redirectTarget(from: string, location: string | undefined): string {
  const target = location === undefined ? null : URL.parse(location, from);
  const isSafe = target?.protocol === "https:" || (target?.protocol === "http:" && from.startsWith("http:"));
  if (target === null || !isSafe) {
    throw new TransferError(
      `${from}: redirects to ${JSON.stringify(location ?? "nowhere")}, which is not followed`,
    );
  }
  return target.href;
}

function refusal(
  url: string,
  { statusCode = 0, statusMessage = "", headers }: IncomingMessage,
): TransferError {
  const message = `${url}: the server answers ${statusCode} ${statusMessage}`.trim();
  const mayPass = statusCode >= 500 || statusCode === 429 || statusCode === 408;
  if (mayPass)
    return new TransferError(message, { mayPass, retryAfterMs: retryAfter(headers["retry-after"]) });
  return new TransferError(`${message}; check the address and the name in datasets.yaml`);
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : undefined;
}

function send(
  url: string,
  { method = "GET", headers, signal, policy }: RequestOptions,
): Promise<IncomingMessage> {
  const client = url.startsWith("https:") ? https : http;
  return new Promise((resolve, reject) => {
    const outgoing = client.request(url, { method, signal, headers: { "user-agent": "apt3", ...headers } });
    const timer = setTimeout(() => outgoing.destroy(stalled(policy)), policy.stallMs);
    outgoing.on("response", (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    outgoing.on("error", (error) => {
      clearTimeout(timer);
      reject(signal.aborted ? signal.reason : brokenOff(url, error));
    });
    outgoing.end();
  });
}

export const stalled = ({ stallMs }: TransferPolicy) => new Error(`nothing came for ${stallMs / 1000} s`);

/** The error of a connection that could not be made or broke off. */
export function brokenOff(url: string, error: unknown): TransferError {
  const why = error instanceof Error ? error.message || error.name : String(error);
  return new TransferError(`${url}: cannot be fetched (${why}); check the address and your connection`, {
    mayPass: true,
  });
}
