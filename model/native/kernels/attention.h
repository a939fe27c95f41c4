// Causal attention in blocks of queries and keys (Dao 2023): a block of scores lives only as long as it is needed.
// Everything is computed transposed, scores as [key][query]: the softmax of a query then runs down one vector lane,
// without any work across lanes, and the weights it leaves are at once a packed operand of the next product.

/** Queries one task takes; it packs all the keys before them anew. */
constexpr int64_t taskQueries = 8 * queryLanes;

/** What the softmax of a block of queries has seen so far. */
struct RunningSoftmax {
  vec largest[tileVectors];
  vec sum[tileVectors];
};

/** Turns scores into softmax weights, relative to the largest score so far; scales what was summed before. */
inline void softmaxBlock(const Visible& visible, int64_t key, int64_t keys, int64_t headSize, float* scores,
                         float* outputs, RunningSoftmax& running) {
  const bool masked = visible.needsMask(key, keys);
  const float scale = 1 / std::sqrt(static_cast<float>(headSize));
  const vec hidden = broadcast(-INFINITY);
  for (int j = 0; j < tileVectors; j++) {
    float* lanes = scores + j * width;
    vec largest = running.largest[j];
    for (int64_t i = 0; i < keys; i++) {
      vec score = load(lanes + i * queryLanes) * scale;
      if (masked) score = select(visible.mask(key + i, j), score, hidden);
      store(lanes + i * queryLanes, score);
      largest = maximum(score, largest);
    }
    // A query that has seen no key yet has no largest score: any finite number will do.
    const vec reference = select(largest == hidden, vec{}, largest);
    vec sum = {};
    for (int64_t i = 0; i < keys; i++) {
      const vec score = load(lanes + i * queryLanes);
      const vec weight = (vec)((ivec)exponential(score - reference) & (score != hidden));
      store(lanes + i * queryLanes, weight);
      sum += weight;
    }
    const vec rescale = exponential(running.largest[j] - reference);
    running.sum[j] = running.sum[j] * rescale + sum;
    running.largest[j] = largest;
    for (int64_t i = 0; i < headSize; i++) {
      float* output = outputs + i * queryLanes + j * width;
      store(output, load(output) * rescale);
    }
  }
}

/** Floats of scratch memory for each thread, forward. */
inline int64_t forwardScratch(const AttentionShape& shape) {
  const int64_t size = roundUp(shape.headSize, headRows);
  return 2 * roundUp(shape.sequenceLength, headRows) * size + 2 * (size + keyBlock) * queryLanes;
}

template <class Step, class T>
inline void attendBlock(const AttentionShape& shape, const HeadData<T>& head, int64_t firstQuery, const Step* keys,
                        const Step* values, int64_t packedKeys, float* scratch, T* out, float* logSumExp) {
  const int64_t headSize = shape.headSize;
  const int64_t paddedSize = roundUp(headSize, headRows);
  float* scores = scratch;
  float* outputs = scores + keyBlock * queryLanes;
  Step* queries = reinterpret_cast<Step*>(outputs + paddedSize * queryLanes);
  Step* weights = queries + paddedSize * queryLanes;
  const Visible visible(firstQuery, shape.sequenceLength, head.documentStarts);
  packRows<queryLanes>(head.queries + firstQuery * head.stride, head.stride, visible.queries, headSize, queries);
  std::memset(outputs, 0, static_cast<size_t>(paddedSize * queryLanes) * sizeof(float));
  RunningSoftmax running;
  for (int j = 0; j < tileVectors; j++) {
    running.largest[j] = broadcast(-INFINITY);
    running.sum[j] = vec{};
  }
  for (int64_t key = visible.firstKey; key < visible.endKey; key += keyBlock) {
    const int64_t count = std::min(keyBlock, visible.endKey - key);
    blockScores(count, headSize, keys + key * stepsOf<Step>(headSize), queries, scores);
    softmaxBlock(visible, key, count, headSize, scores, outputs, running);
    const Step* packed = packKeys(scores, count, weights);
    for (int64_t row = 0; row < headSize; row += headRows) {
      const Step* columns = values + row * stepsOf<Step>(packedKeys) + key / stepElements<Step> * headRows;
      headProduct(stepsOf<Step>(count), columns, packed, outputs + row * queryLanes, true);
    }
  }
  float logs[queryLanes];
  for (int j = 0; j < tileVectors; j++) {
    for (int64_t i = 0; i < headSize; i++) {
      float* output = outputs + i * queryLanes + j * width;
      store(output, load(output) / running.sum[j]);
    }
    for (int lane = 0; lane < width; lane++) {
      logs[j * width + lane] = running.largest[j][lane] + std::log(running.sum[j][lane]);
    }
  }
  storeTransposed(outputs, visible.queries, headSize, out + firstQuery * shape.outWidth(), shape.outWidth());
  for (int64_t i = 0; i < visible.queries; i++) logSumExp[(firstQuery + i) * shape.heads] = logs[i];
}

template <class Step, class T>
inline void attendAll(Engine& engine, const AttentionShape& shape, const T* qkv, const Buffer& documentStarts, T* out,
                      float* logSumExp) {
  const int64_t length = shape.sequenceLength;
  const int64_t chunks = divideUp(length, taskQueries);
  const int64_t group = shape.heads / shape.kvHeads;
  const int64_t kvHeads = shape.sequences * shape.kvHeads;
  const int64_t packedFloats = roundUp(length, headRows) * roundUp(shape.headSize, headRows);
  const int64_t scratchFloats = forwardScratch(shape);
  float* scratch = engine.scratch(Scratch::threads, scratchFloats * engine.pool.threads());
  engine.pool.run(kvHeads * chunks, [&](int64_t task, int thread) {
    // The last queries see the most keys: they go first, so that no thread is left with a long task at the end.
    const int64_t chunk = chunks - 1 - task / kvHeads;
    const int64_t sequence = task % kvHeads / shape.kvHeads;
    const int64_t kvHead = task % shape.kvHeads;
    const int64_t end = std::min(length, (chunk + 1) * taskQueries);
    float* own = scratch + thread * scratchFloats;
    Step* keys = reinterpret_cast<Step*>(own);
    Step* values = reinterpret_cast<Step*>(own + packedFloats);
    for (int64_t head = kvHead * group; head < (kvHead + 1) * group; head++) {
      const HeadData<T> data = headData<T>(shape, qkv, documentStarts, sequence, head);
      if (head == kvHead * group) {
        packRows<headRows>(data.keys, data.stride, end, shape.headSize, keys);
        packColumns<headRows>(data.values, data.stride, end, shape.headSize, values);
      }
      T* outHead = out + sequence * length * shape.outWidth() + head * shape.headSize;
      float* logs = logSumExp + sequence * length * shape.heads + head;
      for (int64_t query = chunk * taskQueries; query < end; query += queryLanes) {
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
    withSteps<T>(engine, [&](auto step) {
      attendAll<decltype(step), T>(engine, shape, data, documentStarts, outData, logSumExp.f32());
    });
  });
}
