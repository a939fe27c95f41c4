import { headSize, type ModelConfig } from "./config.ts";

/**
 * The rotary table of `Backend.rope`: for each position the cosines of headSize/2 angles, then their sines. The angle
 * of pair i at position p is p · theta^(−2i/headSize). Frequencies and angles are rounded to float32 as the published
 * models were trained with them: at position 2000 the difference to exact angles reaches 1e-4.
 */
export function rotaryTable(config: ModelConfig): Float32Array {
  const size = headSize(config);
  const half = size / 2;
  const table = new Float32Array(config.maxSequenceLength * size);
  for (let pair = 0; pair < half; pair++) {
    const frequency = Math.fround(1 / Math.fround(config.ropeTheta ** Math.fround((2 * pair) / size)));
    for (let position = 0; position < config.maxSequenceLength; position++) {
      const angle = Math.fround(position * frequency);
      table[position * size + pair] = Math.cos(angle);
      table[position * size + half + pair] = Math.sin(angle);
    }
  }
  return table;
}
