#include "products.h"

namespace apt3::cuda {
namespace {

bool compute(Gpu& gpu, const CublasLt& library, const ProductWays& ways, const LtAlgorithm& algorithm) {
  const DeviceAddress workspace = gpu.scratch(Scratch::product, CublasLt::workspaceBytes);
  if (!library.multiply(ways.product, algorithm, workspace, gpu.compute())) return false;
  if (ways.rest) ways.rest();
  return true;
}

/**
 * Times our kernel and cuBLASLt's ways on the operands themselves, adding where the product adds: how fast an algorithm
 * is depends on it, though the library's heuristic does not ask.
 */
ProductTimes measure(Gpu& gpu, const CublasLt& library, const ProductWays& ways) {
  ProductTimes times{gpu.time(ways.own), {}};
  constexpr int most = 8;
  for (const LtAlgorithm& algorithm : library.algorithms(ways.product, most)) {
    bool works = true;
    const float time = gpu.time([&] { works = works && compute(gpu, library, ways, algorithm); });
    if (works) times.library.emplace_back(algorithm, time);
  }
  return times;
}

}  // namespace

void computeProduct(Gpu& gpu, const std::string& key, const ProductWays& ways,
                    const std::function<ProductWays()>& trial) {
  if (FastProducts* fast = gpu.fastProducts()) {
    const ProductChoice* choice = fast->choices.find(key);
    if (choice == nullptr && !gpu.recording()) {
      fast->choices.add(key, measure(gpu, *fast->library, trial()));
      gpu.releaseUnused();
      choice = fast->choices.find(key);
    }
    if (choice != nullptr && choice->has_value() && compute(gpu, *fast->library, ways, **choice)) return;
  }
  ways.own();
}

}  // namespace apt3::cuda
