// Matrix products: blocks that fit the caches, packed into panels, multiplied tile by tile.

/**
 * Steps of the inner dimension in one block. A panel of the second operand then takes at most 128 KB, and the rows of a
 * task at most 384 KB: both stay in the second-level cache. With 512 steps, products whose inner dimension then takes two
 * blocks instead of one were 3 % slower in float32 and 5 to 13 % in bf16 (Zen 4, 2026-11).
 */
constexpr int64_t blockSteps = 1024;
/** Rows and columns of the result in one block: what is packed at a time, and the size of the float32 sums. */
constexpr int64_t blockRows = 2048;
constexpr int64_t blockColumns = 2048 / tileColumns * tileColumns;
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

/** Where results go, and what becomes of them on the way. */
template <class Out>
struct Destination {
  Out* out;
  int64_t stride;
  /** Added to the product; may be `out` itself. */
  const Out* plus;
};

/** Running float32 sums of a block, between one block of the inner dimension and the next. */
struct RunningSums {
  float* data;
  int64_t stride;
  bool first;
  bool last;
};

/** Moves a finished tile on: adds what was there before, rounds to the type of the result. */
template <class Out>
inline void finishTile(const float* tile, int64_t rows, int64_t columns, const Destination<Out>& to, int64_t offset,
                       const RunningSums& running, int64_t runningOffset) {
  for (int64_t row = 0; row < rows; row++) {
    const float* from = tile + row * tileColumns;
    float* sums = running.data + runningOffset + row * running.stride;
    const int64_t at = offset + row * to.stride;
    eachVector(columns, [&](int64_t i, int64_t n) APT3_INLINE {
      vec value = load(from + i);
      if (!running.first) value += load(sums + i, n);
      else if (to.plus != nullptr) value += load(to.plus + at + i, n);
      if (running.last) store(to.out + at + i, value, n);
      else store(sums + i, value, n);
    });
  }
}

/** Computes a tile and moves it on, whole tiles by the shortest way: it is a few per cent of a product's time. */
template <class Step, class Out>
inline void multiplyAndFinish(int64_t steps, const TileRows<Step>& a, int64_t panel, const Step* b, int64_t rows,
                              int64_t columns, const Destination<Out>& to, int64_t offset, const RunningSums& running,
                              int64_t runningOffset) {
  constexpr bool exact = std::is_same_v<Out, float>;
  const bool whole = rows % rowUnit == 0 && columns == tileColumns;
  const bool addsOther = running.first && to.plus != nullptr;
  const Out* other = addsOther ? to.plus + offset : nullptr;
  // Sums of float32 results stand in the result itself.
  const float* before = running.first ? nullptr : running.data + runningOffset;
  if constexpr (exact) {
    if (whole) {
      const float* plus = addsOther ? other : before;
      return multiplyTile(steps, a, panel, rows, b, StoreRows{to.out + offset, to.stride, plus});
    }
  } else if (whole && running.last) {
    return multiplyTile(steps, a, panel, rows, b, RoundRows{to.out + offset, to.stride, before, running.stride, other});
  } else if (whole && !addsOther) {
    return multiplyTile(steps, a, panel, rows, b, StoreRows{running.data + runningOffset, running.stride, before});
  }
  alignas(64) float tile[tileRows * tileColumns];
  multiplyTile(steps, a, panel, rows, b, StoreRows{tile, tileColumns, nullptr});
  finishTile(tile, rows, columns, to, offset, running, runningOffset);
}

/**
 * Asks for the memory a tile will be added to or written to while the tile is being computed: rows of a large result lie
 * on different pages, and waiting for all of them at the end of a tile took 10 % of a product's time.
 */
template <class T>
inline APT3_INLINE void prefetchRows(const T* at, int64_t rows, int64_t stride) {
  for (int64_t row = 0; row < rows; row++) {
    for (int i = 0; i < tileColumns; i += 64 / static_cast<int>(sizeof(T))) __builtin_prefetch(at + row * stride + i, 1);
  }
}

/** How a block of the result is cut into tasks: groups of panels of rows and of columns, all of nearly the same size. */
struct BlockTasks {
  int64_t rowPanels, columnPanels, rowGroups, columnGroups;

  BlockTasks(int64_t rows, int64_t columns, int64_t wantedTasks, int64_t mostRowPanels)
      : rowPanels(divideUp(rows, tileRows)), columnPanels(divideUp(columns, tileColumns)),
        rowGroups(divideUp(rowPanels, mostRowPanels)),
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
  /** The tiles of some panels of rows, from `firstRow` on, with one panel of columns. */
  void multiplyColumnPanel(const TileRows<Step>& tileRowsFrom, int64_t firstRow, int64_t lastRow, int64_t columnPanel,
                           const Step* packed) const {
    const int64_t across = std::min<int64_t>(tileColumns, columns - columnPanel * tileColumns);
    for (int64_t i = firstRow; i < lastRow; i++) {
      const int64_t height = std::min<int64_t>(tileRows, rows - i * tileRows);
      const int64_t offset = (row + i * tileRows) * to.stride + column + columnPanel * tileColumns;
      const int64_t runningOffset = i * tileRows * running.stride + columnPanel * tileColumns;
      if (running.last) prefetchRows(to.out + offset, height, to.stride);
      else prefetchRows(running.data + runningOffset, height, running.stride);
      if (running.first && to.plus != nullptr && to.plus != to.out) prefetchRows(to.plus + offset, height, to.stride);
      multiplyAndFinish(steps, tileRowsFrom, i - firstRow, packed, height, across, to, offset, running, runningOffset);
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
  const Operand<T>& a = block.a;
  const TileRows<Step> rows{reinterpret_cast<const Step*>(a.data + block.row * a.stride + block.k),
                            a.stride / stepElements<Step>};
  engine.pool.run(panels, [&](int64_t panel, int thread) {
    Step* own = packed + thread * tileColumns * block.steps;
    block.packColumns(panel, 1, own);
    block.multiplyColumnPanel(rows, 0, divideUp(block.rows, tileRows), panel, own);
  });
  return true;
}

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
  const BlockTasks tasks(block.rows, block.columns, threads == 1 ? 1 : wanted, taskRowPanels);
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
    if (inPlace && wholeTiles) {
      const Operand<T>& a = block.a;
      const T* first = a.data + (block.row + firstRow * tileRows) * a.stride + block.k;
      rows = {reinterpret_cast<const Step*>(first), a.stride / stepElements<Step>};
    } else if (!shared) {
      block.makeRows(firstRow, lastRow - firstRow, ownRows);
    }
    for (int64_t j = tasks.firstColumn(task); j < tasks.firstColumn(task, 1); j++) {
      block.multiplyColumnPanel(rows, firstRow, lastRow, j, packedB + j * tileColumns * block.steps);
    }
  });
}

template <class Step, class T, class Out>
inline void multiplyBlocks(Engine& engine, const Operand<T>& a, const Operand<T>& b, int64_t m, int64_t n,
                           int64_t inner, const Destination<Out>& to) {
  constexpr int64_t step = stepElements<Step>;
  const int64_t innerBlocks = std::max<int64_t>(1, divideUp(inner, blockSteps * step));
  const int64_t innerBlock = roundUp(divideUp(inner, innerBlocks), 4 * step);
  // Results in float32 hold their own running sums.
  constexpr bool sumsInPlace = std::is_same_v<Out, float>;
  const bool needsSums = !sumsInPlace && innerBlocks > 1;
  const int64_t rowsAtOnce = needsSums ? blockRows : m;
  for (int64_t row = 0; row < m; row += rowsAtOnce) {
    const int64_t rows = std::min(rowsAtOnce, m - row);
    for (int64_t column = 0; column < n; column += blockColumns) {
      const int64_t columns = std::min(blockColumns, n - column);
      RunningSums running{nullptr, columns, true, false};
      if constexpr (sumsInPlace) {
        running.data = to.out + row * to.stride + column;
        running.stride = to.stride;
      } else if (needsSums) {
        running.data = engine.scratch(Scratch::sums, rows * columns);
      }
      for (int64_t k = 0; k < inner; k += innerBlock) {
        running.first = k == 0;
        running.last = k + innerBlock >= inner;
        const int64_t size = std::min(innerBlock, inner - k);
        multiplyBlock<Step, T, Out>(engine, {a, b, row, rows, column, columns, k, size, to, running});
      }
    }
  }
}

/** Rows of `a` that share one pass over `b`. */
constexpr int fewRows = 4;

/** out[0…rows) [column] = a · b[column] for a few rows: reading `b` is all the cost, so nothing is packed. */
template <int rows, class T, class Out>
inline void multiplyColumn(const T* a, int64_t aStride, const T* b, int64_t inner, const Destination<Out>& to,
                           int64_t offset) {
  vec sums[rows] = {};
  eachVector(inner, [&](int64_t k, int64_t n) APT3_INLINE {
    const vec shared = load(b + k, n);
    for (int i = 0; i < rows; i++) sums[i] += load(a + i * aStride + k, n) * shared;
  });
  for (int i = 0; i < rows; i++) {
    const int64_t at = offset + i * to.stride;
    float value = sumOf(sums[i]);
    if (to.plus != nullptr) value += toFloat(to.plus[at]);
    store(to.out + at, broadcast(value), 1);
  }
}

template <class T, class Out>
inline void multiplyFewRows(Engine& engine, const T* a, const T* b, int64_t m, int64_t n, int64_t inner,
                            const Destination<Out>& to) {
  constexpr int64_t chunk = 32;
  engine.pool.run(divideUp(n, chunk), [&](int64_t task, int) {
    const int64_t end = std::min(n, (task + 1) * chunk);
    for (int64_t column = task * chunk; column < end; column++) {
      const T* shared = b + column * inner;
      int64_t row = 0;
      for (; row + fewRows <= m; row += fewRows) {
        multiplyColumn<fewRows>(a + row * inner, inner, shared, inner, to, row * to.stride + column);
      }
      for (; row < m; row++) multiplyColumn<1>(a + row * inner, inner, shared, inner, to, row * to.stride + column);
    }
  });
}

void matmul(Engine& engine, Transposition transposition, const Buffer& a, const Buffer& b, const Buffer& out,
            const Buffer& plus) {
  const bool tn = transposition == Transposition::tn;
  const bool nt = transposition == Transposition::nt;
  const int64_t inner = tn ? a.rows : a.columns;
  if (a.dtype != b.dtype) throw std::runtime_error("matmul: operands of different element types");
  withFloats(a, [&](auto* aData) {
    withFloats(out, [&](auto* outData) {
      using T = std::remove_pointer_t<decltype(aData)>;
      using Out = std::remove_pointer_t<decltype(outData)>;
      const T* bData = static_cast<const T*>(b.storage->data());
      const Out* plusData = plus.present() ? static_cast<const Out*>(plus.storage->data()) : nullptr;
      const Destination<Out> to{outData, out.columns, plusData};
      if (nt && out.rows <= 2 * fewRows) {
        multiplyFewRows<T, Out>(engine, aData, bData, out.rows, out.columns, inner, to);
        return;
      }
      const Operand<T> rows{aData, a.columns, tn};
      const Operand<T> columns{bData, b.columns, !nt};
      multiplyBlocks<ProductStep<T>>(engine, rows, columns, out.rows, out.columns, inner, to);
    });
  });
}
