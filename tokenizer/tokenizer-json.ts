import { z } from "zod";
import { UserError } from "../pipeline/runtime/errors.ts";
import { describeIssue } from "../pipeline/runtime/schema.ts";

/** Ids beyond this are not read, as memory is taken for all below the largest: published ones have up to 262 thousand. */
const MAX_ID = 2 ** 21 - 1;

const addedToken = z.looseObject({
  id: z.number().int().min(0).max(MAX_ID),
  content: z.string().min(1),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().default(true),
  special: z.boolean().default(false),
});

/** A normalizer, pre-tokenizer, decoder or post-processor: its type, and whatever that type has. */
const component = z.looseObject({ type: z.string() }).nullish();

/** Vocabulary as a Map: an object could not hold `__proto__`, and would put `"7"` before `"a"`. */
const vocabulary = z.unknown().transform((value, context) => {
  const ids = new Map<string, number>();
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    context.addIssue({ code: "custom", message: "expected an object of tokens and their ids" });
    return z.NEVER;
  }
  const owners = new Map<number, string>();
  for (const [token, id] of Object.entries(value)) {
    const owner = typeof id === "number" ? owners.get(id) : undefined;
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id > MAX_ID || owner !== undefined) {
      const message =
        owner === undefined ? `an id from 0 to ${MAX_ID}` : `one id each, ${id} is also ${show(owner)}`;
      context.addIssue({ code: "custom", path: [token], message: `expected ${message}` });
      return z.NEVER;
    }
    owners.set(id, token);
    ids.set(token, id);
  }
  return ids;
});

/** A merge is a pair; older files have it as one string with a space between. */
const merge = z.union([
  z.tuple([z.string(), z.string()]),
  z
    .string()
    .regex(/^[^ ]+ [^ ]+$/, "expected two tokens with one space between")
    .transform((text): [string, string] => {
      const space = text.indexOf(" ");
      return [text.slice(0, space), text.slice(space + 1)];
    }),
]);

const bpeModel = z.looseObject({
  type: z.literal("BPE"),
  dropout: z.literal(0, { error: "expected 0 or null: with dropout ids are drawn at random" }).nullish(),
  unk_token: z.string().nullish(),
  continuing_subword_prefix: z.string().nullish(),
  end_of_word_suffix: z.string().nullish(),
  fuse_unk: z.boolean().default(false),
  byte_fallback: z.boolean().default(false),
  ignore_merges: z.boolean().default(false),
  vocab: vocabulary,
  merges: z.array(merge).max(MAX_ID),
});

/** tokenizer.json with a BPE model. */
const bpeTokenizerJson = z.looseObject({
  added_tokens: z.array(addedToken).default([]),
  normalizer: component,
  pre_tokenizer: component,
  post_processor: component,
  decoder: component,
  model: bpeModel,
});

export type BpeTokenizerJson = z.infer<typeof bpeTokenizerJson>;
export type AddedToken = z.infer<typeof addedToken>;
export type Component = z.infer<typeof component>;

/**
 * A tokenizer.json of any model: only enough is known of it to hand it on. Others than these three the other engine
 * takes for something they are not.
 */
const otherTokenizerJson = z.looseObject({
  added_tokens: z.array(addedToken).default([]),
  model: z.discriminatedUnion("type", [
    z.looseObject({ type: z.literal("BPE"), vocab: z.unknown() }),
    z.looseObject({
      type: z.literal("WordPiece"),
      vocab: z.record(z.string(), z.number().int().min(0).max(MAX_ID)),
      unk_token: z.string(),
      continuing_subword_prefix: z.string(),
    }),
    z.looseObject({
      type: z.literal("Unigram"),
      vocab: z.array(z.tuple([z.string(), z.number()])).max(MAX_ID),
    }),
  ]),
});

export type OtherTokenizerJson = z.infer<typeof otherTokenizerJson>;

/**
 * Checks the content of a tokenizer.json.
 *
 * @param json its text, or the value parsed from it
 * @throws UserError saying what is wrong and where: not JSON, a field of another type, an id given twice, a merge
 *   of tokens or into a token that is not in the vocabulary, an added token that contradicts the vocabulary
 */
export function parseTokenizerJson(json: unknown): BpeTokenizerJson | OtherTokenizerJson {
  const value = typeof json === "string" ? parseJson(json) : json;
  const other = check(otherTokenizerJson, value);
  if (other.model.type !== "BPE") return other;
  const bpe = check(bpeTokenizerJson, value);
  checkMerges(bpe);
  checkAddedTokens(bpe);
  return bpe;
}

/** Whether the file has a BPE model. */
export function isBpe(json: BpeTokenizerJson | OtherTokenizerJson): json is BpeTokenizerJson {
  return json.model.type === "BPE";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`tokenizer.json: not valid JSON (${error instanceof Error ? error.message : error})`);
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UserError(`tokenizer.json: ${describeIssue(parsed.error, value)}`);
}

function checkMerges({ model }: BpeTokenizerJson): void {
  const prefix = model.continuing_subword_prefix ?? "";
  model.merges.forEach(([left, right], rank) => {
    const missing = [left, right, left + withoutPrefix(right, prefix)].find(
      (token) => !model.vocab.has(token),
    );
    if (missing === undefined) return;
    throw new UserError(
      `tokenizer.json: model.merges[${rank}]: ${show(missing)} of ${show(left)} + ${show(right)} is not in the vocabulary`,
    );
  });
}

const withoutPrefix = (token: string, prefix: string) =>
  token.startsWith(prefix) ? token.slice(prefix.length) : token;

function checkAddedTokens({ added_tokens: added, model }: BpeTokenizerJson): void {
  const owners = new Map([...model.vocab].map(([token, id]) => [id, token]));
  added.forEach(({ id, content }, i) => {
    const owner = owners.get(id) ?? content;
    const known = model.vocab.get(content) ?? id;
    if (owner !== content || known !== id) {
      throw new UserError(
        `tokenizer.json: added_tokens[${i}]: ${show(content)} has id ${id}, which contradicts ${
          owner !== content ? `${show(owner)} of the same id` : `its id ${known} in the vocabulary`
        }`,
      );
    }
    owners.set(id, content);
  });
}

const show = (token: string) => JSON.stringify(token.length > 40 ? `${token.slice(0, 39)}…` : token);
