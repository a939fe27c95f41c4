#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "driver.h"

namespace apt3::cuda {

/** A product as cuBLASLt sees it, which thinks in columns: our row-major out[m,n] is its n×m matrix. */
struct LtProduct {
  /** Our b and a, in this order, are its A and B; m and n are ours. */
  DeviceAddress a, b, plus, out;
  int m, n, k;
  int lda, ldb, ldplus, ldout;
  bool transposeA, transposeB;
  bool outFloat32;
};

/** How cuBLASLt would compute a product: opaque, but can be stored (512 bits). */
struct LtAlgorithm {
  uint64_t data[8];
};

/** NVIDIA's matrix products, opened at run time where they are installed; the declarations are ours (see driver.h). */
class CublasLt {
 public:
  /** Null where the library is not there or cannot be used. `path` empty: the newest that the system finds. */
  static std::unique_ptr<CublasLt> open(const std::string& path);
  ~CublasLt();
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  static constexpr size_t workspaceBytes = 32 << 20;

  size_t version() const;
  /** Up to `most` ways to compute a product, the most promising first; none where it cannot. */
  std::vector<LtAlgorithm> algorithms(const LtProduct& product, int most) const;
  /** Enqueues the product; `workspace` has `workspaceBytes`. False where the algorithm does not take it. */
  bool multiply(const LtProduct& product, const LtAlgorithm& algorithm, DeviceAddress workspace, Stream stream) const;

 private:
  struct Functions;
  struct Descriptors;
  explicit CublasLt(std::unique_ptr<Functions> functions);

  std::unique_ptr<Functions> functions_;
  void* handle_ = nullptr;
};

}  // namespace apt3::cuda
