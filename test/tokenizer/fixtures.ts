import { readFile } from "node:fs/promises";
import { z } from "zod";

const trainerOptions = z.object({
  vocab_size: z.number(),
  limit_alphabet: z.number().optional(),
  min_frequency: z.number().optional(),
  max_token_length: z.number().optional(),
});

const digits = z.enum(["joined", "isolated"]);

const schemas = {
  "random_cases.json": z.object({
    cases: z.array(
      z.object({
        texts: z.array(z.string()),
        options: trainerOptions,
        specials: z.array(z.string()),
        words: z.discriminatedUnion("kind", [
          z.object({
            kind: z.literal("byte-level"),
            pattern: z.literal("gpt2"),
            prepend: z.literal("never"),
            digits,
          }),
          z.object({
            kind: z.literal("metaspace"),
            prepend: z.enum(["first", "always", "never"]),
            newlines: z.literal("isolated"),
            spaces: z.literal("each"),
            digits,
          }),
        ]),
        merges: z.number(),
        sha256: z.string(),
      }),
    ),
  }),
  "trainer.json": z.object({
    specials: z.array(z.string()),
    corpora: z.record(z.string(), z.array(z.string())),
    cases: z.array(
      z.object({
        corpus: z.string(),
        options: trainerOptions,
        tokens: z.array(z.string()),
        merges: z.array(z.tuple([z.string(), z.string()])),
      }),
    ),
  }),
  "chat.json": z.object({
    template: z.string(),
    cases: z.array(
      z.object({
        messages: z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })),
        text: z.string(),
      }),
    ),
  }),
  "engines.json": z.object({
    byteLevel: z.object({
      texts: z.array(z.string()),
      specials: z.array(z.string()),
      tokens: z.array(z.string()),
      merges: z.array(z.tuple([z.string(), z.string()])),
    }),
    engines: z.array(
      z.object({
        name: z.string(),
        json: z.looseObject({}),
        cases: z.array(
          z.object({
            text: z.string(),
            ids: z.array(z.number()),
            offsets: z.array(z.tuple([z.number(), z.number()])),
            decoded: z.string(),
          }),
        ),
      }),
    ),
  }),
  "encodings.json": z.object({
    encodings: z.array(
      z.object({
        text: z.string(),
        ids: z.array(z.number()),
        parsed: z.array(z.number()),
        decoded: z.string(),
        decodedParsed: z.string(),
        decodedSkipping: z.string(),
      }),
    ),
  }),
};

/** Path of a file in test/fixtures/tokenizer. */
export function fixturePath(name: string): URL {
  return new URL(`../fixtures/tokenizer/${name}`, import.meta.url);
}

/** A fixture made by one of the scripts there. */
export async function readFixture<Name extends keyof typeof schemas>(
  name: Name,
): Promise<z.infer<(typeof schemas)[Name]>> {
  const value: unknown = JSON.parse(await readFile(fixturePath(name), "utf8"));
  return schemas[name].parse(value) as z.infer<(typeof schemas)[Name]>;
}
