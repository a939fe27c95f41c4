// How a matrix product is shared out among threads: in cells, each a range of rows and columns, that have nothing to wait
// for. A thread packs all that it reads by itself, even what others pack too: memory that one core has written and another
// reads, or the other way round, passes between their caches at a tenth of the speed of packing. Packing once for both of
// two threads, and meeting them before going on, took a fifth of the time of 256×256×1024 in bf16 (Zen 4, 2026-11).

/** Most panels of rows that a thread makes ready at a time; with a panel of columns they fit the second-level cache. */
constexpr int64_t groupRowPanels = 8;

/** Processor time of one step of the inner dimension, in cycles (Zen 4, 2026-11): what a grid is chosen by. */
struct StepCycles {
  double tile = 24;
  double packColumns = 12;
  /** 0 for rows that are read where they lie. */
  double makeRows;
};

/** A grid of cells over panels of rows and columns. */
struct CellGrid {
  int64_t rowPanels, columnPanels, down = 1, across = 1;

  /** The quickest grid of about one cell a thread in which none is wider than `widest` panels of columns. */
  CellGrid(int64_t rowPanels, int64_t columnPanels, int64_t threads, int64_t widest, const StepCycles& cycles)
      : rowPanels(rowPanels), columnPanels(columnPanels) {
    double least = 0;
    for (int64_t columns = std::min(divideUp(columnPanels, widest), threads); columns <= threads; columns++) {
      const int64_t rows = std::min(divideUp(threads, columns), rowPanels);
      const double height = static_cast<double>(divideUp(rowPanels, rows));
      const double width = static_cast<double>(divideUp(columnPanels, columns));
      const double cell = height * width * cycles.tile + width * cycles.packColumns + height * cycles.makeRows;
      const double total = cell * static_cast<double>(divideUp(rows * columns, threads));
      if (least > 0 && total >= least) continue;
      least = total;
      down = rows;
      across = columns;
    }
    across = std::min(std::max(across, divideUp(columnPanels, widest)), columnPanels);
  }

  int64_t cells() const { return down * across; }
  int64_t mostColumns() const { return divideUp(columnPanels, across); }
  /** The first panel of a cell, or of the one behind it. */
  int64_t firstRow(int64_t cell, int64_t behind = 0) const { return (cell / across + behind) * rowPanels / down; }
  int64_t firstColumn(int64_t cell, int64_t behind = 0) const {
    return (cell % across + behind) * columnPanels / across;
  }
  /** Groups of rows in each cell. */
  int64_t groups() const { return divideUp(divideUp(rowPanels, down), groupRowPanels); }
  /** The first panel of a group of rows; of the group behind the last, where its cell ends. */
  int64_t groupRow(int64_t cell, int64_t group) const {
    return firstRow(cell) + (firstRow(cell, 1) - firstRow(cell)) * group / groups();
  }
};

/**
 * Calls body(cell, group, first, thread) once for every group of rows of every cell; `first` if the thread did not come
 * from another group of the same cell. Each thread begins with a cell of its own, and then helps with those that are not
 * done, so that no thread waits long for the last.
 */
template <class Body>
inline void eachRowGroup(ThreadPool& pool, const CellGrid& grid, const Body& body) {
  std::vector<std::atomic<int64_t>> begun(static_cast<size_t>(grid.cells()));
  const auto work = [&](int64_t cell, int thread) {
    int64_t group;
    for (bool first = true; (group = begun[static_cast<size_t>(cell)]++) < grid.groups(); first = false) {
      body(cell, group, first, thread);
    }
  };
  pool.run(grid.cells() + pool.threads() - 1, [&](int64_t task, int thread) {
    if (task < grid.cells()) return work(task, thread);
    for (int64_t cell = 0; cell < grid.cells(); cell++) work((task + cell) % grid.cells(), thread);
  });
}
