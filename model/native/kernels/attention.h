// Causal attention in blocks of queries and keys (Dao 2023): a block of scores lives only as long as it is needed.
// Everything is computed transposed, scores as [key][query]: the softmax of a query then runs down one vector lane,
// without any work across lanes, and the weights it leaves are at once a packed operand of the next product.

/** Queries one task takes at least; it packs all the keys before them anew. */
constexpr int64_t taskQueries = 8 * queryLanes;
/** Whole sequences are one task where there are so many that no thread waits long for the last. */
constexpr int64_t sequenceTasksPerThread = 16;

/** What the softmax of a block of queries has seen so far: scores times log₂ e, and the sum of powers of two. */
struct RunningSoftmax {
  vec largest[tileVectors];
  vec sum[tileVectors];
};

/** Takes the keys a query does not see out of its softmax. */
inline void hideScores(const Visible& visible, int64_t key, int64_t keys, float* scores) {
  for (int64_t i = 0; i < keys; i++) {
    for (int j = 0; j < tileVectors; j++) {
      float* lanes = scores + i * queryLanes + j * width;
      store(lanes, select(visible.mask(key + i, j), load(lanes), broadcast(-INFINITY)));
    }
  }
}

/** Adds the weights of a block of scores to their sums, and stores them as an operand. */
template <bool masked, class Step>
inline void weighScores(int64_t keys, float factor, const float* scores, const vec (&reference)[tileVectors],
                        Step* weights, vec (&sum)[tileVectors]) {
  vec sums[tileVectors];
  for (int j = 0; j < tileVectors; j++) sums[j] = sum[j];
  for (int64_t i = 0; i < keys; i += 2) {
    vec rows[2][tileVectors];
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
#pragma GCC unroll 4
      for (int j = 0; j < tileVectors; j++) {
        const vec score = load(scores + (i + k) * queryLanes + j * width);
        rows[k][j] = powerOfTwo(score * factor - reference[j]);
        if (masked) rows[k][j] = select(score == -INFINITY, vec{}, rows[k][j]);
        sums[j] += rows[k][j];
      }
    }
    storeKeySteps(weights + i / stepElements<Step> * queryLanes, rows);
  }
  for (int j = 0; j < tileVectors; j++) sum[j] = sums[j];
}

/** Turns scores into softmax weights, relative to the largest score so far, by which `rescale` makes earlier sums relative. */
template <class Step>
inline void softmaxBlock(const Visible& visible, int64_t key, int64_t keys, int64_t headSize, float* scores,
                         Step* weights, RunningSoftmax& running, vec (&rescale)[tileVectors]) {
  const int64_t rows = roundUp(keys, 2);
  const bool masked = visible.needsMask(key, rows);
  if (masked) hideScores(visible, key, rows, scores);
  const float factor = log2OfE / std::sqrt(static_cast<float>(headSize));
  const vec hidden = broadcast(-INFINITY);
  vec largest[tileVectors];
  for (int j = 0; j < tileVectors; j++) largest[j] = hidden;
  for (int64_t i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < tileVectors; j++) largest[j] = maximum(load(scores + i * queryLanes + j * width), largest[j]);
  }
  vec reference[tileVectors];
#pragma GCC unroll 4
  for (int j = 0; j < tileVectors; j++) {
    largest[j] = maximum(largest[j] * factor, running.largest[j]);
    // A query that has seen no key yet has no largest score: any finite number will do.
    reference[j] = select(largest[j] == hidden, vec{}, largest[j]);
    rescale[j] = powerOfTwo(running.largest[j] - reference[j]);
    running.largest[j] = largest[j];
    running.sum[j] *= rescale[j];
  }
  if (masked) weighScores<true>(rows, factor, scores, reference, weights, running.sum);
  else weighScores<false>(rows, factor, scores, reference, weights, running.sum);
}

/** Adds a tile to what was there, times a factor for each lane. */
struct RescaleRows {
  float* out;
  const vec* factors;

  APT3_INLINE void operator()(const vec (&sums)[tileVectors]) const {
#pragma GCC unroll 4
    for (int j = 0; j < tileVectors; j++) {
      float* lanes = out + j * width;
      store(lanes, load(lanes) * factors[j] + sums[j]);
    }
  }
  APT3_INLINE void advance() { out += queryLanes; }
};

template <class Step, class Finish>
__attribute__((noinline)) inline void valueTile(int64_t steps, const Step* values, const Step* weights, Finish finish) {
  computeTile<headRows, tileVectors>(steps, PanelRows<Step, 1, columnLanes>{values}, weights, finish);
}

/** Floats of scratch memory for each thread, forward. */
inline int64_t forwardScratch(const AttentionShape& shape) {
  const int64_t size = roundUp(shape.headSize, columnLanes);
  return 2 * roundUp(shape.sequenceLength, headRows) * size + 2 * (size + keyBlock) * queryLanes;
}

template <class Step, class T>
inline void attendBlock(const AttentionShape& shape, const HeadData<T>& head, int64_t firstQuery, const Step* keys,
                        const Step* values, int64_t packedKeys, float* scratch, T* out, float* logSumExp) {
  const int64_t headSize = shape.headSize;
  const int64_t paddedSize = roundUp(headSize, columnLanes);
  float* scores = scratch;
  float* outputs = scores + keyBlock * queryLanes;
  Step* queries = reinterpret_cast<Step*>(outputs + paddedSize * queryLanes);
  Step* weights = queries + paddedSize * queryLanes;
  if constexpr (std::is_same_v<Step, float>) weights = scores;
  const Visible visible(firstQuery, shape.sequenceLength, head.documentStarts);
  const T* queryRows = head.queries + firstQuery * head.stride;
  packQueries(queryRows, head.stride, visible.queries, headSize, queries);
  // What the next block will read, and what this one will write, while it computes.
  const int64_t ahead = std::min<int64_t>(queryLanes, shape.sequenceLength - firstQuery - visible.queries);
  prefetchHead(queryRows + visible.queries * head.stride, head.stride, ahead, headSize);
  prefetchHead<true>(out + firstQuery * shape.outWidth(), shape.outWidth(), visible.queries, headSize);
  RunningSoftmax running;
  for (int j = 0; j < tileVectors; j++) {
    running.largest[j] = broadcast(-INFINITY);
    running.sum[j] = vec{};
  }
  for (int64_t key = visible.firstKey; key < visible.endKey; key += keyBlock) {
    const int64_t count = std::min(keyBlock, visible.endKey - key);
    vec rescale[tileVectors];
    blockScores(count, headSize, keys + key * stepsOf<Step>(headSize), queries, scores);
    softmaxBlock(visible, key, count, headSize, scores, weights, running, rescale);
    for (int64_t row = 0; row < headSize; row += headRows) {
      const Step* columns = columnsAt(values, stepsOf<Step>(packedKeys), row, key / stepElements<Step>);
      float* output = outputs + row * queryLanes;
      if (key == visible.firstKey) valueTile(stepsOf<Step>(count), columns, weights, StoreRows{output, queryLanes, nullptr});
      else valueTile(stepsOf<Step>(count), columns, weights, RescaleRows{output, rescale});
    }
  }
  float factors[queryLanes];
  float logs[queryLanes];
  for (int j = 0; j < tileVectors; j++) {
    store(factors + j * width, 1.0f / running.sum[j]);
    store(logs + j * width, running.largest[j] * (1 / log2OfE) + logarithm(running.sum[j]));
  }
  storeTransposed(outputs, factors, visible.queries, headSize, out + firstQuery * shape.outWidth(), shape.outWidth());
  for (int64_t i = 0; i < visible.queries; i++) logSumExp[(firstQuery + i) * shape.heads] = logs[i];
}

template <class Step, class T>
inline void attendAll(Engine& engine, const AttentionShape& shape, const T* qkv, const Buffer& documentStarts, T* out,
                      float* logSumExp) {
  const int64_t length = shape.sequenceLength;
  const int64_t group = shape.heads / shape.kvHeads;
  const int64_t kvHeads = shape.sequences * shape.kvHeads;
  const bool whole = kvHeads >= sequenceTasksPerThread * engine.pool.threads();
  const int64_t chunkQueries = whole ? roundUp(length, queryLanes) : taskQueries;
  const int64_t chunks = divideUp(length, chunkQueries);
  const int64_t packedFloats = roundUp(length, headRows) * roundUp(shape.headSize, columnLanes);
  const int64_t scratchFloats = forwardScratch(shape);
  float* scratch = engine.scratch(Scratch::threads, scratchFloats * engine.pool.threads());
  engine.pool.run(kvHeads * chunks, [&](int64_t task, int thread) {
    // The last queries see the most keys: they go first, so that no thread is left with a long task at the end.
    const int64_t chunk = chunks - 1 - task / kvHeads;
    const int64_t sequence = task % kvHeads / shape.kvHeads;
    const int64_t kvHead = task % shape.kvHeads;
    const int64_t end = std::min(length, (chunk + 1) * chunkQueries);
    float* own = scratch + thread * scratchFloats;
    Step* keys = reinterpret_cast<Step*>(own);
    Step* values = reinterpret_cast<Step*>(own + packedFloats);
    for (int64_t head = kvHead * group; head < (kvHead + 1) * group; head++) {
      const HeadData<T> data = headData<T>(shape, qkv, documentStarts, sequence, head);
      if (head == kvHead * group) {
        copyKeys(data.keys, data.stride, end, shape.headSize, keys);
        packColumns<columnLanes>(data.values, data.stride, end, shape.headSize, values);
      }
      T* outHead = out + sequence * length * shape.outWidth() + head * shape.headSize;
      float* logs = logSumExp + sequence * length * shape.heads + head;
      for (int64_t query = chunk * chunkQueries; query < end; query += queryLanes) {
        attendBlock(shape, data, query, keys, values, end, own + 2 * packedFloats, outHead, logs);
      }
    }
  });
}

void attention(Engine& engine, const AttentionShape& shape, const Buffer& qkv, const Buffer& documentStarts,
               const Buffer& out, const Buffer& logSumExp) {
  withFloats(qkv, [&](auto* data) {
    using T = std::remove_pointer_t<decltype(data)>;
    T* outData = static_cast<T*>(out.storage->data());
    attendAll<ProductStep<T>, T>(engine, shape, data, documentStarts, outData, logSumExp.f32());
  });
}
