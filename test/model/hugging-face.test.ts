import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { toBfloat16 } from "../../model/bfloat16.ts";
import { huggingFaceConfig, openModelFolder, splitParts } from "../../model/hugging-face.ts";
import { initialValues } from "../../model/init.ts";
import { ModelInputError } from "../../model/input-error.ts";
import { listParameterTensors } from "../../model/parameters.ts";
import { temporaryFolder } from "../support/folders.ts";

const config = {
  vocabSize: 20,
  layers: 2,
  dModel: 8,
  heads: 2,
  kvHeads: 1,
  dHidden: 12,
  maxSequenceLength: 16,
  rmsNormEpsilon: 1e-6,
  ropeTheta: 10_000,
  initializerRange: 0.02,
};
const described = listParameterTensors(config);
const values = new Map(
  described.flatMap((tensor) =>
    splitParts(tensor, initialValues(config, tensor, 3)).map((part) => [part.name, part] as const),
  ),
);
const names = [...values.keys()];
const root = temporaryFolder();

type Stored = "F32" | "F16" | "BF16";

/** A safetensors file made by hand, independently of our writer, which knows neither F16 nor several files. */
function safetensors(wanted: readonly string[], dtype: Stored): Uint8Array {
  const header: Record<string, unknown> = {};
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const name of wanted) {
    const { shape, values: floats } = values.get(name)!;
    const stored =
      dtype === "F32" ? floats : dtype === "F16" ? Float16Array.from(floats) : toBfloat16(floats);
    const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength).slice();
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    chunks.push(bytes);
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...chunks]);
}

async function makeFolder(name: string, files: Readonly<Record<string, Uint8Array | object>>) {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "config.json"),
    JSON.stringify(huggingFaceConfig(config, { bos: 1, eos: 2, pad: 3 }, "f32")),
  );
  for (const [file, content] of Object.entries(files)) {
    const bytes = content instanceof Uint8Array ? content : JSON.stringify(content);
    await writeFile(join(folder, file), bytes);
  }
  return folder;
}

/** Two files that share the tensors out by turns, so that fused tensors have parts in both. */
const halves: readonly [string[], string[]] = [
  names.filter((_, index) => index % 2 === 0),
  names.filter((_, index) => index % 2 === 1),
];
const fileNames = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
const weightMap = Object.fromEntries(names.map((name, index) => [name, fileNames[index % 2]!]));
const index = { metadata: { total_size: 1 }, weight_map: weightMap };

describe("a Hugging Face folder", () => {
  for (const dtype of ["F32", "F16", "BF16"] as const) {
    it(`is read in ${dtype}`, async () => {
      const folder = await makeFolder(dtype, { "model.safetensors": safetensors(names, dtype) });
      const model = await openModelFolder(folder);
      // F16 has 11 significant bits, BF16 8.
      const precision = { F32: 0, F16: 2 ** -11, BF16: 2 ** -8 }[dtype];
      for (const tensor of described) {
        const exact = initialValues(config, tensor, 3);
        const read = await model.read(tensor);
        assert.equal(read.length, exact.length);
        for (const [i, value] of read.entries()) {
          assert.ok(Math.abs(value - exact[i]!) <= Math.abs(exact[i]!) * precision + 1e-7, tensor.name);
        }
      }
      await model.close();
    });
  }

  it("is read from several files, F16 and F32 mixed", async () => {
    const folder = await makeFolder("sharded", {
      "model.safetensors.index.json": index,
      [fileNames[0]]: safetensors(halves[0], "F32"),
      [fileNames[1]]: safetensors(halves[1], "F16"),
    });
    const model = await openModelFolder(folder);
    assert.equal(model.paths.length, 2);
    for (const tensor of described) {
      const exact = initialValues(config, tensor, 3);
      for (const [i, value] of (await model.read(tensor)).entries()) {
        assert.ok(Math.abs(value - exact[i]!) <= Math.abs(exact[i]!) * 2 ** -11 + 1e-7, tensor.name);
      }
    }
    await model.close();
  });

  const refuse = async (folder: string, message: RegExp) =>
    assert.rejects(
      openModelFolder(folder),
      (error) => error instanceof ModelInputError && message.test(error.message),
    );

  it("is refused when there is none", async () => {
    await refuse(join(root, "nowhere"), /config\.json: no such file; give a folder made by/);
  });

  it("is refused when a tensor is missing", async () => {
    await refuse(
      await makeFolder("missing", { "model.safetensors": safetensors(names.slice(0, -1), "F32") }),
      /no weights file has the tensor lm_head\.weight/,
    );
  });

  it("is refused when the index leads out of the folder or is none", async () => {
    const outside = { weight_map: { ...weightMap, "lm_head.weight": "../../etc/passwd" } };
    await refuse(
      await makeFolder("outside", { "model.safetensors.index.json": outside }),
      /names a file outside the folder: \.\.\/\.\.\/etc\/passwd/,
    );
    await refuse(
      await makeFolder("no-map", { "model.safetensors.index.json": { weight_map: [1] } }),
      /index\.json: weight_map/,
    );
  });

  it("is refused when a file is cut off", async () => {
    const bytes = safetensors(names, "F32");
    await refuse(
      await makeFolder("cut", { "model.safetensors": bytes.subarray(0, -3) }),
      /model\.safetensors: the header describes \d+ bytes, the file has \d+/,
    );
  });

  it("is refused when its weights are a folder, or are no numbers", async () => {
    const folder = await makeFolder("unfit", {});
    await mkdir(join(folder, "model.safetensors"));
    await refuse(folder, /model\.safetensors: is no file/);
    const [first] = described;
    for (const [name, value] of [
      ["nan", Number.NaN],
      ["infinite", Number.NEGATIVE_INFINITY],
    ] as const) {
      const bytes = Buffer.from(safetensors(names, "F32"));
      bytes.writeFloatLE(value, 8 + Number(bytes.readBigUInt64LE()) + 40);
      const model = await openModelFolder(await makeFolder(name, { "model.safetensors": bytes }));
      await assert.rejects(
        model.read(first!),
        /tensor model\.embed_tokens\.weight holds NaN or infinite values/,
      );
      await model.close();
    }
  });

  it("is refused when it is no plain LLaMA", async () => {
    const folder = await makeFolder("other", { "model.safetensors": safetensors(names, "F32") });
    const path = join(folder, "config.json");
    const plain = await readFile(path, "utf8");
    const changes: [from: string, to: string, message: RegExp][] = [
      ['"model_type":"llama"', '"model_type":"gpt2"', /model_type/],
      ['"attention_bias":false', '"attention_bias":true', /attention_bias/],
      ['"tie_word_embeddings":false', '"tie_word_embeddings":true', /tie_word_embeddings/],
      ['"rope_scaling":null', '"rope_scaling":{"type":"linear","factor":2}', /rope_scaling/],
      ['"num_attention_heads":2', '"num_attention_heads":3', /head/],
    ];
    for (const [from, to, message] of changes) {
      await writeFile(path, plain.replace(from, to));
      await refuse(folder, message);
    }
    await writeFile(path, plain.slice(0, 20));
    await refuse(folder, /not valid JSON/);
  });
});
