// Matrix products in blocks that fit the caches.

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
      RunningSums running{row, column, nullptr, columns, true, false};
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
        const StoredProduct<Out> results{to, running};
        multiplyBlock<Step, T, StoredProduct<Out>>(engine, {a, b, row, rows, column, columns, k, size, results});
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
