import type { AdamWTensor, AttentionShape, DeviceBuffer, DType, MatmulArguments } from "../backend.ts";

/*
 * Native code trusts its arguments, so every call is checked here first. A wrong shape is a bug of the caller, not of
 * the user: plain errors will do.
 */

const describe = ({ name, dtype, rows, columns }: DeviceBuffer) => `${name} (${dtype} [${rows}, ${columns}])`;

/** Throws unless the buffer has this shape and one of these element types. */
export function expectShape(
  buffer: DeviceBuffer,
  rows: number,
  columns: number,
  ...dtypes: readonly DType[]
): void {
  if (buffer.rows === rows && buffer.columns === columns && dtypes.includes(buffer.dtype)) return;
  throw new Error(`${describe(buffer)}: expected ${dtypes.join(" or ")} [${rows}, ${columns}]`);
}

/** Throws unless all buffers are shaped like the first, and have its element type. */
export function expectAlike(first: DeviceBuffer, ...others: readonly DeviceBuffer[]): void {
  expectFloats(first);
  for (const other of others) expectShape(other, first.rows, first.columns, first.dtype);
}

export function expectFloats(buffer: DeviceBuffer): void {
  if (buffer.dtype === "i32") throw new Error(`${describe(buffer)}: expected f32 or bf16`);
}

/** Throws unless the buffer is a column of integers, one for each of `rows` rows. */
export function expectIntegers(buffer: DeviceBuffer, rows: number): void {
  if (buffer.dtype === "i32" && buffer.rows * buffer.columns === rows) return;
  throw new Error(`${describe(buffer)}: expected ${rows} integers`);
}

export function expectProduct({ transposition, a, b, out, plus }: MatmulArguments): void {
  const [rows, innerA] = transposition === "tn" ? [a.columns, a.rows] : [a.rows, a.columns];
  const [innerB, columns] = transposition === "nt" ? [b.columns, b.rows] : [b.rows, b.columns];
  const fits = innerA === innerB && out.rows === rows && out.columns === columns && a.dtype === b.dtype;
  if (!fits) {
    throw new Error(
      `matmul ${transposition}: ${describe(a)} and ${describe(b)} do not give ${describe(out)}`,
    );
  }
  expectFloats(a);
  expectFloats(out);
  if (plus !== undefined) expectAlike(out, plus);
}

/** Throws unless qkv and out fit the shape; returns the number of tokens. */
export function expectAttention(shape: AttentionShape, qkv: DeviceBuffer, out: DeviceBuffer): number {
  const { sequences, sequenceLength, heads, kvHeads, headSize } = shape;
  const tokens = sequences * sequenceLength;
  if (heads % kvHeads !== 0) throw new Error(`${heads} heads do not share ${kvHeads} key/value heads evenly`);
  expectFloats(qkv);
  expectShape(qkv, tokens, (heads + 2 * kvHeads) * headSize, qkv.dtype);
  expectShape(out, tokens, heads * headSize, qkv.dtype);
  return tokens;
}

/** Throws unless all buffers of a weight's update fit it. */
export function expectAdamW({ weight, master, gradient, firstMoment, secondMoment }: AdamWTensor): void {
  const { rows, columns } = weight;
  expectShape(weight, rows, columns, master === undefined ? "f32" : "bf16");
  for (const exact of [master ?? weight, gradient]) expectShape(exact, rows, columns, "f32");
  expectShape(firstMoment, rows, columns, "f32", "bf16");
  expectShape(secondMoment, rows, columns, firstMoment.dtype);
}
