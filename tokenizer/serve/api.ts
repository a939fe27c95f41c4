import { z } from "zod";
import type { Tokenizer } from "../tokenizer.ts";

/** One endpoint: what it takes and what it does with it. The same table makes the routes and the OpenAPI document. */
export interface Endpoint {
  readonly path: string;
  readonly summary: string;
  readonly body: z.ZodType;
  readonly answer: z.ZodType;
  /** @throws RangeError or UserError for what the body asks and the tokenizer cannot do */
  handle(body: unknown, tokenizer: Tokenizer): { readonly answer: object; readonly tokens: number };
}

const encodeOptions = {
  addBos: z.boolean().default(false).describe("put the beginning-of-text token first"),
  addEos: z.boolean().default(false).describe("put the end-of-text token last"),
  parseSpecials: z
    .boolean()
    .default(false)
    .describe("take names of special tokens in the text for these tokens; not for text of strangers"),
};
const decodeOptions = { skipSpecials: z.boolean().default(false).describe("leave special tokens out") };
const id = z.number().int().min(0);
const count = z.strictObject({ count: id });
const encoded = z.strictObject({
  ids: z.array(id),
  count: id,
  offsets: z
    .array(z.tuple([id, id]))
    .optional()
    .describe("start and end in UTF-16 units, for each id"),
});
const decoded = z.strictObject({ text: z.string() });

/** @param maxBatch texts or lists of ids a batch may hold */
export function endpoints(maxBatch: number): Endpoint[] {
  const batch = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(maxBatch);
  const ids = z.array(id);
  return [
    endpoint(
      "/tokenize",
      "Ids of a text",
      z.strictObject({ text: z.string(), offsets: z.boolean().default(false), ...encodeOptions }),
      encoded,
      ({ text, offsets: wanted, ...options }, tokenizer) => {
        if (!wanted) return answerIds(tokenizer.encode(text, options));
        const { ids: found, offsets } = tokenizer.encodeWithOffsets(text, options);
        const pairs = Array.from(found, (_, i) => [offsets[2 * i], offsets[2 * i + 1]]);
        return { answer: { ids: [...found], count: found.length, offsets: pairs }, tokens: found.length };
      },
    ),
    endpoint(
      "/tokenize/batch",
      "Ids of many texts",
      z.strictObject({ texts: batch(z.string()), ...encodeOptions }),
      z.strictObject({ results: z.array(encoded) }),
      ({ texts, ...options }, tokenizer) =>
        together(texts.map((text) => answerIds(tokenizer.encode(text, options)))),
    ),
    endpoint(
      "/detokenize",
      "Text of ids",
      z.strictObject({ ids, ...decodeOptions }),
      decoded,
      ({ ids: given, ...options }, tokenizer) => answerText(given, tokenizer.decode(given, options)),
    ),
    endpoint(
      "/detokenize/batch",
      "Texts of many lists of ids",
      z.strictObject({ batch: batch(ids), ...decodeOptions }),
      z.strictObject({ results: z.array(decoded) }),
      ({ batch: lists, ...options }, tokenizer) =>
        together(lists.map((given) => answerText(given, tokenizer.decode(given, options)))),
    ),
    endpoint(
      "/count",
      "Number of tokens of a text",
      z.strictObject({ text: z.string(), ...encodeOptions }),
      count,
      ({ text, ...options }, tokenizer) => answerCount(tokenizer.count(text, options)),
    ),
    endpoint(
      "/count/batch",
      "Numbers of tokens of many texts",
      z.strictObject({ texts: batch(z.string()), ...encodeOptions }),
      z.strictObject({ results: z.array(count) }),
      ({ texts, ...options }, tokenizer) =>
        together(texts.map((text) => answerCount(tokenizer.count(text, options)))),
    ),
  ];
}

type Answer = ReturnType<Endpoint["handle"]>;

/** Ties a body's schema to the type its handler gets; fastify hands over what the schema made of the body. */
function endpoint<Body>(
  path: string,
  summary: string,
  body: z.ZodType<Body>,
  answer: z.ZodType,
  handle: (body: Body, tokenizer: Tokenizer) => Answer,
): Endpoint {
  return { path, summary, body, answer, handle: (value, tokenizer) => handle(value as Body, tokenizer) };
}

const answerIds = (ids: ArrayLike<number>): Answer => ({
  answer: { ids: Array.from(ids), count: ids.length },
  tokens: ids.length,
});
const answerCount = (tokens: number): Answer => ({ answer: { count: tokens }, tokens });
const answerText = (ids: readonly number[], text: string): Answer => ({
  answer: { text },
  tokens: ids.length,
});
const together = (answers: readonly Answer[]): Answer => ({
  answer: { results: answers.map(({ answer }) => answer) },
  tokens: answers.reduce((sum, { tokens }) => sum + tokens, 0),
});
