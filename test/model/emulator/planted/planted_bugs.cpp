// Runs one kernel with a planted bug: arguments are the driver library and the bug. What the harness finds, it prints.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "planted.h"

namespace {

void* library;

template <class... Arguments>
int call(const char* name, Arguments... arguments) {
  return reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name))(arguments...);
}

unsigned long long upload(const void* values, size_t bytes) {
  unsigned long long address = 0;
  call("cuMemAlloc_v2", &address, bytes);
  call("cuMemcpyHtoD_v2", address, values, bytes);
  return address;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  library = dlopen(words[1], RTLD_NOW);
  if (library == nullptr) return 2;
  constexpr int rows = 61, k = 128;
  constexpr uint16_t one = 0x3f80;
  const std::vector<uint16_t> a(rows * k, one), b(16 * k, one);
  std::vector<float> out(rows * 16);
  const planted::Params params{upload(a.data(), 2 * a.size()), upload(b.data(), 2 * b.size()),
                               upload(out.data(), 4 * out.size()), rows, k};
  void* module = nullptr;
  void* function = nullptr;
  call("cuModuleLoadData", &module, static_cast<const void*>(""));
  const std::string kernel = std::string("apt3_planted_") + words[2];
  if (call("cuModuleGetFunction", &function, module, kernel.c_str()) != 0) return 2;
  void* arguments[] = {const_cast<planted::Params*>(&params)};
  call("cuLaunchKernel", function, 2u, 1u, 1u, 64u, 1u, 1u, planted::sharedBytes, static_cast<void*>(nullptr),
       static_cast<void**>(arguments), static_cast<void**>(nullptr));
  const int result = call("cuCtxSynchronize");
  if (result != 0) return 1;
  call("cuMemcpyDtoH_v2", static_cast<void*>(out.data()), params.out, 4 * out.size());
  for (const float value : out)
    if (value != k) return std::printf("wrong result %g\n", value), 1;
  using Counter = unsigned long long (*)(const char*);
  const auto conflicts = reinterpret_cast<Counter>(dlsym(library, "apt3_bank_conflicts"))(kernel.c_str());
  std::printf("right result, %llu bank conflicts\n", conflicts);
  return 0;
}
