import type { Backend } from "../model/backend.ts";
import { openBackend } from "../model/backends/registry.ts";
import { generate } from "../model/generate.ts";
import { type ModelFolder, openModelFolder } from "../model/hugging-face.ts";
import { createInferenceSession } from "../model/inference.ts";
import { buildModelTensors, listParameterTensors, listTensors } from "../model/parameters.ts";
import type { SamplingOptions } from "../model/sampling.ts";
import type { Figures, JobContext } from "../pipeline/runtime/command.ts";
import { UserError } from "../pipeline/runtime/errors.ts";
import { loadTokenizer } from "../tokenizer/load.ts";

export interface GenerateTextOptions extends SamplingOptions {
  /** A Hugging Face folder with a tokenizer. */
  readonly model: string;
  readonly prompt: string;
  readonly maxNewTokens: number;
  readonly seed: number;
}

/**
 * Continues a prompt.
 *
 * @param write gets the prompt and then the text as it comes
 */
export async function generateText(
  options: GenerateTextOptions,
  context: JobContext,
  write: (text: string) => void,
): Promise<Figures> {
  const { tokenizer } = await loadTokenizer(options.model);
  const folder = await openModelFolder(options.model);
  const backend = await openBackend("auto");
  try {
    if (tokenizer.vocabSize > folder.config.vocabSize) {
      throw new UserError(
        `${options.model}: the tokenizer has ${tokenizer.vocabSize} tokens, the model ${folder.config.vocabSize}; they do not belong together`,
      );
    }
    const weights = await loadWeights(backend, folder);
    const session = createInferenceSession(backend, folder.config, weights);
    const prompt = [...tokenizer.encode(options.prompt, { addBos: true })];
    const stopIds = new Set(tokenizer.eosId === undefined ? [] : [tokenizer.eosId]);
    const decoder = tokenizer.decodeStream({ skipSpecials: true });
    const started = performance.now();
    const tokens: number[] = [];
    let text = prompt.map((id) => decoder.push(id)).join("");
    const add = (piece: string) => {
      text += piece;
      write(piece);
    };
    write(text);
    const continuation = generate(session, prompt, { ...options, stopIds });
    let next = await continuation.next();
    for (; !next.done; next = await continuation.next()) {
      context.signal.throwIfAborted();
      tokens.push(next.value);
      const piece = decoder.push(next.value);
      add(piece);
      context.emit({ event: "token", id: next.value, text: piece });
    }
    add(decoder.end());
    const seconds = (performance.now() - started) / 1000;
    return { text, tokens, finish: next.value, tokensPerSecond: tokens.length / seconds };
  } finally {
    await folder.close();
    await backend.close();
  }
}

/** Puts a folder's weights on the device, in bf16 where the backend computes in it. */
async function loadWeights(backend: Backend, folder: ModelFolder) {
  const dtype = backend.computeTypes.includes("bf16") ? "bf16" : "f32";
  const weights = buildModelTensors(folder.config, ({ name, rows, columns }) =>
    backend.create({ name, dtype, rows, columns }),
  );
  const buffers = listTensors(weights);
  for (const [index, tensor] of listParameterTensors(folder.config).entries()) {
    backend.write(buffers[index]!, await folder.read(tensor));
  }
  return weights;
}
