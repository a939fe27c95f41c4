// One block of a matrix product: cut into tasks, its operands brought into the form that tiles read.

/** Most panels of rows in one task. */
constexpr int64_t taskRowPanels = 8;
/**
 * Rows are packed once, for all tasks, where they take at most this many bytes packed: they then stay in the second-level
 * caches. Packing them anew in every task cost a third of the time at 128×128×128, a tenth at 256×256×1024 (Zen 4, 2026-11).
 */
constexpr int64_t sharedRowBytes = 1 << 20;
/** Tasks for each thread: so many that none waits long for the last, and few enough to be worth the handing out. */
constexpr int64_t tasksPerThread = 8;
/** The same where every task packs its rows. */
constexpr int64_t packingTasksPerThread = 4;
/** Panels of columns that are packed together: with two, what lies across them is read in runs of two cache lines. */
constexpr int64_t packedTogether = 2;

/** How a block of the result is cut into tasks: groups of panels of rows and of columns, all of nearly the same size. */
struct BlockTasks {
  int64_t rowPanels, columnPanels, rowGroups, columnGroups;

  BlockTasks(int64_t rows, int64_t columns, int64_t wantedTasks)
      : rowPanels(divideUp(rows, tileRows)), columnPanels(divideUp(columns, tileColumns)),
        rowGroups(divideUp(rowPanels, taskRowPanels)),
        columnGroups(std::min(columnPanels, divideUp(wantedTasks, rowGroups))) {}

  int64_t count() const { return rowGroups * columnGroups; }
  /** The first panel of rows of a task, and of the task behind it. */
  int64_t firstRow(int64_t task, int64_t behind = 0) const { return (task % rowGroups + behind) * rowPanels / rowGroups; }
  int64_t firstColumn(int64_t task, int64_t behind = 0) const {
    return (task / rowGroups + behind) * columnPanels / columnGroups;
  }
};

/** One block of the result and of the inner dimension. */
template <class Step, class T, class Out>
struct BlockProduct {
  const Operand<T>& a;
  const Operand<T>& b;
  int64_t row, rows, column, columns, k, inner;
  const Destination<Out>& to;
  const RunningSums& running;
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
  /** The tiles of panels of rows, the first of which `taskRows` starts with, and one panel of columns. */
  void multiplyColumnPanel(const TileRows<Step>& taskRows, int64_t firstRow, int64_t lastRow, int64_t columnPanel,
                           const Step* packed) const {
    const int64_t across = std::min<int64_t>(tileColumns, columns - columnPanel * tileColumns);
    for (int64_t i = firstRow; i < lastRow; i++) {
      const int64_t height = std::min<int64_t>(tileRows, rows - i * tileRows);
      const int64_t offset = (row + i * tileRows) * to.stride + column + columnPanel * tileColumns;
      const int64_t runningOffset = i * tileRows * running.stride + columnPanel * tileColumns;
      if (running.last) prefetchRows(to.out + offset, height, to.stride);
      else prefetchRows(running.data + runningOffset, height, running.stride);
      if (running.first && to.plus != nullptr && to.plus != to.out) prefetchRows(to.plus + offset, height, to.stride);
      multiplyAndFinish(steps, taskRows, i - firstRow, packed, height, across, to, offset, running, runningOffset);
    }
  }
};

/**
 * Few enough rows to stay in a second-level cache are read in place by every thread, which packs the columns of its tasks
 * itself: no thread waits for another in between.
 */
template <class Step, class T, class Out>
inline bool multiplyInPlace(Engine& engine, const BlockProduct<Step, T, Out>& block) {
  const int64_t panels = divideUp(block.columns, tileColumns);
  const int64_t threads = engine.pool.threads();
  const bool balanced = panels % threads == 0 || panels >= tasksPerThread * threads;
  const bool fits = block.rows * block.steps * static_cast<int64_t>(sizeof(Step)) <= sharedRowBytes / 2;
  if (!readableInPlace<Step>(block.a, block.inner) || block.rows % rowUnit != 0 || !fits || !balanced) return false;
  Step* packed = engine.scratch<Step>(Scratch::packedB, tileColumns * block.steps * threads);
  engine.pool.run(panels, [&](int64_t panel, int thread) {
    Step* own = packed + thread * tileColumns * block.steps;
    block.packColumns(panel, 1, own);
    block.multiplyColumnPanel(block.rowsInPlace(0), 0, divideUp(block.rows, tileRows), panel, own);
  });
  return true;
}

/** Adds a block of the inner dimension to a block of the result. */
template <class Step, class T, class Out>
inline void multiplyBlock(Engine& engine, const BlockProduct<Step, T, Out>& block) {
  if (multiplyInPlace(engine, block)) return;
  const int64_t threads = engine.pool.threads();
  const int64_t allRowSteps = divideUp(block.rows, tileRows) * block.panelSteps;
  // Otherwise a task makes its rows in memory of its own, which stays in the nearest caches while all columns pass by;
  // only where there are too few rows to keep all threads busy do several tasks make the same ones.
  const bool inPlace = readableInPlace<Step>(block.a, block.inner);
  const bool shared = !inPlace && allRowSteps * static_cast<int64_t>(sizeof(Step)) <= sharedRowBytes;
  const int64_t wanted = threads * (shared || inPlace ? tasksPerThread : packingTasksPerThread);
  const BlockTasks tasks(block.rows, block.columns, threads == 1 ? 1 : wanted);
  const int64_t ownSteps = taskRowPanels * block.panelSteps;
  Step* packedA = engine.scratch<Step>(Scratch::packedA, shared ? allRowSteps : ownSteps * threads);
  Step* packedB = engine.scratch<Step>(Scratch::packedB, tasks.columnPanels * tileColumns * block.steps);
  const int64_t columnTasks = divideUp(tasks.columnPanels, packedTogether);
  engine.pool.run(columnTasks + (shared ? tasks.rowPanels : 0), [&](int64_t task, int) {
    if (task < columnTasks) {
      const int64_t panel = task * packedTogether;
      const int64_t panels = std::min(packedTogether, tasks.columnPanels - panel);
      block.packColumns(panel, panels, packedB + panel * tileColumns * block.steps);
    } else {
      const int64_t panel = task - columnTasks;
      block.makeRows(panel, 1, packedA + panel * block.panelSteps);
    }
  });
  engine.pool.run(tasks.count(), [&](int64_t task, int thread) {
    const int64_t firstRow = tasks.firstRow(task);
    const int64_t lastRow = tasks.firstRow(task, 1);
    Step* ownRows = packedA + (shared ? firstRow * block.panelSteps : thread * ownSteps);
    TileRows<Step> rows{ownRows, block.copyStride};
    const bool wholeTiles = lastRow * tileRows <= block.rows || block.rows % rowUnit == 0;
    if (inPlace && wholeTiles) rows = block.rowsInPlace(firstRow);
    else if (!shared) block.makeRows(firstRow, lastRow - firstRow, ownRows);
    for (int64_t j = tasks.firstColumn(task); j < tasks.firstColumn(task, 1); j++) {
      block.multiplyColumnPanel(rows, firstRow, lastRow, j, packedB + j * tileColumns * block.steps);
    }
  });
}
