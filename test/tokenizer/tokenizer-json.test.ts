import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { UserError } from "../../pipeline/runtime/errors.ts";
import { Tokenizer } from "../../tokenizer/index.ts";
import { tokenizerFiles } from "../../tokenizer/tokenizer-files.ts";
import { fixturePath } from "./fixtures.ts";

interface Json {
  added_tokens: { id: number; content: string }[];
  model: {
    type: string;
    vocab: Record<string, unknown>;
    merges: unknown[];
    unk_token: string | null;
    dropout: number | null;
  };
  [key: string]: unknown;
}

const original = await readFile(fixturePath("llama.json"), "utf8");

/** The fixture with something changed. */
function changed(change: (json: Json) => void): Json {
  const json: Json = JSON.parse(original);
  change(json);
  return json;
}

const split = (Regex: string) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false });

describe("tokenizer.json", () => {
  it("written by us is read by the reference's reader the same: every field equals the reference's own file", () => {
    const reference: Json = JSON.parse(original);
    const tokens = Object.entries(reference.model.vocab)
      .sort(([, a], [, b]) => Number(a) - Number(b))
      .map(([token]) => token);
    const merges = reference.model.merges as [string, string][];
    const ours = tokenizerFiles({ tokens, merges })["tokenizer.json"] as string;
    assert.deepEqual(JSON.parse(ours), reference);
    assert.equal(tokenizerFiles({ tokens, merges })["tokenizer.json"], ours);
  });

  it("keeps tokens an object would lose or reorder", () => {
    const tokens = [
      "<unk>",
      "<s>",
      "</s>",
      "<pad>",
      "[INST]",
      "[/INST]",
      "<<SYS>>",
      "<</SYS>>",
      "▁",
      "7",
      "__proto__",
      "1",
    ];
    const text = tokenizerFiles({ tokens, merges: [] })["tokenizer.json"] as string;
    const tokenizer = Tokenizer.fromJson(text);
    assert.equal(tokenizer.vocabSize, 12);
    assert.deepEqual(
      Array.from({ length: 12 }, (_, id) => tokenizer.token(id)),
      tokens,
    );
    assert.ok(text.indexOf('"7": 9') < text.indexOf('"1": 11'));
  });

  const hostile: [string, string | object, RegExp][] = [
    ["not JSON", "{", /^tokenizer\.json: not valid JSON/],
    ["a list", "[]", /^tokenizer\.json: expected object/],
    ["no model", "{}", /^tokenizer\.json: model is missing: expected object/],
    [
      "vocabulary of strings",
      changed(({ model }) => (model.vocab.a = "1")),
      /model\.vocab\.a: expected an id/,
    ],
    [
      "vocabulary a list",
      changed(({ model }) => Object.assign(model, { vocab: [] })),
      /model\.vocab: expected an object/,
    ],
    ["negative id", changed(({ model }) => (model.vocab.a = -1)), /model\.vocab\.a: expected an id from 0/],
    ["huge id", changed(({ model }) => (model.vocab.a = 2 ** 40)), /model\.vocab\.a: expected an id from 0/],
    ["broken id", changed(({ model }) => (model.vocab.a = 1.5)), /model\.vocab\.a: expected an id from 0/],
    [
      "an id twice",
      changed(({ model }) => (model.vocab.nowy = 20)),
      /model\.vocab\.nowy: expected one id each, 20 is also/,
    ],
    ["merge of three", changed(({ model }) => model.merges.push(["a", "b", "c"])), /model\.merges\[\d+\]/],
    [
      "merge of unknown tokens",
      changed(({ model }) => model.merges.push(["a", "☃"])),
      /model\.merges\[\d+\]: "☃".*not in the vocabulary/,
    ],
    [
      "merge into an unknown token",
      changed(({ model }) => model.merges.push(["w", "zz"])),
      /not in the vocabulary/,
    ],
    [
      "added token of another id",
      changed(({ added_tokens }) => Object.assign(added_tokens[0] as object, { id: 700 })),
      /added_tokens\[0\]: "<unk>" has id 700/,
    ],
    ["dropout", changed(({ model }) => (model.dropout = 0.1)), /model\.dropout: expected 0 or null/],
    [
      "an unknown pre-tokenizer",
      changed((json) => (json.pre_tokenizer = { type: "Nope" })),
      /neither engine can run it; .*Nope/,
    ],
    [
      "a broken pattern",
      changed((json) => (json.pre_tokenizer = split("((("))),
      /neither engine can run it; .*regular expression/,
    ],
    [
      "a normalizer that is part of itself",
      changed((json) => {
        const sequence: { type: string; normalizers: object[] } = { type: "Sequence", normalizers: [] };
        sequence.normalizers.push(sequence);
        json.normalizer = sequence;
      }),
      /neither engine can run it/,
    ],
    [
      "parts nested 100,000 deep",
      original.replace(
        '"normalizer":null',
        `"normalizer": ${'{"type":"Sequence","normalizers":['.repeat(1e5)}${"]}".repeat(1e5)}`,
      ),
      /neither engine can run it/,
    ],
    ["an unknown model", { model: { type: "Nope", vocab: {} } }, /model\.type/],
    [
      "an id that would take gigabytes",
      changed(({ added_tokens }) => added_tokens.push({ id: 2 ** 24, content: "x" })),
      /added_tokens\[8\]\.id/,
    ],
    [
      "added token named like nothing",
      changed(({ added_tokens }) => Object.assign(added_tokens[0] as object, { content: "" })),
      /added_tokens\[0\]\.content/,
    ],
  ];
  for (const [name, json, message] of hostile) {
    it(`${name}: one line that says what and where`, () => {
      assert.throws(
        () => Tokenizer.fromJson(json),
        (error) => error instanceof UserError && message.test(error.message) && !error.message.includes("\n"),
      );
    });
  }

  it("that leaves out what it does not have goes to the other engine all the same", () => {
    const model = {
      type: "WordPiece",
      vocab: { "[UNK]": 0, a: 1, "##b": 2 },
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
    };
    const tokenizer = Tokenizer.fromJson({ pre_tokenizer: { type: "Whitespace" }, model });
    assert.equal(tokenizer.engine, "huggingface");
    assert.deepEqual([...tokenizer.encode("ab a x")], [1, 2, 1, 0]);
  });

  it("with parts our engine does not have goes to the other engine", () => {
    assert.equal(Tokenizer.fromJson(original).engine, "apt3");
    const others: [string, (json: Json) => void][] = [
      ["normalizer", (json) => (json.normalizer = { type: "NFD" })],
      ["no pre-tokenizer", (json) => (json.pre_tokenizer = null)],
      ["another pre-tokenizer", (json) => (json.pre_tokenizer = { type: "Whitespace" })],
      ["no decoder", (json) => (json.decoder = null)],
      [
        "special tokens that strip",
        ({ added_tokens }) => Object.assign(added_tokens[0] as object, { lstrip: true }),
      ],
    ];
    for (const [name, change] of others) {
      assert.equal(Tokenizer.fromJson(changed(change)).engine, "huggingface", name);
    }
  });
});
