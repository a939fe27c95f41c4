// The backward pass of attention. With P the softmax weights and D = rowsum(dOut ∘ out): dV = Pᵀ·dOut,
// dS = P ∘ (dOut·Vᵀ − D) / √d, dQ = dS·K, dK = dSᵀ·Q. P comes back from the scores and their log-sum-exp.

/** Where the packed operands and running sums of one key/value head lie. Panels are of `headRows` rows. */
template <class Step>
struct BackwardScratch {
  int64_t paddedSize;
  /** Columns of the sums below: the head size rounded up to whole tiles. */
  int64_t sumColumns;
  Step *keys, *values, *keyColumns, *queries, *dOut, *queryRows, *dOutRows;
  float *dKeys, *dValues, *scores, *dScores, *dQueries;
  /** The scores and their gradients as operands, where they have to be rounded for that. */
  Step *weightRows, *dScoreRows, *dScoreKeys;
  int64_t floats = 0;

  /** Without memory only counts what is needed. */
  BackwardScratch(const AttentionShape& shape, float* memory) {
    const int64_t keyRows = roundUp(shape.sequenceLength, headRows);
    paddedSize = roundUp(shape.headSize, headRows);
    sumColumns = roundUp(shape.headSize, tileColumns);
    const auto take = [&](int64_t count) {
      float* own = memory == nullptr ? nullptr : memory + floats;
      floats += count;
      return own;
    };
    const auto takeSteps = [&](int64_t count) { return reinterpret_cast<Step*>(take(count)); };
    keys = takeSteps(keyRows * paddedSize);
    values = takeSteps(keyRows * paddedSize);
    keyColumns = takeSteps(keyRows * paddedSize);
    dKeys = take(keyRows * sumColumns);
    dValues = take(keyRows * sumColumns);
    scores = take(keyBlock * queryLanes);
    dScores = take(keyBlock * queryLanes);
    queries = takeSteps(paddedSize * queryLanes);
    dOut = takeSteps(paddedSize * queryLanes);
    queryRows = takeSteps(sumColumns * queryLanes);
    dOutRows = takeSteps(sumColumns * queryLanes);
    dQueries = take(paddedSize * queryLanes);
    weightRows = takeSteps(keyBlock * queryLanes);
    dScoreRows = takeSteps(keyBlock * queryLanes);
    dScoreKeys = takeSteps(keyBlock * queryLanes);
    if constexpr (std::is_same_v<Step, float>) {
      weightRows = scores;
      dScoreRows = dScoreKeys = dScores;
    }
  }
};

inline int64_t backwardScratch(const AttentionShape& shape) { return BackwardScratch<float>(shape, nullptr).floats; }

/**
 * Turns scores into weights and the gradients of the weights into those of the scores, for whole tiles of keys. Those that
 * fill up the last tile are keys nobody sees.
 *
 * @param logSumExp of base two
 */
template <bool masked, class Step>
inline void scoreGradients(const Visible& visible, int64_t key, int64_t keys, float scale, const float* logSumExp,
                           const float* rowSums, const BackwardScratch<Step>& scratch) {
  for (int64_t i = 0; i < keys; i += 2) {
    vec gradients[2][tileVectors];
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
      vec weights[tileVectors];
#pragma GCC unroll 4
      for (int j = 0; j < tileVectors; j++) {
        const int64_t at = (i + k) * queryLanes + j * width;
        weights[j] = powerOfTwo(load(scratch.scores + at) * (scale * log2OfE) - load(logSumExp + j * width));
        if (masked) weights[j] = select(visible.mask(key + i + k, j), weights[j], vec{});
        gradients[k][j] = weights[j] * (load(scratch.dScores + at) - load(rowSums + j * width)) * scale;
      }
      storeQuerySteps(scratch.weightRows, i + k, weights);
      storeQuerySteps(scratch.dScoreRows, i + k, gradients[k]);
    }
    storeKeySteps(scratch.dScoreKeys, i, gradients);
  }
}

/** sums[keys × columns] += weights[keys × queries] · rows[queries × columns]. */
template <class Step>
inline void addKeySums(int64_t keys, int64_t queries, int64_t columns, const Step* weights, const Step* rows,
                       float* sums) {
  const int64_t steps = stepsOf<Step>(queries);
  for (int64_t column = 0; column < columns; column += tileColumns) {
    for (int64_t key = 0; key < keys; key += headRows) {
      constexpr int rowSteps = queryLanes / stepElements<Step>;
      multiplyPanels<headRows, tileVectors, rowSteps, 1>(steps, weights + key * rowSteps, rows + column * steps,
                                                         sums + key * columns + column, columns, true);
    }
  }
}

template <class Step, class T>
inline void queryBlockBackward(const AttentionShape& shape, const HeadData<T>& head, int64_t firstQuery,
                               const T* out, const T* dOut, const float* logSumExp, T* dQueries,
                               const BackwardScratch<Step>& scratch) {
  const int64_t size = shape.headSize;
  const float scale = 1 / std::sqrt(static_cast<float>(size));
  const Visible visible(firstQuery, shape.sequenceLength, head.documentStarts);
  const int64_t count = visible.queries;
  const T* queryRows = head.queries + firstQuery * head.stride;
  const T* outRows = out + firstQuery * shape.outWidth();
  const T* dOutRows = dOut + firstQuery * shape.outWidth();
  // What the next block will read, while this one computes.
  const int64_t ahead = std::min<int64_t>(queryLanes, shape.sequenceLength - firstQuery - count);
  prefetchHead(queryRows + count * head.stride, head.stride, ahead, size);
  prefetchHead(outRows + count * shape.outWidth(), shape.outWidth(), ahead, size);
  prefetchHead(dOutRows + count * shape.outWidth(), shape.outWidth(), ahead, size);
  packRows<queryLanes>(queryRows, head.stride, count, size, scratch.queries);
  packRows<queryLanes>(dOutRows, shape.outWidth(), count, size, scratch.dOut);
  packColumns<tileColumns>(queryRows, head.stride, count, size, scratch.queryRows);
  packColumns<tileColumns>(dOutRows, shape.outWidth(), count, size, scratch.dOutRows);
  std::memset(scratch.dQueries, 0, static_cast<size_t>(scratch.paddedSize * queryLanes) * sizeof(float));

  float logs[queryLanes] = {};
  float rowSums[queryLanes] = {};
  for (int64_t i = 0; i < count; i++) {
    logs[i] = logSumExp[(firstQuery + i) * shape.heads] * log2OfE;
    vec sum = {};
    eachVector(size, [&](int64_t k, int64_t n) APT3_INLINE {
      sum += load(outRows + i * shape.outWidth() + k, n) * load(dOutRows + i * shape.outWidth() + k, n);
    });
    rowSums[i] = sumOf(sum);
  }
  for (int64_t key = visible.firstKey; key < visible.endKey; key += keyBlock) {
    const int64_t keys = std::min(keyBlock, visible.endKey - key);
    const int64_t steps = stepsOf<Step>(size);
    blockScores(keys, size, scratch.keys + key * steps, scratch.queries, scratch.scores);
    blockScores(keys, size, scratch.values + key * steps, scratch.dOut, scratch.dScores);
    const int64_t rows = roundUp(keys, headRows);
    if (visible.needsMask(key, rows)) scoreGradients<true>(visible, key, rows, scale, logs, rowSums, scratch);
    else scoreGradients<false>(visible, key, rows, scale, logs, rowSums, scratch);
    const int64_t columns = scratch.sumColumns;
    addKeySums(keys, count, columns, scratch.weightRows, scratch.dOutRows, scratch.dValues + key * columns);
    addKeySums(keys, count, columns, scratch.dScoreRows, scratch.queryRows, scratch.dKeys + key * columns);
    for (int64_t row = 0; row < size; row += headRows) {
      const Step* keyColumns = scratch.keyColumns + row * stepsOf<Step>(shape.sequenceLength);
      headProduct(stepsOf<Step>(keys), keyColumns + key / stepElements<Step> * headRows, scratch.dScoreKeys,
                  scratch.dQueries + row * queryLanes, true);
    }
  }
  storeTransposed(scratch.dQueries, count, size, dQueries + firstQuery * head.stride, head.stride);
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
    packRows<headRows>(shared.keys, shared.stride, length, size, scratch.keys);
    packRows<headRows>(shared.values, shared.stride, length, size, scratch.values);
    packColumns<headRows>(shared.keys, shared.stride, length, size, scratch.keyColumns);
    T* rows = dQkv + sequence * length * shape.qkvWidth();
    for (int64_t head = kvHead * group; head < (kvHead + 1) * group; head++) {
      const HeadData<T> own = headData<T>(shape, qkv, documentStarts, sequence, head);
      const int64_t at = sequence * length * shape.outWidth() + head * size;
      const float* logs = logSumExp + sequence * length * shape.heads + head;
      for (int64_t query = 0; query < length; query += queryLanes) {
        queryBlockBackward(shape, own, query, out + at, dOut + at, logs, rows + head * size, scratch);
      }
    }
    T* dKeys = rows + (shape.heads + kvHead) * size;
    T* dValues = dKeys + shape.kvHeads * size;
    for (int64_t row = 0; row < length; row++) {
      convertRange(scratch.dKeys + row * scratch.sumColumns, dKeys + row * shape.qkvWidth(), size);
      convertRange(scratch.dValues + row * scratch.sumColumns, dValues + row * shape.qkvWidth(), size);
    }
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
