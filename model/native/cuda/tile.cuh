#pragma once
/**
 * Tiles of bf16 in shared memory, and the fragments that tensor cores take from them.
 *
 * A tile's rows are `columns` elements long, and the 16-byte chunks of a row are permuted by an XOR with the row: the
 * eight rows that ldmatrix reads at a time then lie in eight different groups of four banks, whichever way the tile is
 * read. Rows of 32 elements take two to fill the 32 banks, so there the row counts by pairs.
 */
#include "memory.cuh"

namespace apt3::cuda {

/** Place of a chunk of 8 elements in a tile, in elements. */
template <int columns>
DEVICE int tileOffset(int row, int chunk) {
  static_assert(columns == 32 || columns % 64 == 0);
  return row * columns + (chunk ^ (columns == 32 ? (row >> 1) & 3 : row & 7)) * vectorSize;
}

/** Bytes of a chunk that starts at `column` and lies before `end`. */
DEVICE int validBytes(int column, int end) { return 2 * larger(0, smaller(vectorSize, end - column)); }

/**
 * Starts to copy the rows × columns tile at `from` into shared memory. Rows from `rowsLeft` on and columns from
 * `columnsLeft` on become zeros. Neighbouring threads copy neighbouring chunks.
 */
template <int rows, int columns, int threads>
DEVICE void copyTile(bf16* to, const bf16* from, int ld, int rowsLeft, int columnsLeft) {
  constexpr int rowChunks = columns / vectorSize;
  constexpr int step = threads / rowChunks;
  static_assert(threads % rowChunks == 0 && rows % step == 0);
  const int chunk = threadIndex() % rowChunks;
  const int firstRow = threadIndex() / rowChunks;
  const int bytes = validBytes(chunk * vectorSize, columnsLeft);
  const bf16* source = from + static_cast<long long>(firstRow) * ld + chunk * vectorSize;
#pragma unroll
  for (int i = 0; i < rows / step; i++) {
    const int row = firstRow + i * step;
    copyAsync16(to + tileOffset<columns>(row, chunk), source, row < rowsLeft ? bytes : 0);
    source += static_cast<long long>(step) * ld;
  }
}

/** The operand a[16,16] of a product from a tile that holds a's rows as rows. */
template <int columns>
DEVICE void loadA(unsigned (&a)[4], const bf16* tile, int row, int column) {
  const int lane = threadIndex() % 32;
  loadMatrices(a, tile + tileOffset<columns>(row + lane % 16, column / vectorSize + lane / 16));
}
/** The same from a tile that holds a's columns as rows: element (i, k) of a is element (column + k, row + i) of the tile. */
template <int columns>
DEVICE void loadATransposed(unsigned (&a)[4], const bf16* tile, int row, int column) {
  const int lane = threadIndex() % 32;
  loadMatricesTransposed(
      a, tile + tileOffset<columns>(column + lane / 16 * 8 + lane % 8, row / vectorSize + lane / 8 % 2));
}

/**
 * Two operands b[16,8] for columns n…n+7 (registers 0, 1) and n+8…n+15 (2, 3) from a tile that holds b's columns as
 * rows: element (k, i) of b is element (n + i, k) of the tile.
 */
template <int columns>
DEVICE void loadB(unsigned (&b)[4], const bf16* tile, int k, int n) {
  const int lane = threadIndex() % 32;
  loadMatrices(b, tile + tileOffset<columns>(n + lane / 16 * 8 + lane % 8, k / vectorSize + lane / 8 % 2));
}
/** The same from a tile that holds b's rows as rows. */
template <int columns>
DEVICE void loadBTransposed(unsigned (&b)[4], const bf16* tile, int k, int n) {
  const int lane = threadIndex() % 32;
  loadMatricesTransposed(b, tile + tileOffset<columns>(k + lane % 16, n / vectorSize + lane / 16));
}

/** Two neighbouring products with the operands of one loadB. */
DEVICE void multiplyAddTwo(float (&left)[4], float (&right)[4], const unsigned (&a)[4], const unsigned (&b)[4]) {
  multiplyAdd(left, a, b[0], b[1]);
  multiplyAdd(right, a, b[2], b[3]);
}

}  // namespace apt3::cuda
