// Attention of new tokens over the keys and values of all tokens so far: reading the cache is all the cost.

template <class T>
inline void attendCached(const T* query, const T* keys, const T* values, int64_t stride, int64_t count, int64_t size,
                         float* weights, float* sums, T* out) {
  const float scale = 1 / std::sqrt(static_cast<float>(size));
  float largest = -INFINITY;
  for (int64_t key = 0; key < count; key++) {
    vec dot = {};
    eachVector(size, [&](int64_t i, int64_t n) APT3_INLINE {
      dot += load(query + i, n) * load(keys + key * stride + i, n);
    });
    weights[key] = sumOf(dot) * scale;
    largest = std::max(largest, weights[key]);
  }
  float total = 0;
  eachVector(count, [&](int64_t i, int64_t n) APT3_INLINE {
    store(weights + i, exponential(load(weights + i, n) - largest), n);
  });
  for (int64_t key = 0; key < count; key++) total += weights[key];
  std::memset(sums, 0, static_cast<size_t>(size) * sizeof(float));
  for (int64_t key = 0; key < count; key++) {
    eachVector(size, [&](int64_t i, int64_t n) APT3_INLINE {
      store(sums + i, load(sums + i, n) + load(values + key * stride + i, n) * weights[key], n);
    });
  }
  eachVector(size, [&](int64_t i, int64_t n) APT3_INLINE { store(out + i, load(sums + i, n) / total, n); });
}

void cachedAttention(Engine& engine, const AttentionShape& shape, int64_t capacity, const Buffer& positions,
                     const Buffer& qkv, const Buffer& cache, const Buffer& out) {
  checkIds(positions, capacity, "position");
  const int64_t kvWidth = 2 * shape.kvHeads * shape.headSize;
  const int32_t* at = positions.i32();
  const int64_t scratchFloats = roundUp(capacity + shape.headSize, width);
  float* scratch = engine.scratch(Scratch::threads, scratchFloats * engine.pool.threads());
  withFloats(qkv, [&](auto* data) {
    using T = std::remove_pointer_t<decltype(data)>;
    T* cached = static_cast<T*>(cache.storage->data());
    T* outData = static_cast<T*>(out.storage->data());
    const auto sequenceCache = [&](int64_t row) { return cached + row / shape.sequenceLength * capacity * kvWidth; };
    for (int64_t row = 0; row < shape.tokens(); row++) {
      const T* own = data + row * shape.qkvWidth() + shape.outWidth();
      std::memcpy(sequenceCache(row) + at[row] * kvWidth, own, static_cast<size_t>(kvWidth) * sizeof(T));
    }
    engine.pool.run(shape.tokens() * shape.heads, [&](int64_t task, int thread) {
      const int64_t row = task / shape.heads;
      const int64_t head = task % shape.heads;
      const T* keys = sequenceCache(row) + head * shape.kvHeads / shape.heads * shape.headSize;
      float* weights = scratch + thread * scratchFloats;
      attendCached<T>(data + row * shape.qkvWidth() + head * shape.headSize, keys,
                      keys + shape.kvHeads * shape.headSize, kvWidth, at[row] + 1, shape.headSize, weights,
                      weights + capacity, outData + (row * shape.heads + head) * shape.headSize);
    });
  });
}
