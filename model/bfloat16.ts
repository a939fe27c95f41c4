/** bf16 is the upper half of a float32. Conversions round to nearest, ties to even; NaN stays NaN. */

/** The bf16 bits of float32 values. */
export function toBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const rounded = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    // A NaN whose payload lies in the lower half would round to infinity: set the quiet bit instead.
    const notANumber = (word & 0x7fffffff) > 0x7f800000;
    rounded[i] = notANumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return rounded;
}

/** The float32 values of bf16 bits. */
export function fromBfloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}
