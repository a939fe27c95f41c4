#include <algorithm>

#include "measures.h"

namespace apt3 {
namespace {

uint32_t mix(uint32_t hash, uint32_t word) {
  const uint32_t mixed = (hash ^ word) * 0x9e3779b1;
  return mixed ^ (mixed >> 15);
}

double sum(const uint16_t* lengths, size_t start, size_t end) {
  double characters = 0;
  for (size_t i = start; i < end; i++) characters += lengths[i];
  return characters;
}

}  // namespace

void NgramBounds::read(const uint32_t* hashes, const uint16_t* lengths, size_t words, double* top, double* repeated) {
  std::fill_n(top, longestTop + 1, 0);
  std::fill_n(repeated, longestRepeated + 1, 0);
  size_t counted[longestRepeated + 1] = {};
  const size_t size = std::bit_ceil(words + words / 2 + 2);
  if (entries_.size() < size || entries_.size() > 64 * size) entries_ = std::vector<Entry>(size);
  else std::fill_n(entries_.begin(), size, Entry{});
  const size_t mask = size - 1;
  size_t run = 0;
  uint32_t previous = 0, beforePrevious = 0;
  for (size_t i = 0; i + 2 <= words; i++) {
    const uint32_t hash = mix(mix(0, hashes[i]), hashes[i + 1]);
    size_t slot = hash & mask;
    while (entries_[slot].count != 0 && entries_[slot].hash != hash) slot = (slot + 1) & mask;
    entries_[slot].hash = hash;
    const uint32_t occurrences = ++entries_[slot].count;
    if (occurrences < 2) {
      run = 0;
      continue;
    }
    run++;
    const auto raise = [&](size_t n, size_t start, uint32_t times) {
      top[n] = std::max(top[n], times * sum(lengths, start, start + n));
    };
    raise(2, i, occurrences);
    if (run >= 2) raise(3, i - 1, std::min(occurrences, previous));
    if (run >= 3) raise(4, i - 2, std::min({occurrences, previous, beforePrevious}));
    beforePrevious = previous;
    previous = occurrences;
    for (size_t n = 5; n <= longestRepeated && run >= n - 1; n++) {
      const size_t start = i + 2 - n;
      repeated[n] += sum(lengths, std::max(start, counted[n]), start + n);
      counted[n] = start + n;
    }
  }
}

}  // namespace apt3
