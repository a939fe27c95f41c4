import assert from "node:assert/strict";
import type { Backend, Transposition } from "../../../model/backend.ts";

/**
 * Products of small whole numbers, which every order of sums gives exactly: if a lane held another element than the
 * kernels believe, of `ldmatrix` (nt), of `ldmatrix.trans` for b (nn) or for both operands (tn), the result would differ.
 *
 * @throws AssertionError naming the first wrong element
 */
export async function checkLaneLayouts(backend: Backend): Promise<number> {
  let products = 0;
  for (const transposition of ["nt", "nn", "tn"] as const) {
    for (const [m, n, k] of [
      [16, 8, 16],
      [64, 64, 64],
      [128, 128, 128],
      [257, 136, 72],
    ] as const) {
      await checkProduct(backend, transposition, m, n, k);
      products += 1;
    }
  }
  return products;
}

/** Entries that differ within every 8×8 matrix and every fragment. */
const left = (row: number, k: number) => ((row * 7 + k * 3) % 17) - 8;
const right = (column: number, k: number) => ((column * 5 + k * 11) % 13) - 6;

async function checkProduct(backend: Backend, transposition: Transposition, m: number, n: number, k: number) {
  const matrix = (
    rows: number,
    columns: number,
    value: (row: number, column: number) => number,
    dtype: "bf16" | "f32" = "bf16",
  ) => {
    const buffer = backend.create({ name: "whole numbers", dtype, rows, columns });
    const values = Float32Array.from({ length: rows * columns }, (_, i) =>
      value(Math.floor(i / columns), i % columns),
    );
    backend.write(buffer, values);
    return buffer;
  };
  const a = transposition === "tn" ? matrix(k, m, (step, row) => left(row, step)) : matrix(m, k, left);
  const b =
    transposition === "nt" ? matrix(n, k, right) : matrix(k, n, (step, column) => right(column, step));
  const out = matrix(m, n, () => 0, "f32");
  backend.matmul({ a, b, out, transposition });
  const found = await backend.read(out);
  for (const [index, value] of found.entries()) {
    const [row, column] = [Math.floor(index / n), index % n];
    let expected = 0;
    for (let step = 0; step < k; step++) expected += left(row, step) * right(column, step);
    assert.equal(value, expected, `${transposition} ${m}×${n}×${k}: row ${row}, column ${column}`);
  }
  for (const buffer of [a, b, out]) backend.free(buffer);
}
