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
/** headRows rows of a product of packed panels. */
inline APT3_INLINE void headProduct(int64_t inner, const float* a, const float* b, float* out, bool add) {
  tileProduct<headRows, tileVectors, 1, headRows>(inner, a, b, out, queryLanes, add);
}
#if defined(APT3_AVX512)
APT3_PAIRS __attribute__((noinline)) inline void headProduct(int64_t inner, const Pair* a, const Pair* b, float* out,
                                                             bool add) {
  tileProduct<headRows, tileVectors, 1, headRows>(inner, a, b, out, queryLanes, add);
}
#endif

/** Calls body(Step) with the steps in which products of this type run: pairs where the processor multiplies them. */
template <class T, class Body>
inline void withSteps(const Engine& engine, Body body) {
  if constexpr (hasPairs && std::is_same_v<T, bfloat16>) {
    if (engine.bf16Products) return body(Pair{});
  }
  body(float{});
}

/** Packs `rows` rows as panels of `panelRows` rows, `size` elements each. */
template <int panelRows, class T, class Step>
inline void packRows(const T* from, int64_t stride, int64_t rows, int64_t size, Step* panels) {
  const Operand<T> operand{from, stride, false};
  for (int64_t row = 0; row < rows; row += panelRows) {
    packPanel<panelRows>(operand, row, rows - row, 0, size, panels + row * stepsOf<Step>(size));
  }
}

/** Packs the columns of `rows` rows as panels of `panelRows` columns. */
template <int panelRows, class T, class Step>
inline void packColumns(const T* from, int64_t stride, int64_t rows, int64_t size, Step* panels) {
  const Operand<T> operand{from, stride, true};
  for (int64_t column = 0; column < size; column += panelRows) {
    packPanel<panelRows>(operand, column, size - column, 0, rows, panels + column * stepsOf<Step>(rows));
  }
}

/** A block of [keys][queryLanes] as a packed operand whose inner dimension are the keys. Float32 already is one. */
inline const float* packKeys(const float* block, int64_t, float*) { return block; }
inline const Pair* packKeys(const float* block, int64_t keys, Pair* packed) {
  for (int64_t key = 0; key < keys; key += 2) {
    for (int j = 0; j < tileVectors; j++) {
      const float* lanes = block + key * queryLanes + j * width;
      const uvec low = roundedUpperHalf(load(lanes)) >> 16;
      const uvec high = key + 1 < keys ? roundedUpperHalf(load(lanes + queryLanes)) & 0xffff0000u : uvec{};
      const uvec pairs = low | high;
      std::memcpy(packed + key / 2 * queryLanes + j * width, &pairs, sizeof pairs);
    }
  }
  return packed;
}

/** Writes a transposed block, [size][queryLanes], as `rows` rows of the matrix `to`. */
template <class T>
inline void storeTransposed(const float* block, int64_t rows, int64_t size, T* to, int64_t stride) {
  for (int64_t column = 0; column < size; column += 4) {
    for (int64_t row = 0; row < rows; row += 4) {
      quad lanes[4];
      for (int i = 0; i < 4; i++) std::memcpy(&lanes[i], block + (column + i) * queryLanes + row, sizeof lanes[i]);
      uint32_t turned[16];
      transpose4(lanes, turned, 4);
      float values[16];
      std::memcpy(values, turned, sizeof values);
      const int64_t columns = std::min<int64_t>(4, size - column);
      for (int64_t i = 0; i < std::min<int64_t>(4, rows - row); i++) {
        T* target = to + (row + i) * stride + column;
        if constexpr (std::is_same_v<T, float>) {
          std::memcpy(target, values + 4 * i, static_cast<size_t>(columns) * sizeof(float));
        } else {
          for (int64_t j = 0; j < columns; j++) target[j] = roundToBfloat16(values[4 * i + j]);
        }
      }
    }
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

/** Scores of a block of keys: [keys rounded up][queryLanes]. */
template <class Step>
inline void blockScores(int64_t keys, int64_t headSize, const Step* packed, const Step* lanes, float* scores) {
  const int64_t steps = stepsOf<Step>(headSize);
  for (int64_t row = 0; row < keys; row += headRows) {
    headProduct(steps, packed + row * steps, lanes, scores + row * queryLanes, false);
  }
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
