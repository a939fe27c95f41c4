// Operations that go through a matrix row by row: copies, embedding, RMSNorm, rotary positions, SwiGLU.

/** Rows one thread takes at a time: enough work to be worth the handing out. */
inline int64_t rowsPerTask(int64_t columns) { return columns >= 16384 ? 1 : 16384 / columns + 1; }

/** Calls body(row) for every row on all threads. */
template <class Body>
inline void eachRow(Engine& engine, int64_t rows, int64_t columns, const Body& body) {
  const int64_t chunk = rowsPerTask(columns);
  engine.pool.run(divideUp(rows, chunk), [&](int64_t task, int) {
    const int64_t end = std::min(rows, (task + 1) * chunk);
    for (int64_t row = task * chunk; row < end; row++) body(row);
  });
}

template <class From, class To>
inline void convertRange(const From* from, To* to, int64_t size) {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to, from, static_cast<size_t>(size) * sizeof(To));
  } else {
    eachVector(size, [&](int64_t i, int64_t n) APT3_INLINE { store(to + i, load(from + i, n), n); });
  }
}

void convert(Engine& engine, const Buffer& from, int64_t fromRow, const Buffer& to, int64_t toRow, int64_t rows) {
  constexpr int64_t chunk = 1 << 16;
  const int64_t size = rows * from.columns;
  withFloats(from, [&](auto* source) {
    withFloats(to, [&](auto* target) {
      source += fromRow * from.columns;
      target += toRow * to.columns;
      engine.pool.run(divideUp(size, chunk), [&](int64_t task, int) {
        const int64_t start = task * chunk;
        convertRange(source + start, target + start, std::min(chunk, size - start));
      });
    });
  });
}

inline void checkIds(const Buffer& ids, int64_t below, const char* what) {
  const int32_t* values = ids.i32();
  for (int64_t i = 0; i < ids.size(); i++) {
    if (values[i] >= 0 && values[i] < below) continue;
    throw std::runtime_error(std::string(what) + " " + std::to_string(values[i]) + " of row " + std::to_string(i) +
                             " is not in 0…" + std::to_string(below - 1));
  }
}

void embedding(Engine& engine, const Buffer& ids, const Buffer& weight, const Buffer& out) {
  checkIds(ids, weight.rows, "token id");
  const int32_t* rows = ids.i32();
  const int64_t columns = weight.columns;
  float* target = out.f32();
  withFloats(weight, [&](auto* source) {
    eachRow(engine, out.rows, columns, [&](int64_t row) {
      convertRange(source + rows[row] * columns, target + row * columns, columns);
    });
  });
}

/** Threads share out the columns, so that each sum runs in the order of the tokens. */
void embeddingBackward(Engine& engine, const Buffer& ids, const Buffer& dOut, const Buffer& dWeight) {
  checkIds(ids, dWeight.rows, "token id");
  constexpr int64_t chunk = 64;
  const int32_t* rows = ids.i32();
  const int64_t columns = dWeight.columns;
  const float* gradients = dOut.f32();
  float* sums = dWeight.f32();
  engine.pool.run(divideUp(columns, chunk), [&](int64_t task, int) {
    const int64_t start = task * chunk;
    const int64_t size = std::min(chunk, columns - start);
    for (int64_t row = 0; row < dOut.rows; row++) {
      const float* from = gradients + row * columns + start;
      float* to = sums + rows[row] * columns + start;
      eachVector(size, [&](int64_t i, int64_t n) APT3_INLINE {
        store(to + i, load(to + i, n) + load(from + i, n), n);
      });
    }
  });
}

void rmsNorm(Engine& engine, const Buffer& x, const Buffer& gain, double epsilon, const Buffer& out,
             const Buffer& scale) {
  const int64_t columns = x.columns;
  const float* inputs = x.f32();
  const float* gains = gain.f32();
  float* scales = scale.f32();
  withFloats(out, [&](auto* outputs) {
    eachRow(engine, x.rows, columns, [&](int64_t row) {
      const float* from = inputs + row * columns;
      auto* to = outputs + row * columns;
      vec squares = {};
      eachVector(columns, [&](int64_t i, int64_t n) APT3_INLINE {
        const vec value = load(from + i, n);
        squares += value * value;
      });
      const float factor = static_cast<float>(1 / std::sqrt(static_cast<double>(sumOf(squares)) / columns + epsilon));
      scales[row] = factor;
      eachVector(columns, [&](int64_t i, int64_t n) APT3_INLINE {
        storeResult(to + i, load(from + i, n) * factor * load(gains + i, n), n);
      });
    });
  });
}

/**
 * With s the scale and g = gain ∘ dOut: dX += s·g − x·s³·mean(x∘g), dGain += Σ over rows of dOut∘x·s. The sum over
 * rows is made in blocks whose number depends on the shape alone, and the blocks are added in order.
 */
void rmsNormBackward(Engine& engine, const Buffer& x, const Buffer& gain, const Buffer& scale, const Buffer& dOut,
                     const Buffer& dX, const Buffer& dGain) {
  const int64_t columns = x.columns;
  const int64_t blockRows = std::max<int64_t>(16, divideUp(x.rows, 128));
  const int64_t blocks = divideUp(x.rows, blockRows);
  float* partial = engine.scratch(Scratch::sums, blocks * columns);
  const float* inputs = x.f32();
  const float* gains = gain.f32();
  const float* scales = scale.f32();
  float* sums = dX.f32();
  withFloats(dOut, [&](const auto* gradients) {
    engine.pool.run(blocks, [&](int64_t block, int) {
      float* gainSums = partial + block * columns;
      std::memset(gainSums, 0, static_cast<size_t>(columns) * sizeof(float));
      const int64_t end = std::min(x.rows, (block + 1) * blockRows);
      for (int64_t row = block * blockRows; row < end; row++) {
        const float* from = inputs + row * columns;
        const auto* gradient = gradients + row * columns;
        float* to = sums + row * columns;
        const float factor = scales[row];
        vec dots = {};
        eachVector(columns, [&](int64_t i, int64_t n) APT3_INLINE {
          const vec product = load(from + i, n) * load(gradient + i, n);
          dots += product * load(gains + i, n);
          store(gainSums + i, load(gainSums + i, n) + product * factor, n);
        });
        const float pull = factor * factor * factor * sumOf(dots) / static_cast<float>(columns);
        eachVector(columns, [&](int64_t i, int64_t n) APT3_INLINE {
          const vec direct = load(gains + i, n) * factor * load(gradient + i, n);
          store(to + i, load(to + i, n) + (direct - load(from + i, n) * pull), n);
        });
      }
    });
  });
  float* totals = dGain.f32();
  for (int64_t block = 0; block < blocks; block++) {
    eachVector(columns, [&](int64_t i, int64_t n) APT3_INLINE {
      store(totals + i, load(totals + i, n) + load(partial + block * columns + i, n), n);
    });
  }
}

void rope(Engine& engine, const Buffer& x, int64_t heads, int64_t headSize, const Buffer& positions,
          const Buffer& table, double direction) {
  checkIds(positions, table.rows, "position");
  const int64_t half = headSize / 2;
  const int32_t* at = positions.i32();
  const float* angles = table.f32();
  const float sign = static_cast<float>(direction);
  withFloats(x, [&](auto* values) {
    eachRow(engine, x.rows, x.columns, [&](int64_t row) {
      const float* cosines = angles + at[row] * headSize;
      const float* sines = cosines + half;
      for (int64_t head = 0; head < heads; head++) {
        auto* first = values + row * x.columns + head * headSize;
        auto* second = first + half;
        eachVector(half, [&](int64_t i, int64_t n) APT3_INLINE {
          const vec cosine = load(cosines + i, n);
          const vec sine = load(sines + i, n) * sign;
          const vec a = load(first + i, n);
          const vec b = load(second + i, n);
          storeResult(first + i, a * cosine - b * sine, n);
          storeResult(second + i, b * cosine + a * sine, n);
        });
      }
    });
  });
}

inline vec sigmoid(vec x) {
  // Beyond 126, 2^t would leave the range of float32; the result is below 1e-37 there.
  const vec t = x * -log2OfE;
  return 1.0f / (1.0f + powerOfTwo(select(t > 126.0f, broadcast(126.0f), t)));
}

inline vec swigluOf(vec gate, vec up) { return gate * sigmoid(gate) * up; }

void swiglu(Engine& engine, const Buffer& gateUp, const Buffer& out) {
  const int64_t features = out.columns;
  withFloats(gateUp, [&](auto* inputs) {
    auto* outputs = static_cast<decltype(inputs)>(out.storage->data());
    eachRow(engine, out.rows, features, [&](int64_t row) {
      const auto* gates = inputs + row * 2 * features;
      const auto* ups = gates + features;
      auto* to = outputs + row * features;
      eachVector(features, [&](int64_t i, int64_t n) APT3_INLINE {
        storeResult(to + i, swigluOf(load(gates + i, n), load(ups + i, n)), n);
      });
    });
  });
}

/** The gradients of gates and ups. silu(g) = g·σ(g), so d silu/dg = σ(g)·(1 + g·(1 − σ(g))). */
template <class T>
inline APT3_INLINE void swigluGradients(vec gradient, const T* gates, const T* ups, T* dGates, T* dUps, int64_t n) {
  const vec gate = load(gates, n);
  const vec opened = sigmoid(gate);
  storeResult(dGates, gradient * load(ups, n) * opened * (1.0f + gate * (1.0f - opened)), n);
  storeResult(dUps, gradient * gate * opened, n);
}

void swigluBackward(Engine& engine, const Buffer& gateUp, const Buffer& dOut, const Buffer& dGateUp) {
  const int64_t features = dOut.columns;
  withFloats(gateUp, [&](auto* inputs) {
    const auto* gradients = static_cast<decltype(inputs)>(dOut.storage->data());
    auto* outputs = static_cast<decltype(inputs)>(dGateUp.storage->data());
    eachRow(engine, dOut.rows, features, [&](int64_t row) {
      const auto* gates = inputs + row * 2 * features;
      const auto* ups = gates + features;
      auto* dGates = outputs + row * 2 * features;
      auto* dUps = dGates + features;
      eachVector(features, [&](int64_t i, int64_t n) APT3_INLINE {
        const vec gradient = load(gradients + row * features + i, n);
        swigluGradients(gradient, gates + i, ups + i, dGates + i, dUps + i, n);
      });
    });
  });
}
