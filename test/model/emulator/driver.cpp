/**
 * The part of the CUDA driver's interface that the cuda backend uses, over the CPU harness: a stand-in for libcuda.so.1,
 * so that the host code runs unchanged. Here: the device, its kernels and their launches.
 */
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "block.h"
#include "device_memory.h"
#include "driver_streams.h"

namespace {

using namespace emulator;

struct Function {
  std::string name;
  KernelFunction code;
  size_t paramBytes;
  unsigned threads;
  unsigned mostShared = 48 * 1024;
};

/** A figure of the emulated card that a test can change, in an environment variable APT3_EMULATOR_… */
int setting(const char* name, int usual) {
  const char* given = std::getenv(("APT3_EMULATOR_" + std::string(name)).c_str());
  return given == nullptr ? usual : std::atoi(given);
}

/** Attributes by their number in the driver's interface; a small card of the RTX 40 family. */
int attribute(int which) {
  switch (which) {
    case 1: return 1024;            // threads a block
    case 8: return 48 * 1024;       // shared memory a block
    case 10: return 32;             // warp size
    case 13: return 2000000;        // clock, kHz
    case 16: return 4;              // multiprocessors
    case 36: return 1000000;        // memory clock, kHz
    case 37: return 128;            // memory bus, bits
    case 38: return 1 << 18;        // L2 bytes
    case 39: return 1536;           // threads a multiprocessor
    case 75: return setting("CAPABILITY", 89) / 10;
    case 76: return setting("CAPABILITY", 89) % 10;
    case 81: return 100 * 1024;     // shared memory a multiprocessor
    case 97: return 99 * 1024;      // shared memory a block may ask for
    case 115: return 1;             // memory pools
    default: return 0;
  }
}

}  // namespace

extern "C" {

/** Tells the harness from a card's driver. */
extern const int apt3_harness;
const int apt3_harness = 1;

int cuInit(unsigned) { return setting("INIT", success); }
int cuDriverGetVersion(int* version) {
  *version = setting("DRIVER", 12090);
  return success;
}
int cuGetErrorName(int error, const char** name) {
  *name = error == launchFailed ? "CUDA_ERROR_LAUNCH_FAILED" : error == outOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR";
  return success;
}
int cuGetErrorString(int error, const char** text) {
  *text = error == launchFailed  ? "unspecified launch failure"
          : error == outOfMemory ? "out of memory"
          : error == notFound    ? "named symbol not found"
                                 : "invalid argument";
  return success;
}

int cuDeviceGetCount(int* count) {
  *count = setting("DEVICES", 1);
  return success;
}
int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return ordinal == 0 ? success : invalidValue;
}
int cuDeviceGetName(char* name, int size, int) {
  std::snprintf(name, static_cast<size_t>(size), "CPU harness");
  return success;
}
int cuDeviceGetAttribute(int* value, int which, int) {
  *value = attribute(which);
  return success;
}
int cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = deviceBytes;
  return success;
}
int cuDevicePrimaryCtxRetain(void** context, int) {
  static int only;
  *context = &only;
  return success;
}
int cuDevicePrimaryCtxRelease_v2(int) { return success; }
int cuDevicePrimaryCtxSetFlags_v2(int, unsigned) { return success; }
int cuCtxSetCurrent(void*) { return success; }

int cuModuleLoadData(void** module, const void*) {
  called(__func__);
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&cuModuleLoadData), &self) == 0) return invalidValue;
  *module = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  return *module == nullptr ? invalidValue : success;
}
int cuModuleLoadDataEx(void** module, const void* image, unsigned, int*, void**) {
  return cuModuleLoadData(module, image);
}
int cuModuleUnload(void*) { return success; }
int cuModuleGetFunction(Function** function, void* module, const char* name) {
  void* code = dlsym(module, name);
  const auto* shape = static_cast<const unsigned*>(dlsym(module, (std::string(name) + "_shape").c_str()));
  if (code == nullptr || shape == nullptr) return notFound;
  // Lives as long as the process, as a module's functions do.
  *function = new Function{name, reinterpret_cast<KernelFunction>(code), shape[0], shape[1]};
  return success;
}
int cuFuncSetAttribute(Function* function, int which, int value) {
  if (which == 8) function->mostShared = static_cast<unsigned>(value);
  return which == 8 && value > attribute(97) ? invalidValue : success;
}
int cuFuncGetAttribute(int* value, int, Function*) {
  *value = 0;
  return success;
}

int cuLaunchKernel(Function* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned sharedBytes, Stream* stream, void** params, void** extra) {
  called(__func__, function->name.c_str());
  std::lock_guard lock(mutex);
  if (blockY != 1 || blockZ != 1 || sharedBytes > function->mostShared || gridX == 0 || gridY == 0 || gridZ == 0 ||
      gridY > 65535 || gridZ > 65535 || blockX != function->threads)
    return invalidValue;
  // The one parameter struct comes by a pointer, or with its size in the driver's list of (key, value) pairs.
  if (params == nullptr && *static_cast<size_t*>(extra[3]) != function->paramBytes) return invalidValue;
  std::vector<uint64_t> copy((function->paramBytes + 7) / 8);
  std::memcpy(copy.data(), params != nullptr ? params[0] : extra[1], function->paramBytes);
  return enqueue(stream, [=, copy = std::move(copy)] {
    const std::string error = runKernel({function->name.c_str(),
                                         function->code,
                                         copy.data(),
                                         function->paramBytes,
                                         {static_cast<int>(gridX), static_cast<int>(gridY), static_cast<int>(gridZ)},
                                         static_cast<int>(blockX),
                                         sharedBytes});
    if (!error.empty()) std::fprintf(stderr, "CPU harness: %s\n", error.c_str());
    return error.empty();
  }, true);
}

}  // extern "C"
