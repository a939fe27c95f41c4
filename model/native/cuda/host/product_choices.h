#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "cublaslt.h"

namespace apt3::cuda {

/** How to compute products of one shape: the algorithm of cuBLASLt, or none for our own kernel. */
using ProductChoice = std::optional<LtAlgorithm>;

/**
 * Which way was fastest for each shape, measured once and kept in a file, so that later runs on the same card with the
 * same driver compute the same bits. A file that cannot be read or written is as good as none.
 */
class ProductChoices {
 public:
  /** @param path empty: kept in memory only */
  explicit ProductChoices(std::string path);

  /** The choice for a key, which must not contain blanks; null if it was never measured. */
  const ProductChoice* find(const std::string& key) const;
  void add(const std::string& key, const ProductChoice& choice);

 private:
  const std::string path_;
  std::map<std::string, ProductChoice> choices_;
};

/** The index of the smallest of the times; 0, our own kernel, unless another is faster by more than noise. */
size_t fastest(const std::vector<float>& milliseconds);

}  // namespace apt3::cuda
