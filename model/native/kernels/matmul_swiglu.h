// The MLP's products in float32 with SwiGLU as part of them: what a tile has computed goes on while it is in the registers,
// instead of through memory and back. 2048×1408×512 backward took 6 % less time, 2048×2816×512 forward 2.5 % (Zen 4, two
// threads, 2026-11). In bf16, with half the memory and twice the speed of products, nothing was gained.

/** Stores gates and ups, which a tile computes side by side, and what SwiGLU makes of them. */
struct SwigluResults {
  float* gateUp;
  float* out;
  int64_t features;

  struct Rows {
    float* gates;
    float* ups;
    float* out;
    int64_t features;
    int64_t at = 0;

    APT3_INLINE void operator()(const vec (&sums)[tileVectors]) const {
      store(gates + 2 * at, sums[0]);
      store(ups + 2 * at, sums[1]);
      store(out + at, swigluOf(sums[0], sums[1]));
    }
    APT3_INLINE void advance() { advanceRow(at, features); }
  };

  template <class Step>
  void take(const TileOperands<Step>& of, int64_t row, int64_t rows, int64_t column, int64_t) const {
    const int64_t feature = column / 2;
    float* gates = gateUp + row * 2 * features + feature;
    Rows to{gates, gates + features, out + row * features + feature, features};
    prefetchRows<width>(to.gates, rows, 2 * features);
    prefetchRows<width>(to.ups, rows, 2 * features);
    prefetchRows<width>(to.out, rows, features);
    if (rows % rowUnit == 0) return multiplyTile(of, rows, to);
    alignas(64) float tile[tileRows * tileColumns];
    multiplyTile(of, rows, StoreRows{tile, tileColumns, nullptr});
    for (int64_t i = 0; i < rows; i++) {
      const float* sums = tile + i * tileColumns;
      to({load(sums), load(sums + width)});
      to.advance();
    }
  }
};

/** Takes the gradients of SwiGLU's results, which a tile computes, to those of its gates and ups. */
struct SwigluGradients {
  const float* gateUp;
  float* dGateUp;
  int64_t features;

  struct Rows {
    const float* gateUp;
    float* dGateUp;
    int64_t features;
    int64_t at = 0;

    APT3_INLINE void operator()(const vec (&gradients)[tileVectors]) const {
#pragma GCC unroll 4
      for (int j = 0; j < tileVectors; j++) take(gradients[j], j * width, width);
    }
    APT3_INLINE void take(vec gradient, int64_t lane, int64_t n) const {
      const int64_t gate = at + lane;
      const int64_t up = gate + features;
      swigluGradients(gradient, gateUp + gate, gateUp + up, dGateUp + gate, dGateUp + up, n);
    }
    APT3_INLINE void advance() { advanceRow(at, 2 * features); }
  };

  template <class Step>
  void take(const TileOperands<Step>& of, int64_t row, int64_t rows, int64_t column, int64_t columns) const {
    const int64_t offset = row * 2 * features + column;
    Rows to{gateUp + offset, dGateUp + offset, features};
    for (const int64_t half : {int64_t{0}, features}) {
      prefetchRows(to.gateUp + half, rows, 2 * features);
      prefetchRows(to.dGateUp + half, rows, 2 * features);
    }
    if (rows % rowUnit == 0 && columns == tileColumns) return multiplyTile(of, rows, to);
    alignas(64) float tile[tileRows * tileColumns];
    multiplyTile(of, rows, StoreRows{tile, tileColumns, nullptr});
    for (int64_t i = 0; i < rows; i++) {
      eachVector(columns, [&](int64_t j, int64_t n) APT3_INLINE { to.take(load(tile + i * tileColumns + j), j, n); });
      to.advance();
    }
  }
};

/** Products whose inner dimension is one block. */
template <class Results>
inline void multiplyOnce(Engine& engine, const Operand<float>& a, const Operand<float>& b, int64_t m, int64_t n,
                         int64_t inner, const Results& results) {
  for (int64_t column = 0; column < n; column += blockColumns) {
    const int64_t columns = std::min(blockColumns, n - column);
    multiplyBlock<float, float, Results>(engine, {a, b, 0, m, column, columns, 0, inner, results});
  }
}

inline bool canFuseSwiglu(const Buffer& x, const Buffer& weight, const Buffer& gateUp) {
  const bool floats = x.dtype == DType::f32 && weight.dtype == DType::f32 && gateUp.dtype == DType::f32;
  return floats && x.columns <= blockSteps;
}

void matmulSwiglu(Engine& engine, const Buffer& x, const Buffer& weight, const Buffer& gateUp, const Buffer& out) {
  const int64_t features = out.columns;
  if constexpr (tileVectors == 2) {
    if (canFuseSwiglu(x, weight, gateUp) && features % width == 0) {
      const Operand<float> rows{x.f32(), x.columns, false};
      const Operand<float> columns{weight.f32(), x.columns, false, features};
      const SwigluResults results{gateUp.f32(), out.f32(), features};
      return multiplyOnce(engine, rows, columns, x.rows, 2 * features, x.columns, results);
    }
  }
  matmul(engine, Transposition::nt, x, weight, gateUp, {});
  swiglu(engine, gateUp, out);
}

void matmulSwigluBackward(Engine& engine, const Buffer& dOut, const Buffer& weight, const Buffer& gateUp,
                          const Buffer& dHidden, const Buffer& dGateUp) {
  const int64_t features = dHidden.columns;
  if (canFuseSwiglu(dOut, weight, gateUp)) {
    const Operand<float> rows{dOut.f32(), dOut.columns, false};
    const Operand<float> columns{weight.f32(), features, true};
    const SwigluGradients results{gateUp.f32(), dGateUp.f32(), features};
    return multiplyOnce(engine, rows, columns, dOut.rows, features, dOut.columns, results);
  }
  matmul(engine, Transposition::nn, dOut, weight, dHidden, {});
  swigluBackward(engine, gateUp, dHidden, dGateUp);
}
