/**
 * The part of the CUDA driver's interface that the cuda backend uses, over the CPU harness: a stand-in for libcuda.so.1,
 * so that the host code runs unchanged. Work is put off as long as it may be: a stream runs when something waits for it.
 * So a missing wait, or memory of the host that changes too early, gives wrong results here and not only on a fast card.
 */
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "block.h"
#include "device_memory.h"

namespace {

using namespace emulator;

enum Result { success = 0, invalidValue = 1, outOfMemory = 2, invalidHandle = 400, notFound = 500, launchFailed = 719 };

/** False if the work failed: every later call then fails too, as after an error on a card. */
using Work = std::function<bool()>;

struct Graph {
  std::vector<Work> nodes;
};

struct Stream {
  std::deque<Work> queue;
  /** Pieces of work that were ever queued, and that have run. */
  uint64_t queued = 0;
  uint64_t finished = 0;
  /** Where work goes while it is recorded. */
  std::shared_ptr<Graph> recording;
};

struct Event {
  Stream* stream = nullptr;
  uint64_t position = 0;
  std::shared_ptr<Graph> recording;
};

struct Function {
  std::string name;
  KernelFunction code;
  size_t paramBytes;
  unsigned threads;
  unsigned mostShared = 48 * 1024;
};

std::recursive_mutex mutex;
std::vector<Stream*> streams;
Stream defaultStream;
bool broken = false;

bool drain(Stream& stream, uint64_t until) {
  while (stream.finished < until && !stream.queue.empty()) {
    Work work = std::move(stream.queue.front());
    stream.queue.pop_front();
    stream.finished++;
    if (!broken && !work()) broken = true;
  }
  return !broken;
}

int drainAll() {
  drain(defaultStream, defaultStream.queued);
  for (Stream* stream : streams) drain(*stream, stream->queued);
  return broken ? launchFailed : success;
}

int enqueue(Stream* stream, Work work) {
  if (broken) return launchFailed;
  Stream& target = stream == nullptr ? defaultStream : *stream;
  if (target.recording != nullptr) {
    target.recording->nodes.push_back(std::move(work));
    return success;
  }
  target.queue.push_back(std::move(work));
  target.queued++;
  return success;
}

bool onDevice(uint64_t address, size_t bytes) {
  const Allocation* allocation = allocationOf(address);
  return allocation != nullptr && allocationOf(address + (bytes == 0 ? 0 : bytes - 1)) == allocation;
}

template <class T>
T* at(uint64_t address) {
  return reinterpret_cast<T*>(address);
}

/** Attributes by their number in the driver's interface; a small card of the RTX 40 family. */
/** A figure of the emulated card that a test can change, in an environment variable APT3_EMULATOR_… */
int setting(const char* name, int usual) {
  const char* given = std::getenv(("APT3_EMULATOR_" + std::string(name)).c_str());
  return given == nullptr ? usual : std::atoi(given);
}

int attribute(int which) {
  switch (which) {
    case 1: return 1024;            // threads a block
    case 8: return 48 * 1024;       // shared memory a block
    case 10: return 32;             // warp size
    case 13: return 2000000;        // clock, kHz
    case 16: return 4;              // multiprocessors
    case 36: return 1000000;        // memory clock, kHz
    case 37: return 128;            // memory bus, bits
    case 38: return 4 << 20;        // L2 bytes
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
int cuCtxSynchronize() {
  std::lock_guard lock(mutex);
  return drainAll();
}

int cuMemGetInfo_v2(size_t* available, size_t* total) {
  std::lock_guard lock(mutex);
  *available = deviceBytes - allocatedBytes;
  *total = deviceBytes;
  return success;
}
int cuMemAlloc_v2(uint64_t* address, size_t bytes) {
  std::lock_guard lock(mutex);
  *address = allocate(bytes);
  return *address == 0 ? outOfMemory : success;
}
int cuMemFree_v2(uint64_t address) {
  std::lock_guard lock(mutex);
  drainAll();
  return release(address) ? success : invalidValue;
}
int cuMemAllocHost_v2(void** memory, size_t bytes) {
  *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  return *memory == nullptr ? outOfMemory : success;
}
int cuMemHostAlloc(void** memory, size_t bytes, unsigned) { return cuMemAllocHost_v2(memory, bytes); }
int cuMemFreeHost(void* memory) {
  std::lock_guard lock(mutex);
  drainAll();
  std::free(memory);
  return success;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, Stream* stream) {
  std::lock_guard lock(mutex);
  if (!onDevice(to, bytes)) return invalidValue;
  return enqueue(stream, [=] { return std::memcpy(at<void>(to), from, bytes), true; });
}
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, Stream* stream) {
  std::lock_guard lock(mutex);
  if (!onDevice(from, bytes)) return invalidValue;
  return enqueue(stream, [=] { return std::memcpy(to, at<void>(from), bytes), true; });
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, Stream* stream) {
  std::lock_guard lock(mutex);
  if (!onDevice(to, bytes) || !onDevice(from, bytes)) return invalidValue;
  return enqueue(stream, [=] { return std::memcpy(at<void>(to), at<void>(from), bytes), true; });
}
int cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) {
  std::lock_guard lock(mutex);
  const int result = cuMemcpyHtoDAsync_v2(to, from, bytes, nullptr);
  return result == success ? drainAll() : result;
}
int cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) {
  std::lock_guard lock(mutex);
  const int result = cuMemcpyDtoHAsync_v2(to, from, bytes, nullptr);
  return result == success ? drainAll() : result;
}
int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes) {
  std::lock_guard lock(mutex);
  const int result = cuMemcpyDtoDAsync_v2(to, from, bytes, nullptr);
  return result == success ? drainAll() : result;
}
int cuMemsetD8Async(uint64_t to, unsigned char value, size_t count, Stream* stream) {
  std::lock_guard lock(mutex);
  if (!onDevice(to, count)) return invalidValue;
  return enqueue(stream, [=] { return std::memset(at<void>(to), value, count), true; });
}
int cuMemsetD32Async(uint64_t to, unsigned value, size_t count, Stream* stream) {
  std::lock_guard lock(mutex);
  if (!onDevice(to, 4 * count)) return invalidValue;
  return enqueue(stream, [=] { return std::fill_n(at<unsigned>(to), count, value), true; });
}

int cuModuleLoadData(void** module, const void*) {
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
  });
}

int cuStreamCreate(Stream** stream, unsigned) {
  std::lock_guard lock(mutex);
  *stream = new Stream;
  streams.push_back(*stream);
  return success;
}
int cuStreamDestroy_v2(Stream* stream) {
  std::lock_guard lock(mutex);
  drain(*stream, stream->queued);
  std::erase(streams, stream);
  delete stream;
  return success;
}
int cuStreamSynchronize(Stream* stream) {
  std::lock_guard lock(mutex);
  Stream& target = stream == nullptr ? defaultStream : *stream;
  return drain(target, target.queued) ? success : launchFailed;
}
int cuStreamQuery(Stream* stream) { return cuStreamSynchronize(stream); }

int cuEventCreate(Event** event, unsigned) {
  *event = new Event;
  return success;
}
int cuEventDestroy_v2(Event* event) {
  delete event;
  return success;
}
int cuEventRecord(Event* event, Stream* stream) {
  std::lock_guard lock(mutex);
  Stream& target = stream == nullptr ? defaultStream : *stream;
  *event = {&target, target.queued, target.recording};
  return broken ? launchFailed : success;
}
int cuEventSynchronize(Event* event) {
  std::lock_guard lock(mutex);
  return event->stream == nullptr || drain(*event->stream, event->position) ? success : launchFailed;
}
int cuEventQuery(Event* event) { return cuEventSynchronize(event); }
int cuEventElapsedTime(float* milliseconds, Event*, Event*) {
  *milliseconds = 0;
  return success;
}
int cuStreamWaitEvent(Stream* stream, Event* event, unsigned) {
  std::lock_guard lock(mutex);
  if (event->stream == nullptr) return success;
  Stream& target = stream == nullptr ? defaultStream : *stream;
  if (event->recording != nullptr) {
    // A stream that waits for recorded work joins the recording; its nodes stay in the order of the calls.
    target.recording = event->recording;
    return success;
  }
  if (target.recording != nullptr || event->stream == &target) return success;
  return enqueue(&target, [from = event->stream, position = event->position] { return drain(*from, position); });
}

int cuStreamBeginCapture_v2(Stream* stream, int) {
  std::lock_guard lock(mutex);
  stream->recording = std::make_shared<Graph>();
  return success;
}
int cuStreamEndCapture(Stream* stream, Graph** graph) {
  std::lock_guard lock(mutex);
  if (stream->recording == nullptr) return invalidValue;
  const std::shared_ptr<Graph> recorded = stream->recording;
  for (Stream* other : streams)
    if (other->recording == recorded) other->recording = nullptr;
  *graph = new Graph(*recorded);
  return success;
}
int cuGraphInstantiateWithFlags(Graph** executable, Graph* graph, unsigned long long) {
  *executable = new Graph(*graph);
  return success;
}
int cuGraphDestroy(Graph* graph) {
  delete graph;
  return success;
}
int cuGraphExecDestroy(Graph* executable) {
  std::lock_guard lock(mutex);
  drainAll();
  delete executable;
  return success;
}
int cuGraphUpload(Graph*, Stream*) { return success; }
int cuGraphLaunch(Graph* executable, Stream* stream) {
  std::lock_guard lock(mutex);
  return enqueue(stream, [nodes = executable->nodes] {
    for (const Work& work : nodes)
      if (!work()) return false;
    return true;
  });
}

}  // extern "C"
