#include "device.h"

#include <dlfcn.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

namespace kernel_tests {

namespace {

void* library;
std::vector<void*> modules;
std::vector<DeviceAddress> allocations;
int failures = 0;
bool paddingBroken = false;
std::set<std::string> launched;
std::vector<std::pair<std::string, std::function<void()>>>& suites() {
  static std::vector<std::pair<std::string, std::function<void()>>> all;
  return all;
}

size_t elementBytes(Type type) { return type == Type::bf16 ? 2 : 4; }

size_t bytesOf(const Matrix& matrix) {
  return static_cast<size_t>(matrix.rows) * static_cast<size_t>(matrix.ld) * elementBytes(matrix.type);
}

uint16_t bf16Bits(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float fromBf16(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

}  // namespace

void stop(const std::string& message) {
  std::printf("STOP %s\n", message.c_str());
  std::fflush(stdout);
  std::_Exit(1);
}

void* driverFunction(const char* name) {
  void* function = dlsym(library, name);
  if (function == nullptr) stop(std::string("the driver has no ") + name);
  return function;
}

bool onHarness() { return dlsym(library, "apt3_harness") != nullptr; }

float roundedToBf16(float value) { return fromBf16(bf16Bits(value)); }

Suite::Suite(const char* name, std::function<void()> run) { suites().emplace_back(name, std::move(run)); }

void openDevice(const std::string& driver, const std::vector<std::string>& images) {
  library = dlopen(driver.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) stop(dlerror());
  callDriver("cuInit", 0u);
  int device = 0;
  callDriver("cuDeviceGet", &device, 0);
  void* context = nullptr;
  callDriver("cuDevicePrimaryCtxRetain", &context, device);
  callDriver("cuCtxSetCurrent", context);
  for (const std::string& image : images) {
    std::ifstream file(image, std::ios::binary);
    std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
    content.push_back(0);
    callDriver("cuModuleLoadData", &modules.emplace_back(), static_cast<const void*>(content.data()));
  }
}

/** The modules of a real build hold the kernels of one source each. */
static void* functionNamed(const char* kernel) {
  const auto find = reinterpret_cast<int (*)(void**, void*, const char*)>(driverFunction("cuModuleGetFunction"));
  void* function = nullptr;
  for (void* module : modules) {
    if (find(&function, module, kernel) == 0) return function;
  }
  stop(std::string("no module has ") + kernel);
}

Matrix createScratch(Type type, int rows, int columns) {
  Matrix matrix{0, type, rows, columns, (columns + 7) / 8 * 8};
  callDriver("cuMemAlloc_v2", &matrix.address, bytesOf(matrix));
  allocations.push_back(matrix.address);
  return matrix;
}

Matrix create(Type type, int rows, int columns) {
  const Matrix matrix = createScratch(type, rows, columns);
  const std::vector<char> zeros(bytesOf(matrix));
  callDriver("cuMemcpyHtoD_v2", matrix.address, static_cast<const void*>(zeros.data()), zeros.size());
  return matrix;
}

void write(const Matrix& matrix, const std::vector<float>& values) {
  std::vector<char> bytes(bytesOf(matrix));
  for (int row = 0; row < matrix.rows; row++)
    for (int column = 0; column < matrix.columns; column++) {
      const float value = values[static_cast<size_t>(row * matrix.columns + column)];
      char* to = bytes.data() + static_cast<size_t>(row * matrix.ld + column) * elementBytes(matrix.type);
      const uint16_t bits = bf16Bits(value);
      if (matrix.type == Type::bf16) std::memcpy(to, &bits, 2);
      else std::memcpy(to, &value, 4);
    }
  callDriver("cuMemcpyHtoD_v2", matrix.address, static_cast<const void*>(bytes.data()), bytes.size());
}

std::vector<float> read(const Matrix& matrix) {
  std::vector<char> bytes(bytesOf(matrix));
  callDriver("cuCtxSynchronize");
  callDriver("cuMemcpyDtoH_v2", static_cast<void*>(bytes.data()), matrix.address, bytes.size());
  std::vector<float> values;
  for (int row = 0; row < matrix.rows; row++)
    for (int column = 0; column < matrix.ld; column++) {
      const char* from = bytes.data() + static_cast<size_t>(row * matrix.ld + column) * elementBytes(matrix.type);
      float value;
      uint16_t bits;
      std::memcpy(&bits, from, 2);
      if (matrix.type == Type::bf16) value = fromBf16(bits);
      else std::memcpy(&value, from, 4);
      if (column < matrix.columns) values.push_back(value);
      else if (value != 0) paddingBroken = true;
    }
  return values;
}

void freeAll() {
  for (const DeviceAddress address : allocations) callDriver("cuMemFree_v2", address);
  allocations.clear();
}

Matrix createRandom(Type type, int rows, int columns, std::vector<float>& values, float scale) {
  static std::mt19937 random(1);
  std::normal_distribution<float> normal(0, scale);
  values.resize(static_cast<size_t>(rows) * static_cast<size_t>(columns));
  for (float& value : values) value = type == Type::bf16 ? roundedToBf16(normal(random)) : normal(random);
  const Matrix matrix = create(type, rows, columns);
  write(matrix, values);
  return matrix;
}

Matrix createIntegers(const std::vector<int>& values) {
  Matrix matrix{0, Type::i32, static_cast<int>(values.size()), 1, 1};
  callDriver("cuMemAlloc_v2", &matrix.address, 4 * values.size());
  allocations.push_back(matrix.address);
  callDriver("cuMemcpyHtoD_v2", matrix.address, static_cast<const void*>(values.data()), 4 * values.size());
  return matrix;
}

void launchBytes(const Kernel& kernel, Grid grid, const void* params, size_t bytes, unsigned sharedBytes) {
  launched.insert(kernel.name);
  void* function = functionNamed(kernel.name);
  if (sharedBytes > 48 * 1024) callDriver("cuFuncSetAttribute", function, 8, static_cast<int>(sharedBytes));
  // CU_LAUNCH_PARAM_BUFFER_POINTER, its value, CU_LAUNCH_PARAM_BUFFER_SIZE, its value, end.
  void* arguments[] = {reinterpret_cast<void*>(1), const_cast<void*>(params), reinterpret_cast<void*>(2), &bytes, nullptr};
  callDriver("cuLaunchKernel", function, static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
       static_cast<unsigned>(grid.z), kernel.threads, 1u, 1u, sharedBytes, static_cast<void*>(nullptr),
       static_cast<void**>(nullptr), static_cast<void**>(arguments));
}

void expect(const std::string& name, bool holds) {
  std::printf("%s %s\n", holds && !paddingBroken ? "ok" : "FAIL", name.c_str());
  if (paddingBroken) std::printf("FAIL %s: padding is no longer zero\n", name.c_str());
  if (!holds || paddingBroken) failures++;
  paddingBroken = false;
}

void expectClose(const std::string& name, const std::vector<float>& actual, const std::vector<float>& expected,
                 double tolerance) {
  double scale = 0;
  double error = actual.size() == expected.size() ? 0 : INFINITY;
  for (size_t i = 0; i < expected.size() && i < actual.size(); i++) {
    scale = std::max(scale, std::fabs(static_cast<double>(expected[i])));
    const double difference = std::fabs(static_cast<double>(actual[i]) - expected[i]);
    // Written so that NaN counts as an error.
    if (!(difference <= error)) error = std::isnan(difference) ? INFINITY : difference;
  }
  const double relative = scale > 0 ? error / scale : error;
  char text[96];
  std::snprintf(text, sizeof(text), " (error %.2g of %.2g)", relative, tolerance);
  expect(name + text, relative <= tolerance);
}

int runSuites(const std::string& only) {
  // No other kernel can be right where fragments are not.
  std::stable_partition(suites().begin(), suites().end(), [](const auto& suite) { return suite.first == "fragments"; });
  for (const auto& [name, run] : suites()) {
    if (!only.empty() && name.find(only) == std::string::npos) continue;
    run();
    freeAll();
  }
  return failures;
}

/** Of the checked harness: for each kernel the turns that bank conflicts cost, and those that were necessary. */
void printBankConflicts() {
  using Counter = unsigned long long (*)(const char*);
  const auto conflicts = reinterpret_cast<Counter>(dlsym(library, "apt3_bank_conflicts"));
  const auto turns = reinterpret_cast<Counter>(dlsym(library, "apt3_bank_turns"));
  if (conflicts == nullptr || turns == nullptr) return;
  for (const std::string& name : launched)
    std::printf("banks %s %llu %llu\n", name.c_str(), conflicts(name.c_str()), turns(name.c_str()));
}

}  // namespace kernel_tests

/** Usage: kernel-tests DRIVER-LIBRARY [suite, all if empty] [module…]. */
int main(int count, char** words) {
  if (count < 2) return 2;
  // The harness brings the kernels itself, whatever module it is given.
  const std::vector<std::string> images(words + std::min(count, 3), words + count);
  kernel_tests::openDevice(words[1], images.empty() ? std::vector<std::string>{"/dev/null"} : images);
  const int failures = kernel_tests::runSuites(count > 2 ? words[2] : "");
  kernel_tests::printBankConflicts();
  std::printf("%d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
