#include "cublaslt.h"

#include <dlfcn.h>

namespace apt3::cuda {
namespace {

// Values of cublasLt.h and library_types.h.
constexpr int float32 = 0, bfloat16 = 14, computeFloat32 = 68;
constexpr int transposeAttributeA = 3, transposeAttributeB = 4, preferenceWorkspace = 1;

struct HeuristicResult {
  LtAlgorithm algorithm;
  size_t workspaceBytes;
  int status;
  float waves;
  int reserved[4];
};

}  // namespace

struct CublasLt::Functions {
  int (*create)(void**);
  int (*destroy)(void*);
  size_t (*version)();
  int (*descriptorCreate)(void**, int compute, int scale);
  int (*descriptorSet)(void*, int attribute, const void*, size_t);
  int (*descriptorDestroy)(void*);
  int (*layoutCreate)(void**, int type, uint64_t rows, uint64_t columns, int64_t ld);
  int (*layoutDestroy)(void*);
  int (*preferenceCreate)(void**);
  int (*preferenceSet)(void*, int attribute, const void*, size_t);
  int (*preferenceDestroy)(void*);
  int (*heuristic)(void*, void*, void*, void*, void*, void*, void*, int, HeuristicResult*, int*);
  int (*multiply)(void*, void*, const void* alpha, const void*, void*, const void*, void*, const void* beta, const void*,
                  void*, void*, void*, const LtAlgorithm*, void*, size_t, Stream);
};

/** What describes one product to the library; made for each call, which a recording does once. */
struct CublasLt::Descriptors {
  const Functions& functions;
  void *operation = nullptr, *a = nullptr, *b = nullptr, *out = nullptr, *plus = nullptr;
  bool made = false;

  Descriptors(const Functions& functions, const LtProduct& p) : functions(functions) {
    const int type = p.outFloat32 ? float32 : bfloat16;
    const int turnA = p.transposeA ? 1 : 0, turnB = p.transposeB ? 1 : 0;
    const auto layout = [&](void** to, int of, bool turned, int rows, int columns, int ld) {
      return functions.layoutCreate(to, of, static_cast<uint64_t>(turned ? columns : rows),
                                    static_cast<uint64_t>(turned ? rows : columns), ld) == 0;
    };
    made = functions.descriptorCreate(&operation, computeFloat32, float32) == 0 &&
           functions.descriptorSet(operation, transposeAttributeA, &turnA, sizeof turnA) == 0 &&
           functions.descriptorSet(operation, transposeAttributeB, &turnB, sizeof turnB) == 0 &&
           layout(&a, bfloat16, p.transposeA, p.n, p.k, p.lda) && layout(&b, bfloat16, p.transposeB, p.k, p.m, p.ldb) &&
           layout(&out, type, false, p.n, p.m, p.ldout) &&
           layout(&plus, type, false, p.n, p.m, p.plus == 0 ? p.ldout : p.ldplus);
  }
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors() {
    for (void* layout : {a, b, out, plus}) {
      if (layout != nullptr) functions.layoutDestroy(layout);
    }
    if (operation != nullptr) functions.descriptorDestroy(operation);
  }
};

std::unique_ptr<CublasLt> CublasLt::open(const std::string& path) {
  void* library = nullptr;
  if (!path.empty()) {
    library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  } else {
    for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12"}) {
      if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
  }
  if (library == nullptr) return nullptr;
  auto functions = std::make_unique<Functions>();
  bool complete = true;
  const auto find = [&]<class Function>(Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    complete = complete && function != nullptr;
  };
  find(functions->create, "cublasLtCreate");
  find(functions->destroy, "cublasLtDestroy");
  find(functions->version, "cublasLtGetVersion");
  find(functions->descriptorCreate, "cublasLtMatmulDescCreate");
  find(functions->descriptorSet, "cublasLtMatmulDescSetAttribute");
  find(functions->descriptorDestroy, "cublasLtMatmulDescDestroy");
  find(functions->layoutCreate, "cublasLtMatrixLayoutCreate");
  find(functions->layoutDestroy, "cublasLtMatrixLayoutDestroy");
  find(functions->preferenceCreate, "cublasLtMatmulPreferenceCreate");
  find(functions->preferenceSet, "cublasLtMatmulPreferenceSetAttribute");
  find(functions->preferenceDestroy, "cublasLtMatmulPreferenceDestroy");
  find(functions->heuristic, "cublasLtMatmulAlgoGetHeuristic");
  find(functions->multiply, "cublasLtMatmul");
  if (!complete) return nullptr;
  std::unique_ptr<CublasLt> opened(new CublasLt(std::move(functions)));
  return opened->handle_ == nullptr ? nullptr : std::move(opened);
}

CublasLt::CublasLt(std::unique_ptr<Functions> functions) : functions_(std::move(functions)) {
  if (functions_->create(&handle_) != 0) handle_ = nullptr;
}

CublasLt::~CublasLt() {
  if (handle_ != nullptr) functions_->destroy(handle_);
}

size_t CublasLt::version() const { return functions_->version(); }

std::vector<LtAlgorithm> CublasLt::algorithms(const LtProduct& product, int most) const {
  const Descriptors described(*functions_, product);
  void* preference = nullptr;
  if (!described.made || functions_->preferenceCreate(&preference) != 0) return {};
  const size_t workspace = workspaceBytes;
  functions_->preferenceSet(preference, preferenceWorkspace, &workspace, sizeof workspace);
  std::vector<HeuristicResult> results(static_cast<size_t>(most));
  int found = 0;
  const int status = functions_->heuristic(handle_, described.operation, described.a, described.b, described.plus,
                                           described.out, preference, most, results.data(), &found);
  functions_->preferenceDestroy(preference);
  std::vector<LtAlgorithm> usable;
  for (int i = 0; status == 0 && i < found; i++) {
    if (results[static_cast<size_t>(i)].status == 0) usable.push_back(results[static_cast<size_t>(i)].algorithm);
  }
  return usable;
}

bool CublasLt::multiply(const LtProduct& p, const LtAlgorithm& algorithm, DeviceAddress workspace,
                        Stream stream) const {
  const Descriptors described(*functions_, p);
  const float alpha = 1, beta = p.plus == 0 ? 0 : 1;
  const auto pointer = [](DeviceAddress address) { return reinterpret_cast<void*>(address); };
  return described.made &&
         functions_->multiply(handle_, described.operation, &alpha, pointer(p.a), described.a, pointer(p.b),
                              described.b, &beta, pointer(p.plus == 0 ? p.out : p.plus), described.plus,
                              pointer(p.out), described.out, &algorithm, pointer(workspace), workspaceBytes,
                              stream) == 0;
}

}  // namespace apt3::cuda
