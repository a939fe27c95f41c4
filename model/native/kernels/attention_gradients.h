// Products of one block of queries with one block of keys in the backward pass of attention (attention_backward.h, which
// has the formulas): weights and gradients of scores are computed panel by panel of queries and kept for the block, so that
// the sums of keys and values, which lie far from the processor, are read and written once for all panels.

/** Queries in a block: so many that the sums of keys and values, which do not fit the nearest cache, are seldom read. */
constexpr int64_t backwardQueries = 2 * queryLanes;
/** Keys in a block: so many that the same holds for the sums of queries. */
constexpr int64_t backwardKeys = 2 * keyBlock;

/** Where the operands and running sums of one key/value head lie. */
template <class Step>
struct BackwardScratch {
  int64_t steps;
  int64_t paddedSize;
  /** Columns of the sums of keys and values: the head size rounded up to whole tiles. */
  int64_t sumColumns;
  /** Rows of the whole sequence, and columns of all its keys packed together. */
  Step *keys, *values, *keyColumns;
  float *dKeys, *dValues;
  /** Of a block of queries: panels of `queryLanes` of them, and their columns packed together. */
  Step *queries, *dOut, *queryColumns, *dOutColumns;
  float* dQueries;
  /** One panel of queries with as many keys as a block of scores has. */
  float *scores, *dScores;
  /** Softmax weights and gradients of scores, [key][query], and the latter for each panel of queries, [key][lane]. */
  Step *weightRows, *dScoreRows, *dScoreKeys;
  int64_t floats = 0;

  /** Without memory only counts what is needed. */
  BackwardScratch(const AttentionShape& shape, float* memory) {
    const int64_t keyRows = roundUp(shape.sequenceLength, headRows);
    steps = stepsOf<Step>(shape.headSize);
    paddedSize = roundUp(shape.headSize, columnLanes);
    sumColumns = roundUp(shape.headSize, tileColumns);
    const auto take = [&](int64_t count) {
      float* own = memory == nullptr ? nullptr : memory + floats;
      floats += roundUp(count, 16);  // whole cache lines: vectors then lie in one each
      return own;
    };
    const auto takeSteps = [&](int64_t count) { return reinterpret_cast<Step*>(take(count)); };
    keys = takeSteps(keyRows * steps);
    values = takeSteps(keyRows * steps);
    keyColumns = takeSteps(keyRows * paddedSize);
    dKeys = take(keyRows * sumColumns);
    dValues = take(keyRows * sumColumns);
    queries = takeSteps(steps * backwardQueries);
    dOut = takeSteps(steps * backwardQueries);
    queryColumns = takeSteps(sumColumns * backwardQueries);
    dOutColumns = takeSteps(sumColumns * backwardQueries);
    dQueries = take(paddedSize * backwardQueries);
    scores = take(keyBlock * queryLanes);
    dScores = take(keyBlock * queryLanes);
    weightRows = takeSteps(backwardKeys * backwardQueries);
    dScoreRows = takeSteps(backwardKeys * backwardQueries);
    dScoreKeys = takeSteps(backwardKeys * backwardQueries);
  }
};

inline int64_t backwardScratch(const AttentionShape& shape) { return BackwardScratch<float>(shape, nullptr).floats; }

/** One panel of a block of queries: which keys it sees, and where it stands in the block. */
struct QueryPanel {
  Visible visible;
  int64_t index;
  /** Log-sum-exp of base two, and row sums of dOut ∘ out, for each lane. */
  float logSumExp[queryLanes];
  float rowSums[queryLanes];
};

/**
 * Turns scores into weights and the gradients of the weights into those of the scores, times √d, for whole tiles of keys.
 * Those that fill up the last tile are keys nobody sees.
 *
 * @param at the first key in the scratch's block of keys
 */
template <bool masked, class Step>
inline void scoreGradients(const QueryPanel& panel, int64_t key, int64_t keys, float factor, int64_t at,
                           const BackwardScratch<Step>& scratch) {
  constexpr int64_t rowSteps = backwardQueries / stepElements<Step>;
  const int64_t rows = at * rowSteps + panel.index * queryLanes / stepElements<Step>;
  Step* weightRows = scratch.weightRows + rows;
  Step* dScoreRows = scratch.dScoreRows + rows;
  Step* dScoreKeys = scratch.dScoreKeys + (panel.index * backwardKeys + at) / stepElements<Step> * queryLanes;
  for (int64_t i = 0; i < keys; i += 2) {
    vec gradients[2][tileVectors];
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
      vec weights[tileVectors];
#pragma GCC unroll 4
      for (int j = 0; j < tileVectors; j++) {
        const int64_t lane = (i + k) * queryLanes + j * width;
        weights[j] = powerOfTwo(load(scratch.scores + lane) * factor - load(panel.logSumExp + j * width));
        if (masked) weights[j] = select(panel.visible.mask(key + i + k, j), weights[j], vec{});
        gradients[k][j] = weights[j] * (load(scratch.dScores + lane) - load(panel.rowSums + j * width));
      }
      storeQuerySteps(weightRows + (i + k) * rowSteps, weights);
      storeQuerySteps(dScoreRows + (i + k) * rowSteps, gradients[k]);
    }
    storeKeySteps(dScoreKeys + i / stepElements<Step> * queryLanes, gradients);
  }
}

/** Takes part in the sums of no key from `from` up to `to` of the scratch's block. */
template <class Step>
inline void hideKeys(const QueryPanel& panel, int64_t from, int64_t to, const BackwardScratch<Step>& scratch) {
  constexpr int64_t rowSteps = backwardQueries / stepElements<Step>;
  for (int64_t key = from; key < to; key++) {
    const int64_t at = key * rowSteps + panel.index * queryLanes / stepElements<Step>;
    std::memset(scratch.weightRows + at, 0, queryLanes / stepElements<Step> * sizeof(Step));
    std::memset(scratch.dScoreRows + at, 0, queryLanes / stepElements<Step> * sizeof(Step));
  }
}

/** What a panel of queries and the keys from `blockKey` on give to each other, except what it adds to the keys' own sums. */
template <class Step>
inline void panelBackward(const AttentionShape& shape, const QueryPanel& panel, int64_t blockKey,
                          const BackwardScratch<Step>& scratch) {
  const int64_t size = shape.headSize;
  const int64_t first = std::max(panel.visible.firstKey, blockKey);
  const int64_t end = std::min(panel.visible.endKey, blockKey + backwardKeys);
  hideKeys(panel, 0, std::min(first - blockKey, backwardKeys), scratch);
  if (first >= end) return;
  const float factor = log2OfE / std::sqrt(static_cast<float>(size));
  const int64_t steps = scratch.steps;
  for (int64_t key = first; key < end; key += keyBlock) {
    const int64_t keys = std::min(keyBlock, end - key);
    const int64_t lanes = panel.index * queryLanes * steps;
    blockScores(keys, size, scratch.keys + key * steps, scratch.queries + lanes, scratch.scores);
    blockScores(keys, size, scratch.values + key * steps, scratch.dOut + lanes, scratch.dScores);
    const int64_t rows = roundUp(keys, headRows);
    if (panel.visible.needsMask(key, rows)) scoreGradients<true>(panel, key, rows, factor, key - blockKey, scratch);
    else scoreGradients<false>(panel, key, rows, factor, key - blockKey, scratch);
  }
  const Step* dScores = scratch.dScoreKeys + (panel.index * backwardKeys + first - blockKey) / stepElements<Step> * queryLanes;
  float* dQueries = scratch.dQueries + panel.index * scratch.paddedSize * queryLanes;
  for (int64_t row = 0; row < size; row += headRows) {
    const Step* keys = columnsAt(scratch.keyColumns, stepsOf<Step>(shape.sequenceLength), row, first / stepElements<Step>);
    const bool add = first > panel.visible.firstKey;
    float* sums = dQueries + row * queryLanes;
    multiplyPanels<headRows, tileVectors, 1, columnLanes>(stepsOf<Step>(end - first), keys, dScores, sums, queryLanes, add);
  }
}

/** sums[key] += Σ over the block's queries of weights[key][query] · columns[query], for a tile of keys. */
template <class Step>
inline void addKeySums(int64_t firstQuery, int64_t endQuery, const Step* weights, const Step* columns, float* sums,
                       int64_t sumColumns) {
  constexpr int64_t rowSteps = backwardQueries / stepElements<Step>;
  const int64_t first = firstQuery / stepElements<Step>;
  multiplyPanels<headRows, tileVectors, rowSteps, 1>(stepsOf<Step>(endQuery) - first, weights + first,
                                                     columns + first * tileColumns, sums, sumColumns, true);
}

/** Adds to the sums of the keys from `blockKey` on what the panels of a block of `queries` queries have left for them. */
template <class Step>
inline void keysBackward(const QueryPanel* panels, int64_t panelCount, int64_t queries, int64_t blockKey, int64_t endKey,
                         const BackwardScratch<Step>& scratch) {
  const int64_t columns = scratch.sumColumns;
  for (int64_t column = 0; column < columns; column += tileColumns) {
    const int64_t packed = column * stepsOf<Step>(queries);
    int64_t firstPanel = 0;
    for (int64_t key = blockKey; key < endKey; key += headRows) {
      // Panels before see only earlier keys, panels behind only later documents.
      while (panels[firstPanel].visible.endKey <= key) firstPanel++;
      int64_t endPanel = panelCount;
      while (endPanel > firstPanel && panels[endPanel - 1].visible.firstKey > key) endPanel--;
      const int64_t firstQuery = firstPanel * queryLanes;
      const int64_t endQuery = std::min(queries, endPanel * queryLanes);
      if (firstQuery >= endQuery) continue;
      const int64_t at = (key - blockKey) * backwardQueries / stepElements<Step>;
      const int64_t sums = key * columns + column;
      addKeySums(firstQuery, endQuery, scratch.weightRows + at, scratch.dOutColumns + packed, scratch.dValues + sums, columns);
      addKeySums(firstQuery, endQuery, scratch.dScoreRows + at, scratch.queryColumns + packed, scratch.dKeys + sums, columns);
    }
  }
}
