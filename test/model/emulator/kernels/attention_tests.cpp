// Attention forward and backward, plain and on tensor cores, with documents and grouped heads; and over the cache.
#include <algorithm>
#include <cmath>
#include <string>

#include "device.h"

namespace kernel_tests {
namespace {

using namespace apt3::cuda;
using Values = std::vector<float>;

struct Shape {
  int sequences, sequenceLength, heads, kvHeads, headSize;

  int tokens() const { return sequences * sequenceLength; }
  int width() const { return heads * headSize; }
  int qkvWidth() const { return (heads + 2 * kvHeads) * headSize; }
  std::string name(Type type, bool documents) const {
    return std::to_string(sequences) + "×" + std::to_string(sequenceLength) + " " + std::to_string(heads) + "/" +
           std::to_string(kvHeads) + " heads of " + std::to_string(headSize) + (type == Type::f32 ? " f32" : "") +
           (documents ? " documents" : "");
  }
};

struct Expected {
  Values out, logSumExp, rowSums, dQkv;
};

/** Everything in float64, with the whole matrix of probabilities of a head. */
Expected reference(const Shape& s, const Values& qkv, const std::vector<int>& starts, const Values& dOut) {
  Expected e;
  e.out.resize(static_cast<size_t>(s.tokens() * s.width()));
  e.logSumExp.resize(static_cast<size_t>(s.tokens() * s.heads));
  e.rowSums.resize(e.logSumExp.size());
  std::vector<double> dQkv(static_cast<size_t>(s.tokens() * s.qkvWidth()));
  const int t = s.sequenceLength;
  const double scale = 1 / std::sqrt(static_cast<double>(s.headSize));
  for (int sequence = 0; sequence < s.sequences; sequence++)
    for (int head = 0; head < s.heads; head++) {
      const int kvHead = head * s.kvHeads / s.heads;
      const auto place = [&](int position, int column) {
        return static_cast<size_t>((sequence * t + position) * s.qkvWidth() + column);
      };
      const int q = head * s.headSize, k = (s.heads + kvHead) * s.headSize, v = (s.heads + s.kvHeads + kvHead) * s.headSize;
      for (int i = 0; i < t; i++) {
        const int start = starts.empty() ? 0 : starts[static_cast<size_t>(sequence * t + i)];
        std::vector<double> p(static_cast<size_t>(i + 1));
        double largest = -INFINITY, total = 0;
        for (int j = start; j <= i; j++) {
          double score = 0;
          for (int d = 0; d < s.headSize; d++) score += static_cast<double>(qkv[place(i, q + d)]) * qkv[place(j, k + d)];
          p[static_cast<size_t>(j)] = score * scale;
          largest = std::max(largest, score * scale);
        }
        for (int j = start; j <= i; j++) total += p[static_cast<size_t>(j)] = std::exp(p[static_cast<size_t>(j)] - largest);
        for (int j = start; j <= i; j++) p[static_cast<size_t>(j)] /= total;
        e.logSumExp[static_cast<size_t>((sequence * t + i) * s.heads + head)] = static_cast<float>(largest + std::log(total));
        double rowSum = 0;
        const auto outAt = [&](int d) { return static_cast<size_t>((sequence * t + i) * s.width() + head * s.headSize + d); };
        for (int d = 0; d < s.headSize; d++) {
          double sum = 0;
          for (int j = start; j <= i; j++) sum += p[static_cast<size_t>(j)] * qkv[place(j, v + d)];
          e.out[outAt(d)] = static_cast<float>(sum);
          rowSum += sum * dOut[outAt(d)];
        }
        e.rowSums[static_cast<size_t>((sequence * t + i) * s.heads + head)] = static_cast<float>(rowSum);
        for (int j = start; j <= i; j++) {
          double dP = 0;
          for (int d = 0; d < s.headSize; d++) dP += static_cast<double>(dOut[outAt(d)]) * qkv[place(j, v + d)];
          const double dS = p[static_cast<size_t>(j)] * (dP - rowSum) * scale;
          for (int d = 0; d < s.headSize; d++) {
            dQkv[place(i, q + d)] += dS * qkv[place(j, k + d)];
            dQkv[place(j, k + d)] += dS * qkv[place(i, q + d)];
            dQkv[place(j, v + d)] += p[static_cast<size_t>(j)] * dOut[outAt(d)];
          }
        }
      }
    }
  e.dQkv.assign(dQkv.begin(), dQkv.end());
  return e;
}

void testAttention(const Shape& s, Type type, bool documents, const AttentionTile* tile, int splits) {
  Values qkv, dOut;
  const Matrix input = createRandom(type, s.tokens(), s.qkvWidth(), qkv);
  const Matrix out = create(type, s.tokens(), s.width());
  const Matrix logSumExp = create(Type::f32, s.tokens(), s.heads);
  const Matrix rowSums = create(Type::f32, s.tokens(), s.heads);
  const Matrix gradient = createRandom(type, s.tokens(), s.width(), dOut);
  const Matrix dQkv = create(type, s.tokens(), s.qkvWidth());
  std::vector<int> starts;
  if (documents)
    for (int token = 0; token < s.tokens(); token++) {
      const int position = token % s.sequenceLength;
      starts.push_back(position - position % std::max(5, s.sequenceLength / 4));
    }
  const AttentionParams forward{input.address, documents ? createIntegers(starts).address : 0, out.address,
                                logSumExp.address, s.sequences, s.sequenceLength, s.heads, s.kvHeads, s.headSize,
                                input.ld, out.ld, logSumExp.ld};
  AttentionBackwardParams backward{forward, rowSums.address, gradient.address, dQkv.address, 0,
                                   gradient.ld, dQkv.ld, splits, 0};
  const bool bf16 = type == Type::bf16;
  const Grid warps{divideUp(s.tokens() * s.heads, 8)};
  const Grid rowSumThreads{divideUp(s.tokens() * s.heads * rowSumLanes(s.headSize), 256)};
  if (tile != nullptr) {
    launch(tile->forward, {s.sequences * s.heads, divideUp(s.sequenceLength, tile->queryRows)}, forward);
    backward.dQueries = createScratch(Type::f32, splits * s.tokens(), s.width()).address;
    backward.keyRows = tile->backwardKeyRows;
    launch(attentionRowSumsBf16, rowSumThreads, backward);
    launch(tile->backward, {s.sequences * s.kvHeads, splits}, backward);
    launch(attentionBackwardQueries, {divideUp(s.tokens() * s.width() / 8, 256)}, backward);
  } else {
    launch(bf16 ? attentionPlainBf16 : attentionPlainF32, warps, forward);
    launch(bf16 ? attentionRowSumsBf16 : attentionRowSumsF32, rowSumThreads, backward);
    launch(bf16 ? attentionPlainQueriesBf16 : attentionPlainQueriesF32, warps, backward);
    launch(bf16 ? attentionPlainKeysBf16 : attentionPlainKeysF32, {divideUp(s.tokens() * s.kvHeads, 8)}, backward);
  }
  const Expected expected = reference(s, qkv, starts, dOut);
  const std::string name = (tile != nullptr ? std::string(tile->forward.name) + " splits " + std::to_string(splits) : "attention_plain") +
                           " " + s.name(type, documents);
  expectClose(name + " out", read(out), expected.out, bf16 ? bf16Tolerance : f32Tolerance);
  expectClose(name + " log-sum-exp", read(logSumExp), expected.logSumExp, 2e-6);
  // Σ dOut ∘ out of the bf16-rounded out.
  expectClose(name + " row sums", read(rowSums), expected.rowSums, bf16 ? bf16Tolerance : f32Tolerance);
  expectClose(name + " dQkv", read(dQkv), expected.dQkv, bf16 ? 1e-2 : f32Tolerance);
}

const Suite plain("attention_plain", [] {
  const Shape shapes[] = {{1, 1, 1, 1, 2}, {2, 7, 4, 2, 6}, {1, 67, 3, 1, 16}, {2, 40, 2, 1, 100}};
  for (const Shape& shape : shapes)
    for (const Type type : {Type::bf16, Type::f32})
      for (const bool documents : {false, true}) testAttention(shape, type, documents, nullptr, 1);
});

const Suite tensorCores("attention_64", [] {
  const Shape shapes[] = {{1, 1, 1, 1, 8}, {2, 67, 4, 2, 16}, {1, 130, 2, 2, 64}, {2, 301, 2, 1, 64}, {1, 257, 3, 1, 40}};
  for (const Shape& shape : shapes)
    for (const bool documents : {false, true})
      for (const int splits : {1, 2}) {
        if (splits > divideUp(shape.sequenceLength, attentionTiles[0].backwardKeyRows)) continue;
        testAttention(shape, Type::bf16, documents, &attentionTiles[0], splits);
      }
  testAttention({1, 500, 1, 1, 64}, Type::bf16, true, &attentionTiles[0], 3);
});

const Suite wideHeads("attention_128", [] {
  const Shape shapes[] = {{1, 1, 1, 1, 72}, {2, 67, 4, 2, 128}, {1, 200, 2, 1, 80}};
  for (const Shape& shape : shapes)
    for (const bool documents : {false, true})
      for (const int splits : {1, 2}) {
        if (splits > divideUp(shape.sequenceLength, attentionTiles[1].backwardKeyRows)) continue;
        testAttention(shape, Type::bf16, documents, &attentionTiles[1], splits);
      }
});

const Suite cached("cached_attention", [] {
  for (const Type type : {Type::bf16, Type::f32})
    for (const int headSize : {8, 64, 100}) {
      const Shape s{2, 3, 4, 2, headSize};
      const int capacity = 9;
      const std::vector<int> positions = {0, 1, 2, 5, 6, 7};
      Values qkv, kept;
      const Matrix input = createRandom(type, s.tokens(), s.qkvWidth(), qkv);
      const Matrix cache = createRandom(type, 2 * capacity, 2 * s.kvHeads * headSize, kept);
      const Matrix out = create(type, s.tokens(), s.width());
      const CachedAttentionParams params{input.address, cache.address, out.address, createIntegers(positions).address,
                                         s.sequences, s.sequenceLength, s.heads, s.kvHeads, headSize, capacity,
                                         input.ld, cache.ld, out.ld};
      const bool bf16 = type == Type::bf16;
      const int kvWidth = 2 * s.kvHeads * headSize;
      launch(bf16 ? cacheAppendBf16 : cacheAppendF32, {divideUp(s.tokens() * kvWidth, 256)}, params);
      launch(bf16 ? cachedAttentionBf16 : cachedAttentionF32, {s.tokens(), s.heads}, params);
      for (int token = 0; token < s.tokens(); token++)
        for (int i = 0; i < kvWidth; i++)
          kept[static_cast<size_t>((token / 3 * capacity + positions[static_cast<size_t>(token)]) * kvWidth + i)] =
              qkv[static_cast<size_t>(token * s.qkvWidth() + s.width() + i)];
      Values expected;
      for (int token = 0; token < s.tokens(); token++)
        for (int head = 0; head < s.heads; head++) {
          const int kvHead = head * s.kvHeads / s.heads;
          std::vector<double> sums(static_cast<size_t>(headSize));
          double total = 0;
          for (int key = 0; key <= positions[static_cast<size_t>(token)]; key++) {
            const float* row = kept.data() + (token / 3 * capacity + key) * kvWidth + kvHead * headSize;
            double score = 0;
            for (int d = 0; d < headSize; d++)
              score += static_cast<double>(qkv[static_cast<size_t>(token * s.qkvWidth() + head * headSize + d)]) * row[d];
            const double weight = std::exp(score / std::sqrt(static_cast<double>(headSize)));
            total += weight;
            for (int d = 0; d < headSize; d++) sums[static_cast<size_t>(d)] += weight * row[s.kvHeads * headSize + d];
          }
          for (const double sum : sums) expected.push_back(static_cast<float>(sum / total));
        }
      const std::string name = "cached_attention of " + std::to_string(headSize) + (bf16 ? " bf16" : " f32");
      expectClose(name, read(out), expected, bf16 ? bf16Tolerance : f32Tolerance);
      expectClose(name + ", the cache", read(cache), kept, 0);
    }
});

}  // namespace
}  // namespace kernel_tests
