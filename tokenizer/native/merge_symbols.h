#pragma once
#include <cstddef>
#include <cstdint>

#include "merge_table.h"

namespace apt3 {

/**
 * Merges a word's symbols in place: always the pair of lowest rank, of equal ones the leftmost, until none is left.
 * Returns how many remain, at the beginning of `symbols`.
 */
size_t mergeSymbols(uint32_t* symbols, size_t count, const MergeTable& merges);

}  // namespace apt3
