import type { ModelConfig } from "./config.ts";
import type { ParameterTensor } from "./parameters.ts";
import { createRandom } from "./random.ts";

/**
 * Initial values of one parameter buffer: norm gains 1; matrices N(0, initializerRange); projections that write into
 * the residual stream N(0, initializerRange / √(2·layers)), so that the stream's variance does not grow with depth
 * (GPT-2, section 2.3). A parameter's values depend on the seed and its name alone.
 */
export function initialValues(config: ModelConfig, tensor: ParameterTensor, seed: number): Float32Array {
  const values = new Float32Array(tensor.rows * tensor.columns);
  let offset = 0;
  for (const part of tensor.parts) {
    const end = offset + part.shape.reduce((product, length) => product * length, 1);
    if (part.init === "ones") {
      values.fill(1, offset, end);
    } else {
      const depthScale = part.init === "residual" ? Math.sqrt(2 * config.layers) : 1;
      const deviation = config.initializerRange / depthScale;
      const random = createRandom(seed, part.name);
      for (let i = offset; i < end; i++) values[i] = random.normal() * deviation;
    }
    offset = end;
  }
  return values;
}
