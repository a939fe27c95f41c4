#include "measures.h"

namespace apt3 {

void TrigramReader::read(const Unit* text, size_t length, Share& share) const {
  uint32_t first = 0, second = 0;
  for (size_t i = 0; i <= length; i++) {
    const uint32_t third = i == length ? 0 : codes[text[i]];
    const uint32_t isCounted = second != 0;
    share.all += isCounted;
    share.unlikely += isCounted & unlikely[(first * symbols + second) * symbols + third];
    first = second;
    second = third;
  }
}

}  // namespace apt3
