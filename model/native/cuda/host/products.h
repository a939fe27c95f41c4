#pragma once
#include <functional>
#include <string>

#include "gpu.h"

namespace apt3::cuda {

/** The two ways to compute one product with what belongs to it. */
struct ProductWays {
  /** Enqueues our kernel. */
  std::function<void()> own;
  LtProduct product;
  /** Enqueues what must follow the library's product, where our kernel does more than a product; else empty. */
  std::function<void()> rest = {};
};

/**
 * Enqueues a product in the way that is faster for its shape on this card, which is measured when a shape first comes,
 * unless that happens in a recording: then ours is taken.
 *
 * @param key the shape and what else decides the speed, without blanks
 * @param trial the same on results of its own, which it may overwrite again and again
 */
void computeProduct(Gpu& gpu, const std::string& key, const ProductWays& ways,
                    const std::function<ProductWays()>& trial);

}  // namespace apt3::cuda
