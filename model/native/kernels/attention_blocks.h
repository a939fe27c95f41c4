// What the forward and the backward pass of attention share: products of blocks of queries and keys, packing them, and
// which keys a query sees.

/** Queries in a block: the lanes of a tile. */
constexpr int queryLanes = tileColumns;
/** Rows of the tiles of attention: eight divides all usual head sizes. */
#if defined(APT3_AVX512)
constexpr int headRows = 8;
#else
constexpr int headRows = 4;
#endif
/** Keys in a block: 64 rows of scores take 8 KB. */
constexpr int64_t keyBlock = 64;
/** Columns of a head that are packed side by side, to be rows of tiles: what a vector holds, one tile's rows or two's. */
constexpr int columnLanes = width;
static_assert(columnLanes % headRows == 0);

/**
 * Asks for `rows` rows of a head, into the second-level cache, to be read or written. They lie a whole row of all heads
 * apart, mostly on pages of their own, where the processor does not guess what comes next.
 */
template <bool toWrite = false, class T>
inline void prefetchHead(const T* from, int64_t stride, int64_t rows, int64_t size) {
  for (int64_t row = 0; row < rows; row++) {
    constexpr int64_t cacheLine = 64 / sizeof(T);
    for (int64_t i = 0; i < size; i += cacheLine) __builtin_prefetch(from + row * stride + i, toWrite, 2);
  }
}

/** Rows that are asked for before they are packed. */
constexpr int64_t rowsAhead = 32;

/** Packs `rows` rows as a panel of `queryLanes` rows, `size` elements each. */
template <class T, class Step>
inline void packQueries(const T* from, int64_t stride, int64_t rows, int64_t size, Step* panel) {
  packPanel<queryLanes>(Operand<T>{from, stride, false}, 0, rows, 0, size, panel);
}

/** Packs the columns of `rows` rows as panels of `lanes` columns. */
template <int lanes, class T, class Step>
inline void packColumns(const T* from, int64_t stride, int64_t rows, int64_t size, Step* panels) {
  const Operand<T> operand{from, stride, true};
  packPanels<lanes>(operand, 0, size, divideUp(size, lanes), 0, rows, panels);
}

/** Copies `rows` rows of `size` elements, one behind the other, and zeros behind them that make whole tiles. */
template <class T, class Step>
inline void copyKeys(const T* from, int64_t stride, int64_t rows, int64_t size, Step* to) {
  const int64_t steps = stepsOf<Step>(size);
  prefetchHead(from, stride, std::min(rows, rowsAhead), size);
  for (int64_t row = 0; row < rows; row++) {
    if (row + rowsAhead < rows) prefetchHead(from + (row + rowsAhead) * stride, stride, 1, size);
    copyRow(from + row * stride, size, to + row * steps);
  }
  std::memset(to + rows * steps, 0, static_cast<size_t>((roundUp(rows, headRows) - rows) * steps) * sizeof(Step));
}

// A block of scores becomes operands of further products as soon as it has been computed. Its rows are keys, its lanes
// queries; either may be the inner dimension of a product.

/** Stores a key's row as part of an operand whose inner dimension are the queries. */
inline void storeQuerySteps(float* to, const vec (&row)[tileVectors]) {
  for (int j = 0; j < tileVectors; j++) store(to + j * width, row[j]);
}
/** Stores the rows of a key and its successor as part of an operand whose inner dimension are the keys. */
inline void storeKeySteps(float* to, const vec (&rows)[2][tileVectors]) {
  for (int i = 0; i < 2; i++) storeQuerySteps(to + i * queryLanes, rows[i]);
}
#if defined(APT3_AVX512_BF16)
inline void storeQuerySteps(Pair* to, const vec (&row)[tileVectors]) {
  static_assert(tileVectors == 2);
  const __m512bh halves = _mm512_cvtne2ps_pbh((__m512)row[1], (__m512)row[0]);
  std::memcpy(to, &halves, sizeof halves);
}
inline void storeKeySteps(Pair* to, const vec (&rows)[2][tileVectors]) {
  alignas(64) static constexpr uint16_t interleaving[2 * width] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                                   8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  for (int j = 0; j < tileVectors; j++) {
    const __m512bh halves = _mm512_cvtne2ps_pbh((__m512)rows[1][j], (__m512)rows[0][j]);
    const __m512i pairs = _mm512_permutexvar_epi16(_mm512_load_si512(interleaving), (__m512i)halves);
    std::memcpy(to + j * width, &pairs, sizeof pairs);
  }
}
#endif

/** Turns `width` columns of a block [size][queryLanes] from a lane on into as many rows, of which `size` ≤ `width` exist. */
inline void turnLanes(const float* block, int64_t size, float* rows) {
  auto* to = reinterpret_cast<uint32_t*>(rows);
#if defined(APT3_AVX512)
  if (size == width) return transposeBlock(block, queryLanes, float{}, to, width);
#endif
  for (int64_t i = 0; i < size; i += 4) {
    for (int64_t lane = 0; lane < width; lane += 4) {
      quad lanes[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) std::memcpy(&lanes[j], block + (i + j) * queryLanes + lane, sizeof lanes[j]);
      transpose4(lanes, to + lane * width + i, width);
    }
  }
}

/** Writes a transposed block, [size rounded up to four][queryLanes], times a factor for each lane, as `rows` rows of `to`. */
template <class T>
inline void storeTransposed(const float* block, const float* factors, int64_t rows, int64_t size, T* to, int64_t stride) {
  alignas(64) float turned[width * width];
  for (int64_t lane = 0; lane < rows; lane += width) {
    eachVector(size, [&](int64_t column, int64_t columns) APT3_INLINE {
      turnLanes(block + column * queryLanes + lane, columns, turned);
      for (int64_t row = lane; row < std::min<int64_t>(rows, lane + width); row++) {
        storeResult(to + row * stride + column, load(turned + (row - lane) * width) * factors[row], columns);
      }
    });
  }
}

/** Which keys the queries of a block see. */
struct Visible {
  int64_t firstQuery;
  int64_t queries;
  /** No query sees a key before this one. */
  int64_t firstKey;
  int64_t endKey;
  /** For each lane the key at which its document starts, and the query itself. */
  ivec starts[tileVectors];
  ivec ends[tileVectors];
  /** All queries see all keys in between. */
  int64_t firstOpen;
  int64_t endOpen;

  Visible() = default;
  Visible(int64_t firstQuery, int64_t length, const int32_t* documentStarts)
      : firstQuery(firstQuery), queries(std::min<int64_t>(queryLanes, length - firstQuery)),
        firstKey(documentStarts == nullptr ? 0 : firstQuery), endKey(firstQuery + queries), firstOpen(0),
        endOpen(firstQuery + 1) {
    for (int64_t lane = 0; lane < queryLanes; lane++) {
      const int64_t query = firstQuery + std::min(lane, queries - 1);
      int64_t start = documentStarts == nullptr ? 0 : documentStarts[query];
      start = std::max<int64_t>(0, std::min(start, query));
      starts[lane / width][lane % width] = static_cast<int32_t>(start);
      ends[lane / width][lane % width] = static_cast<int32_t>(query);
      firstKey = std::min(firstKey, start);
      firstOpen = std::max(firstOpen, start);
    }
    firstKey = firstKey / headRows * headRows;
  }

  bool needsMask(int64_t key, int64_t keys) const { return key < firstOpen || key + keys > endOpen; }
  /** Lanes that see the key. */
  ivec mask(int64_t key, int vector) const {
    const ivec at = static_cast<int32_t>(key) - ivec{};
    return (at >= starts[vector]) & (at <= ends[vector]);
  }
};

template <class Step>
__attribute__((noinline)) inline void scoreTile(int64_t steps, const Step* keys, const Step* queries, float* scores) {
  const MatrixRows<Step, headRows> rows(keys, steps);
  computeTile<headRows, tileVectors>(steps, rows, queries, StoreRows{scores, queryLanes, nullptr});
}

/** Scores of a block of keys: [keys rounded up][queryLanes]. */
template <class Step>
inline void blockScores(int64_t keys, int64_t headSize, const Step* rows, const Step* queries, float* scores) {
  const int64_t steps = stepsOf<Step>(headSize);
  for (int64_t key = 0; key < keys; key += headRows) {
    scoreTile(steps, rows + key * steps, queries, scores + key * queryLanes);
  }
}

/** The first of headRows columns packed `columnLanes` side by side, from a step of the inner dimension on. */
template <class Step>
inline const Step* columnsAt(const Step* panels, int64_t panelSteps, int64_t column, int64_t step) {
  return panels + column / columnLanes * columnLanes * panelSteps + step * columnLanes + column % columnLanes;
}

/** Where one head's data lies in a row-major matrix of qkv. */
template <class T>
struct HeadData {
  const T* queries;
  const T* keys;
  const T* values;
  int64_t stride;
  const int32_t* documentStarts;
};

template <class T>
inline HeadData<T> headData(const AttentionShape& shape, const T* qkv, const Buffer& documentStarts,
                            int64_t sequence, int64_t head) {
  const int64_t first = sequence * shape.sequenceLength;
  const int64_t kvHead = head * shape.kvHeads / shape.heads;
  const T* rows = qkv + first * shape.qkvWidth();
  const T* keys = rows + (shape.heads + kvHead) * shape.headSize;
  return {rows + head * shape.headSize, keys, keys + shape.kvHeads * shape.headSize, shape.qkvWidth(),
          documentStarts.present() ? documentStarts.i32() + first : nullptr};
}
