// One block of a matrix product: its operands brought into the form that tiles read, and multiplied.

/**
 * Steps of the inner dimension in one block. A panel of the second operand then takes at most 128 KB, and the rows of a
 * task at most 384 KB: both stay in the second-level cache. With 512 steps, products whose inner dimension then takes two
 * blocks instead of one were 3 % slower in float32 and 5 to 13 % in bf16 (Zen 4, 2026-11).
 */
constexpr int64_t blockSteps = 1024;
/** Rows and columns of the result in one block: what is packed at a time, and the size of the float32 sums. */
constexpr int64_t blockRows = 2048;
constexpr int64_t blockColumns = 2048 / tileColumns * tileColumns;

/** Panels of columns that are packed together: with two, what lies across them is read in runs of two cache lines. */
constexpr int64_t packedTogether = 2;

/** One block of the result and of the inner dimension. */
template <class Step, class T, class Results>
struct BlockProduct {
  const Operand<T>& a;
  const Operand<T>& b;
  int64_t row, rows, column, columns, k, inner;
  /** What becomes of the tiles. */
  const Results& results;
  int64_t steps = stepsOf<Step>(inner);
  /** Steps from one copied row to the next; 0 where rows are packed into panels. */
  int64_t copyStride = a.transposed ? 0 : copiedStride<Step>(steps);
  /** Steps that a panel of rows takes, copied or packed. */
  int64_t panelSteps = tileRows * (copyStride == 0 ? steps : copyStride);

  /** Rows from a panel on, where they lie. */
  TileRows<Step> rowsInPlace(int64_t panel) const {
    const T* first = a.data + (row + panel * tileRows) * a.stride + k;
    return {reinterpret_cast<const Step*>(first), a.stride / stepElements<Step>};
  }
  /** Makes panels of rows from `panel` on for tiles. */
  void makeRows(int64_t panel, int64_t panels, Step* to) const {
    const int64_t at = panel * tileRows;
    if (copyStride == 0) packPanels<tileRows>(a, row + at, rows - at, panels, k, inner, to);
    else copyRows(a, row + at, std::min(panels * tileRows, rows - at), k, inner, to, copyStride);
  }
  void packColumns(int64_t panel, int64_t panels, Step* to) const {
    const int64_t at = panel * tileColumns;
    packPanels<tileColumns>(b, column + at, columns - at, panels, k, inner, to);
  }
  /** Where `count` rows of an operand lie, along the inner dimension or across it. */
  MemoryAhead memoryOf(const Operand<T>& operand, int64_t first, int64_t count) const {
    const int64_t stride = operand.stride;
    if (operand.transposed) return MemoryAhead::of(operand.data + k * stride + first, count, inner, stride);
    // Of panels made of two halves, only the upper one.
    const int64_t halves = operand.halvesApart == 0 ? 1 : 2;
    return MemoryAhead::of(operand.data + first / halves * stride + k, inner, count / halves, stride);
  }
  MemoryAhead rowsMemory(int64_t panel, int64_t panels) const {
    return memoryOf(a, row + panel * tileRows, std::min(panels * tileRows, rows - panel * tileRows));
  }
  MemoryAhead columnsMemory(int64_t panel, int64_t panels) const {
    return memoryOf(b, column + panel * tileColumns, std::min(panels * tileColumns, columns - panel * tileColumns));
  }
  /**
   * The tiles of panels of rows, the first of which `taskRows` starts with, and one panel of columns; they ask for the
   * memory that comes next.
   */
  void multiplyColumnPanel(const TileRows<Step>& taskRows, int64_t firstRow, int64_t lastRow, int64_t columnPanel,
                           const Step* packed, const MemoryAhead& ahead) const {
    const int64_t across = std::min<int64_t>(tileColumns, columns - columnPanel * tileColumns);
    for (int64_t i = firstRow; i < lastRow; i++) {
      const int64_t height = std::min<int64_t>(tileRows, rows - i * tileRows);
      const LinesAhead lines = ahead.share(i - firstRow, lastRow - firstRow, steps, packed);
      const TileOperands<Step> operands{steps, taskRows, i - firstRow, packed, lines};
      results.take(operands, row + i * tileRows, height, column + columnPanel * tileColumns, across);
    }
  }
};

/** Panels of columns that all threads together may hold packed, but for one a thread. */
constexpr int64_t mostPackedPanels = 2 * blockColumns / tileColumns;

/** Adds a block of the inner dimension to a block of the result. */
template <class Step, class T, class Results>
inline void multiplyBlock(Engine& engine, const BlockProduct<Step, T, Results>& block) {
  const int64_t threads = engine.pool.threads();
  const bool inPlace = readableInPlace<Step>(block.a, block.inner);
  const double makeRows = inPlace ? 0 : block.a.transposed ? 5 : 3;
  const int64_t widest = std::max<int64_t>(1, mostPackedPanels / threads);
  const CellGrid grid(divideUp(block.rows, tileRows), divideUp(block.columns, tileColumns), threads, widest,
                      {.makeRows = makeRows});
  const int64_t groupSteps = groupRowPanels * block.panelSteps;
  const int64_t columnSteps = tileColumns * block.steps;
  Step* madeRows = engine.scratch<Step>(Scratch::packedA, groupSteps * threads);
  Step* packedColumns = engine.scratch<Step>(Scratch::packedB, grid.mostColumns() * columnSteps * threads);
  eachRowGroup(engine.pool, grid, [&](int64_t cell, int64_t group, bool first, int thread) {
    const int64_t firstRow = grid.groupRow(cell, group);
    const int64_t lastRow = grid.groupRow(cell, group + 1);
    TileRows<Step> rows{madeRows + thread * groupSteps, block.copyStride};
    const bool wholeTiles = lastRow * tileRows <= block.rows || block.rows % rowUnit == 0;
    if (inPlace && wholeTiles) rows = block.rowsInPlace(firstRow);
    else block.makeRows(firstRow, lastRow - firstRow, madeRows + thread * groupSteps);
    const int64_t firstColumn = grid.firstColumn(cell);
    const int64_t lastColumn = grid.firstColumn(cell, 1);
    Step* ownColumns = packedColumns + thread * grid.mostColumns() * columnSteps;
    for (int64_t column = firstColumn; column < lastColumn; column++) {
      const int64_t at = column - firstColumn;
      if (first && at % packedTogether == 0) {
        block.packColumns(column, std::min(packedTogether, lastColumn - column), ownColumns + at * columnSteps);
      }
      // What has to be packed next, or the rows of the group that most likely is this thread's next one.
      MemoryAhead ahead;
      if (column + 1 == lastColumn) {
        if (group + 1 < grid.groups()) ahead = block.rowsMemory(lastRow, grid.groupRow(cell, group + 2) - lastRow);
      } else if (first && (at + 1) % packedTogether == 0) {
        ahead = block.columnsMemory(column + 1, std::min(packedTogether, lastColumn - column - 1));
      }
      block.multiplyColumnPanel(rows, firstRow, lastRow, column, ownColumns + at * columnSteps, ahead);
    }
  });
}
