/**
 * Prints what our own code makes of an exported folder, for check_export.py:
 * node test/oracles/dump-export.ts FOLDER PROMPT…
 */
import { createReferenceBackend } from "../../model/backends/reference.ts";
import { generate } from "../../model/generate.ts";
import { openModelFolder } from "../../model/hugging-face.ts";
import { createInferenceSession } from "../../model/inference.ts";
import { buildModelTensors, listParameterTensors, listTensors } from "../../model/parameters.ts";
import { loadTokenizer } from "../../tokenizer/load.ts";

const newTokens = 40;
const [folder = "", ...prompts] = process.argv.slice(2);
const { tokenizer } = await loadTokenizer(folder);
const model = await openModelFolder(folder);
const backend = createReferenceBackend();
const weights = buildModelTensors(model.config, ({ name, rows, columns }) =>
  backend.create({ name, dtype: "f32", rows, columns }),
);
for (const [index, tensor] of listParameterTensors(model.config).entries()) {
  backend.write(listTensors(weights)[index]!, await model.read(tensor));
}
for (const prompt of prompts) {
  const ids = [...tokenizer.encode(prompt, { addBos: true })];
  const logits = await createInferenceSession(backend, model.config, weights).feed(ids);
  const session = createInferenceSession(backend, model.config, weights);
  const options = { temperature: 0, seed: 0, stopIds: new Set<number>(), maxNewTokens: newTokens };
  const greedy: number[] = [];
  for await (const id of generate(session, ids, options)) greedy.push(id);
  const text = tokenizer.decode([...ids, ...greedy], { skipSpecials: true });
  process.stdout.write(`${JSON.stringify({ prompt, ids, logits: [...logits], greedy, text })}\n`);
}
await model.close();
