// Stands in for libcublasLt.so: computes products with plain loops on the emulated device, whose memory is the host's.
// It takes its place on the stream as a function of the host, which a recording keeps too.
#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <utility>

namespace {

struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t ld;
};

struct Operation {
  int turned[2] = {0, 0};
};

struct Result {
  uint64_t algorithm[8];
  size_t workspaceBytes;
  int status;
  float waves;
  int reserved[4];
};

float load(const void* data, const Layout& layout, uint64_t row, uint64_t column) {
  const uint64_t at = row + column * static_cast<uint64_t>(layout.ld);
  if (layout.type == 0) return static_cast<const float*>(data)[at];
  const uint32_t word = static_cast<uint32_t>(static_cast<const uint16_t*>(data)[at]) << 16;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

void store(void* data, const Layout& layout, uint64_t row, uint64_t column, float value) {
  const uint64_t at = row + column * static_cast<uint64_t>(layout.ld);
  if (layout.type == 0) {
    static_cast<float*>(data)[at] = value;
    return;
  }
  uint32_t word;
  std::memcpy(&word, &value, sizeof word);
  static_cast<uint16_t*>(data)[at] = static_cast<uint16_t>((word + 0x7fff + ((word >> 16) & 1)) >> 16);
}

/** Enqueues work on a stream of the emulated driver; recordings may run it again, so it is kept for good. */
int enqueue(void* stream, std::function<void()> work) {
  static std::deque<std::function<void()>> kept;
  kept.push_back(std::move(work));
  void* driver = dlopen(std::getenv("APT3_FAKE_CUBLASLT_DRIVER"), RTLD_NOW | RTLD_NOLOAD);
  using Launch = int (*)(void*, void (*)(void*), void*);
  const auto run = [](void* function) { (*static_cast<std::function<void()>*>(function))(); };
  return reinterpret_cast<Launch>(dlsym(driver, "cuLaunchHostFunc"))(stream, run, &kept.back());
}

}  // namespace

extern "C" {

int cublasLtCreate(void** handle) { return *handle = new int, 0; }
int cublasLtDestroy(void* handle) { return delete static_cast<int*>(handle), 0; }
size_t cublasLtGetVersion() { return 999; }
int cublasLtMatmulDescCreate(void** made, int compute, int scale) {
  *made = new Operation;
  return compute == 68 && scale == 0 ? 0 : 7;
}
int cublasLtMatmulDescSetAttribute(void* operation, int attribute, const void* value, size_t) {
  if (attribute != 3 && attribute != 4) return 7;
  std::memcpy(&static_cast<Operation*>(operation)->turned[attribute - 3], value, sizeof(int));
  return 0;
}
int cublasLtMatmulDescDestroy(void* operation) { return delete static_cast<Operation*>(operation), 0; }
int cublasLtMatrixLayoutCreate(void** made, int type, uint64_t rows, uint64_t columns, int64_t ld) {
  *made = new Layout{type, rows, columns, ld};
  return ld >= static_cast<int64_t>(rows) ? 0 : 7;
}
int cublasLtMatrixLayoutDestroy(void* layout) { return delete static_cast<Layout*>(layout), 0; }
int cublasLtMatmulPreferenceCreate(void** made) { return *made = new int, 0; }
int cublasLtMatmulPreferenceSetAttribute(void*, int, const void*, size_t) { return 0; }
int cublasLtMatmulPreferenceDestroy(void* preference) { return delete static_cast<int*>(preference), 0; }
int cublasLtMatmulAlgoGetHeuristic(void*, void*, void*, void*, void*, void*, void*, int most, Result* results,
                                   int* found) {
  *found = most < 2 ? most : 2;
  for (int i = 0; i < *found; i++) results[i] = {{7, static_cast<uint64_t>(i)}, 0, 0, 1, {}};
  return 0;
}
int cublasLtMatmul(void*, void* operationPointer, const void* alpha, const void* a, void* aLayout, const void* b,
                   void* bLayout, const void* beta, const void* c, void* cLayout, void* d, void* dLayout,
                   const uint64_t* algorithm, void*, size_t, void* stream) {
  if (algorithm[0] != 7) return 7;
  const Operation operation = *static_cast<Operation*>(operationPointer);
  const Layout left = *static_cast<Layout*>(aLayout), right = *static_cast<Layout*>(bLayout);
  const Layout plus = *static_cast<Layout*>(cLayout), out = *static_cast<Layout*>(dLayout);
  const uint64_t inner = operation.turned[0] ? left.rows : left.columns;
  if ((operation.turned[1] ? right.columns : right.rows) != inner) return 7;
  const float scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  return enqueue(stream, [=] {
    for (uint64_t column = 0; column < out.columns; column++) {
      for (uint64_t row = 0; row < out.rows; row++) {
        double sum = 0;
        for (uint64_t k = 0; k < inner; k++) {
          sum += static_cast<double>(operation.turned[0] ? load(a, left, k, row) : load(a, left, row, k)) *
                 (operation.turned[1] ? load(b, right, column, k) : load(b, right, k, column));
        }
        const float added = keep == 0 ? 0 : keep * load(c, plus, row, column);
        store(d, out, row, column, scale * static_cast<float>(sum) + added);
      }
    }
  });
}

}
