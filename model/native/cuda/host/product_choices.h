#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cublaslt.h"

namespace apt3::cuda {

/** How to compute products of one shape: the algorithm of cuBLASLt, or none for our own kernel. */
using ProductChoice = std::optional<LtAlgorithm>;

/** Milliseconds that each way to compute products of one shape was measured to take. */
struct ProductTimes {
  float own;
  /** Each algorithm that cuBLASLt offers and takes, the most promising first. */
  std::vector<std::pair<LtAlgorithm, float>> library;
};

/**
 * Which way was fastest for each shape, measured once and kept in a file, so that later runs on the same card with the
 * same driver compute the same bits. A file that cannot be read or written is as good as none. A line of it: the key,
 * `own` or `cublaslt`, the milliseconds of ours and of the library's best (`-` if it has none), the algorithm chosen.
 */
class ProductChoices {
 public:
  /** @param path empty: kept in memory only */
  explicit ProductChoices(std::string path);

  /** The choice for a key, which must not contain blanks; null if it was never measured. */
  const ProductChoice* find(const std::string& key) const;
  /** Chooses the fastest way: ours, unless another is faster by more than noise. */
  void add(const std::string& key, const ProductTimes& times);

 private:
  const std::string path_;
  std::map<std::string, ProductChoice> choices_;
};

}  // namespace apt3::cuda
