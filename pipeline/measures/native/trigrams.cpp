#include <stdexcept>

#include "measures.h"

namespace apt3 {
namespace {

/** Bits of a letter's code: pairs of them are places in a table without a multiplication. */
constexpr size_t codeBits = 6, codeValues = 1 << codeBits, pairs = codeValues * codeValues;

}  // namespace

TrigramReader::TrigramReader(std::vector<uint8_t> codes, const std::vector<uint8_t>& unlikely, size_t symbols)
    : codes_(std::move(codes)), unlikely_(pairs) {
  if (symbols == 0 || symbols > codeValues) throw std::runtime_error("more symbols than there is room for");
  for (const uint8_t code : codes_)
    if (code >= symbols) throw std::runtime_error("a code beyond the symbols");
  for (size_t triple = 0; triple < symbols * symbols * symbols; triple++) {
    const size_t first = triple / symbols / symbols, second = triple / symbols % symbols, third = triple % symbols;
    // a bit a triple: a byte each would not fit the nearest cache. Triples around an edge of words are not counted
    if (second != 0) unlikely_[first << codeBits | second] |= uint64_t{unlikely[triple] != 0} << third;
  }
}

void TrigramReader::read(const Unit* text, size_t length, Share& share) const {
  uint32_t unlikely = 0, all = 0, pair = 0;
  const auto add = [&](uint32_t third) {
    const uint32_t second = pair % codeValues;
    all += second != 0;
    unlikely += unlikely_[pair] >> third & 1;
    pair = second << codeBits | third;
  };
  for (size_t i = 0; i < length; i++) add(codes_[text[i]]);
  add(0);
  share.all += all;
  share.unlikely += unlikely;
}

}  // namespace apt3
