#pragma once
/**
 * A device for the kernels' own tests: matrices with padding, launches, comparison. It speaks to the CUDA driver's
 * interface in whatever library it is given: the CPU harness, or a card's driver.
 */
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels.h"

namespace kernel_tests {

using apt3::cuda::DeviceAddress;
using apt3::cuda::Kernel;

enum class Type { f32, bf16, i32 };

/** A row-major matrix on the device, padded to leading dimensions of a multiple of 8. */
struct Matrix {
  DeviceAddress address = 0;
  Type type = Type::f32;
  int rows = 0;
  int columns = 0;
  int ld = 0;
};

struct Grid {
  int x = 1, y = 1, z = 1;
};

/** Opens the driver library and loads modules from files (machine code or PTX). Ends the process on failure. */
void openDevice(const std::string& driver, const std::vector<std::string>& images);

void* driverFunction(const char* name);
/** The library is the CPU harness and not a card's driver. */
bool onHarness();
[[noreturn]] void stop(const std::string& message);

/** Calls a function of the driver, or ends the process: its types are those of the arguments, so they must be exact. */
template <class... Arguments>
void callDriver(const char* name, Arguments... arguments) {
  const int result = reinterpret_cast<int (*)(Arguments...)>(driverFunction(name))(arguments...);
  if (result != 0) stop(std::string(name) + " failed with " + std::to_string(result));
}

Matrix create(Type type, int rows, int columns);
/** The same, but as the device gave it: on the CPU harness full of NaN. For what a kernel must write before it reads. */
Matrix createScratch(Type type, int rows, int columns);
void write(const Matrix& matrix, const std::vector<float>& values);
/** Also checks that the padding still holds zeros. */
std::vector<float> read(const Matrix& matrix);
void freeAll();

/** Normal values in a new matrix; in `values` what the device really holds, so after rounding. */
Matrix createRandom(Type type, int rows, int columns, std::vector<float>& values, float scale = 1);
Matrix createIntegers(const std::vector<int>& values);

void launchBytes(const Kernel& kernel, Grid grid, const void* params, size_t bytes, unsigned sharedBytes);

template <class Params>
void launch(const Kernel& kernel, Grid grid, const Params& params, unsigned moreShared = 0) {
  launchBytes(kernel, grid, &params, sizeof(Params), kernel.sharedBytes + moreShared);
}

/** Reports a case; `tolerance` is relative to the largest expected value. */
void expectClose(const std::string& name, const std::vector<float>& actual, const std::vector<float>& expected,
                 double tolerance);
/** Reports a case by a condition. */
void expect(const std::string& name, bool holds);

float roundedToBf16(float value);

/** Every file of tests adds itself. */
struct Suite {
  Suite(const char* name, std::function<void()> run);
};

/** Largest error that bf16 results may have, relative to the largest value: half a unit in the last of 8 bits, and what
 *  the sums behind it add. */
constexpr double bf16Tolerance = 6e-3;
constexpr double f32Tolerance = 2e-6;

}  // namespace kernel_tests
