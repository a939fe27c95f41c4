// The backward pass of attention. With P the softmax weights and D = rowsum(dOut ∘ out): dV = Pᵀ·dOut,
// dS = P ∘ (dOut·Vᵀ − D) / √d, dQ = dS·K, dK = dSᵀ·Q. P comes back from the scores and their log-sum-exp.

/** The rows of one query head that its backward pass reads and writes, those of `out` and `dOut` in their own width. */
template <class T>
struct HeadGradients {
  const T* out;
  const T* dOut;
  const float* logSumExp;
  T* dQueries;
};

template <class Step, class T>
inline void queryBlockBackward(const AttentionShape& shape, const HeadData<T>& head, const HeadGradients<T>& own,
                               int64_t firstQuery, const BackwardScratch<Step>& scratch) {
  const int64_t size = shape.headSize;
  const int64_t outWidth = shape.outWidth();
  const int64_t count = std::min(backwardQueries, shape.sequenceLength - firstQuery);
  const int64_t panelCount = divideUp(count, queryLanes);
  const T* queries = head.queries + firstQuery * head.stride;
  const T* out = own.out + firstQuery * outWidth;
  const T* dOut = own.dOut + firstQuery * outWidth;
  QueryPanel panels[backwardQueries / queryLanes];
  int64_t firstKey = firstQuery;
  for (int64_t index = 0; index < panelCount; index++) {
    const int64_t at = index * queryLanes;
    QueryPanel& panel = panels[index] = {Visible(firstQuery + at, shape.sequenceLength, head.documentStarts), index, {}, {}};
    firstKey = std::min(firstKey, panel.visible.firstKey);
    const int64_t rows = panel.visible.queries;
    packQueries(queries + at * head.stride, head.stride, rows, size, scratch.queries + at * scratch.steps);
    packQueries(dOut + at * outWidth, outWidth, rows, size, scratch.dOut + at * scratch.steps);
    for (int64_t i = 0; i < rows; i++) {
      panel.logSumExp[i] = own.logSumExp[(firstQuery + at + i) * shape.heads] * log2OfE;
      vec sum = {};
      eachVector(size, [&](int64_t k, int64_t n) APT3_INLINE {
        sum += load(out + (at + i) * outWidth + k, n) * load(dOut + (at + i) * outWidth + k, n);
      });
      panel.rowSums[i] = sumOf(sum);
    }
  }
  packColumns<tileColumns>(queries, head.stride, count, size, scratch.queryColumns);
  packColumns<tileColumns>(dOut, outWidth, count, size, scratch.dOutColumns);
  const int64_t endKey = firstQuery + count;
  // What the next block will read is asked for little by little, while this one computes.
  const int64_t parts = divideUp(endKey - firstKey, backwardKeys) * panelCount;
  const int64_t behind = std::min(backwardQueries, shape.sequenceLength - firstQuery - count);
  int64_t part = 0;
  for (int64_t key = firstKey; key < endKey; key += backwardKeys) {
    for (int64_t index = 0; index < panelCount; index++) {
      const int64_t at = count + behind * part / parts;
      const int64_t rows = count + behind * ++part / parts - at;
      prefetchHead(queries + at * head.stride, head.stride, rows, size);
      prefetchHead(out + at * outWidth, outWidth, rows, size);
      prefetchHead(dOut + at * outWidth, outWidth, rows, size);
      panelBackward(shape, panels[index], key, scratch);
    }
    keysBackward(panels, panelCount, count, key, std::min(endKey, key + backwardKeys), scratch);
  }
  float scale[queryLanes];
  std::fill(scale, scale + queryLanes, 1 / std::sqrt(static_cast<float>(size)));
  for (const QueryPanel* panel = panels; panel < panels + panelCount; panel++) {
    storeTransposed(scratch.dQueries + panel->index * scratch.paddedSize * queryLanes, scale, panel->visible.queries, size,
                    own.dQueries + panel->visible.firstQuery * head.stride, head.stride);
  }
}

/** Writes the sums of all keys or values, times a factor. */
template <class Step, class T>
inline void storeKeySums(const AttentionShape& shape, const float* sums, float factor, const BackwardScratch<Step>& scratch,
                         T* to) {
  const int64_t rows = shape.sequenceLength;
  const int64_t stride = shape.qkvWidth();
  prefetchHead<true>(to, stride, std::min(rows, rowsAhead), shape.headSize);
  for (int64_t row = 0; row < rows; row++) {
    if (row + rowsAhead < rows) prefetchHead<true>(to + (row + rowsAhead) * stride, stride, 1, shape.headSize);
    eachVector(shape.headSize, [&](int64_t i, int64_t n) APT3_INLINE {
      storeResult(to + row * stride + i, load(sums + row * scratch.sumColumns + i, n) * factor, n);
    });
  }
}

template <class Step, class T>
inline void attendAllBackward(Engine& engine, const AttentionShape& shape, const T* qkv, const Buffer& documentStarts,
                              const T* out, const float* logSumExp, const T* dOut, T* dQkv) {
  const int64_t length = shape.sequenceLength;
  const int64_t size = shape.headSize;
  const int64_t group = shape.heads / shape.kvHeads;
  const int64_t scratchFloats = backwardScratch(shape);
  float* memory = engine.scratch(Scratch::threads, scratchFloats * engine.pool.threads());
  engine.pool.run(shape.sequences * shape.kvHeads, [&](int64_t task, int thread) {
    const int64_t sequence = task / shape.kvHeads;
    const int64_t kvHead = task % shape.kvHeads;
    const BackwardScratch<Step> scratch(shape, memory + thread * scratchFloats);
    const int64_t sumFloats = roundUp(length, headRows) * scratch.sumColumns;
    std::memset(scratch.dKeys, 0, static_cast<size_t>(sumFloats) * sizeof(float));
    std::memset(scratch.dValues, 0, static_cast<size_t>(sumFloats) * sizeof(float));
    const HeadData<T> shared = headData<T>(shape, qkv, documentStarts, sequence, kvHead * group);
    copyKeys(shared.keys, shared.stride, length, size, scratch.keys);
    copyKeys(shared.values, shared.stride, length, size, scratch.values);
    packColumns<columnLanes>(shared.keys, shared.stride, length, size, scratch.keyColumns);
    T* rows = dQkv + sequence * length * shape.qkvWidth();
    for (int64_t head = kvHead * group; head < (kvHead + 1) * group; head++) {
      const int64_t at = sequence * length * shape.outWidth() + head * size;
      const HeadGradients<T> own{out + at, dOut + at, logSumExp + sequence * length * shape.heads + head, rows + head * size};
      const HeadData<T> data = headData<T>(shape, qkv, documentStarts, sequence, head);
      for (int64_t query = 0; query < length; query += backwardQueries) queryBlockBackward(shape, data, own, query, scratch);
    }
    T* dKeys = rows + (shape.heads + kvHead) * size;
    storeKeySums(shape, scratch.dKeys, 1 / std::sqrt(static_cast<float>(size)), scratch, dKeys);
    storeKeySums(shape, scratch.dValues, 1.0f, scratch, dKeys + shape.kvHeads * size);
  });
}

void attentionBackward(Engine& engine, const AttentionShape& shape, const Buffer& qkv, const Buffer& documentStarts,
                       const Buffer& out, const Buffer& logSumExp, const Buffer& dOut, const Buffer& dQkv,
                       const Buffer&) {
  withFloats(qkv, [&](auto* data) {
    using T = std::remove_pointer_t<decltype(data)>;
    const T* outData = static_cast<const T*>(out.storage->data());
    const T* dOutData = static_cast<const T*>(dOut.storage->data());
    T* gradients = static_cast<T*>(dQkv.storage->data());
    attendAllBackward<ProductStep<T>, T>(engine, shape, data, documentStarts, outData, logSumExp.f32(), dOutData,
                                         gradients);
  });
}
