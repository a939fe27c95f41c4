#include <algorithm>

#include "measures.h"

namespace apt3 {
namespace {

uint32_t mix(uint32_t hash, uint32_t word) {
  const uint32_t mixed = (hash ^ word) * 0x9e3779b1;
  return mixed ^ (mixed >> 15);
}

uint64_t sum(const uint16_t* lengths, size_t start, size_t end) {
  uint64_t characters = 0;
  for (size_t i = start; i < end; i++) characters += lengths[i];
  return characters;
}

uint32_t ngramHash(const uint32_t* hashes, size_t n) {
  uint32_t hash = 0;
  for (size_t i = 0; i < n; i++) hash = mix(hash, hashes[i]);
  return hash;
}

}  // namespace

void NgramReader::clear(size_t entries) {
  const size_t size = std::bit_ceil(entries + entries / 2 + 2);
  if (entries_.size() < size || entries_.size() > 64 * size) entries_ = std::vector<Entry>(size);
  else std::fill_n(entries_.begin(), size, Entry{});
  mask_ = size - 1;
}

inline uint32_t NgramReader::add(uint32_t hash) {
  size_t slot = hash & mask_;
  // asked at once whether a slot is another hash's: whether it is free, no branch could guess
  while ((entries_[slot].count != 0) & (entries_[slot].hash != hash)) slot = (slot + 1) & mask_;
  entries_[slot].hash = hash;
  return ++entries_[slot].count;
}

void NgramReader::readBounds(const uint32_t* hashes, const uint16_t* lengths, size_t words, double* top,
                             double* repeated) {
  uint64_t most[longestTop + 1] = {}, characters[longestRepeated + 1] = {};
  size_t counted[longestRepeated + 1] = {};
  clear(words);
  size_t run = 0;
  uint32_t previous = 0, beforePrevious = 0;
  for (size_t i = 0; i + 2 <= words; i++) {
    const uint32_t occurrences = add(ngramHash(hashes + i, 2));
    if (occurrences < 2) {
      run = 0;
      continue;
    }
    run++;
    const auto raise = [&](size_t n, size_t start, uint32_t times) {
      most[n] = std::max(most[n], times * sum(lengths, start, start + n));
    };
    raise(2, i, occurrences);
    if (run >= 2) raise(3, i - 1, std::min(occurrences, previous));
    if (run >= 3) raise(4, i - 2, std::min({occurrences, previous, beforePrevious}));
    beforePrevious = previous;
    previous = occurrences;
    for (size_t n = 5; n <= longestRepeated && run >= n - 1; n++) {
      const size_t start = i + 2 - n;
      characters[n] += sum(lengths, std::max(start, counted[n]), start + n);
      counted[n] = start + n;
    }
  }
  std::copy(std::begin(most), std::end(most), top);
  std::copy(std::begin(characters), std::end(characters), repeated);
}

double NgramReader::top(const uint32_t* hashes, const uint16_t* lengths, size_t words, size_t n) {
  clear(words);
  uint64_t most = 0;
  for (size_t i = 0; i + n <= words; i++) {
    const uint32_t occurrences = add(ngramHash(hashes + i, n));
    if (occurrences > 1) most = std::max(most, occurrences * sum(lengths, i, i + n));
  }
  return static_cast<double>(most);
}

double NgramReader::repeated(const uint32_t* hashes, const uint16_t* lengths, size_t words, size_t n) {
  clear(words);
  uint64_t duplicate = 0;
  for (size_t i = 0; i + n <= words;) {
    const bool isRepeated = add(ngramHash(hashes + i, n)) > 1;
    if (isRepeated) duplicate += sum(lengths, i, i + n);
    i += isRepeated ? n : 1;
  }
  return static_cast<double>(duplicate);
}

}  // namespace apt3
