#include "bpe_model.h"

#include <algorithm>
#include <queue>
#include <stdexcept>

#include "utf8.h"

namespace apt3 {

BpeModel::BpeModel(const std::vector<Id>& characters, const std::vector<Id>& merges, const BpeOptions& options)
    : merges_(merges), options_(options), direct_(kDirect, kNoId) {
  for (size_t i = 0; i + 1 < characters.size(); i += 2) {
    const int32_t id = static_cast<int32_t>(characters[i + 1]);
    if (characters[i] < kDirect)
      direct_[characters[i]] = id;
    else
      others_[characters[i]] = id;
  }
  if (direct_[' '] == kNoId) throw std::invalid_argument("the vocabulary has no \"▁\"");
}

bool BpeModel::encode(const uint8_t* word, size_t length) {
  // Above this many symbols a heap beats looking for the best pair again each time; the TypeScript engine's value.
  constexpr size_t kLong = 100;
  if (!readSymbols(word, length)) return false;
  if (symbols_.size() > kLong)
    mergeLong();
  else
    mergeShort();
  return true;
}

int32_t BpeModel::idOf(uint32_t codePoint) const {
  if (codePoint < kDirect) return direct_[codePoint];
  const auto found = others_.find(codePoint);
  return found == others_.end() ? kNoId : found->second;
}

bool BpeModel::readSymbols(const uint8_t* word, size_t length) {
  symbols_.clear();
  bool pendingUnk = false;  // the reference holds an unknown back until the next known character, past byte tokens
  const auto flush = [&] {
    if (pendingUnk) symbols_.push_back(static_cast<Id>(options_.unkId));
    pendingUnk = false;
  };
  for (size_t at = 0; at < length;) {
    const CodePoint character = readCodePoint(word + at, length - at);
    if (character.length == 0) return false;
    const int32_t id = idOf(character.value);
    if (id != kNoId) {
      flush();
      symbols_.push_back(static_cast<Id>(id));
    } else if (!pushBytes(word + at, character.length) && options_.unkId != kNoId) {
      if (!options_.fuseUnk) flush();
      pendingUnk = true;
    }
    at += character.length;
  }
  flush();
  return true;
}

/** Appends a character as its byte tokens, if there are all of them. */
bool BpeModel::pushBytes(const uint8_t* character, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (options_.byteIds[character[i]] == kNoId) return false;
  for (size_t i = 0; i < length; i++) symbols_.push_back(static_cast<Id>(options_.byteIds[character[i]]));
  return true;
}

/** Merges always the pair of lowest rank, of equal ones the leftmost, looking at all pairs each time. */
void BpeModel::mergeShort() {
  if (symbols_.size() < 2) return;
  pairs_.resize(symbols_.size() - 1);
  for (size_t i = 0; i < pairs_.size(); i++) pairs_[i] = merges_.find(symbols_[i], symbols_[i + 1]);
  while (!pairs_.empty()) {
    size_t best = 0;
    for (size_t i = 1; i < pairs_.size(); i++)
      if (pairs_[i].rank < pairs_[best].rank) best = i;
    if (pairs_[best].rank == kNeverMerges) return;
    symbols_[best] = pairs_[best].merged;
    symbols_.erase(symbols_.begin() + static_cast<ptrdiff_t>(best) + 1);
    pairs_.erase(pairs_.begin() + static_cast<ptrdiff_t>(best));
    if (best > 0) pairs_[best - 1] = merges_.find(symbols_[best - 1], symbols_[best]);
    if (best < pairs_.size()) pairs_[best] = merges_.find(symbols_[best], symbols_[best + 1]);
  }
}

/** The same with a heap: n log n for a word of any length. */
void BpeModel::mergeLong() {
  struct Candidate {
    uint32_t rank;
    uint32_t at;
    Id merged;
  };
  const auto isLater = [](const Candidate& a, const Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
  };
  std::priority_queue<Candidate, std::vector<Candidate>, decltype(isLater)> heap(isLater);
  const uint32_t length = static_cast<uint32_t>(symbols_.size());
  std::vector<uint32_t> next(length);
  std::vector<uint32_t> previous(length);
  std::vector<uint32_t> rankAt(length, kNeverMerges);
  const auto queue = [&](uint32_t at) {
    const Merge merge = next[at] < length ? merges_.find(symbols_[at], symbols_[next[at]]) : Merge{kNeverMerges, 0};
    rankAt[at] = merge.rank;
    if (merge.rank != kNeverMerges) heap.push({merge.rank, at, merge.merged});
  };
  for (uint32_t at = 0; at < length; at++) {
    next[at] = at + 1;
    previous[at] = at - 1;
  }
  for (uint32_t at = 0; at < length; at++) queue(at);
  while (!heap.empty()) {
    const auto [rank, at, merged] = heap.top();
    heap.pop();
    if (rankAt[at] != rank) continue;  // the pair here has changed since
    const uint32_t right = next[at];
    symbols_[at] = merged;
    rankAt[right] = kNeverMerges;
    next[at] = next[right];
    if (next[at] < length) previous[next[at]] = at;
    queue(at);
    if (at > 0) queue(previous[at]);
  }
  size_t count = 0;
  for (uint32_t at = 0; at < length; at = next[at]) symbols_[count++] = symbols_[at];
  symbols_.resize(count);
}

}  // namespace apt3
