#include "measures.h"

namespace apt3 {

size_t LineReader::read(const Unit* text, size_t length, uint32_t* starts, uint8_t* signs, size_t capacity) const {
  size_t count = 0;
  for (size_t start = 0; start <= length; count++) {
    uint32_t all = 0, polishLetters = 0;
    size_t i = start;
    for (; i < length && text[i] != '\n'; i++) {
      const uint32_t entry = table[text[i]];
      all |= entry;
      polishLetters += entry / polish;
    }
    if (count < capacity) {
      const bool isFew = polishLetters <= static_cast<double>(i - start) * fewPolish;
      starts[count] = start;
      signs[count] = (all & (polish - 1)) | (isFew ? polish : 0);
    }
    start = i + 1;
  }
  return count;
}

}  // namespace apt3
