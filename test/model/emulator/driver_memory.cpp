/** The part of the emulated driver that allocates and copies: on a stream, in its order. */
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "device_memory.h"
#include "driver_streams.h"

namespace {

using namespace emulator;

bool onDevice(uint64_t address, size_t bytes) {
  const Allocation* allocation = allocationOf(address);
  return allocation != nullptr && allocationOf(address + (bytes == 0 ? 0 : bytes - 1)) == allocation;
}

template <class T>
T* at(uint64_t address) {
  return reinterpret_cast<T*>(address);
}

}  // namespace

extern "C" {

int cuMemGetInfo_v2(size_t* available, size_t* total) {
  std::lock_guard lock(mutex);
  *available = deviceBytes - allocatedBytes;
  *total = deviceBytes;
  return success;
}
int cuMemAlloc_v2(uint64_t* address, size_t bytes) {
  called(__func__);
  std::lock_guard lock(mutex);
  *address = allocate(bytes);
  return *address == 0 ? outOfMemory : success;
}
int cuMemFree_v2(uint64_t address) {
  called(__func__);
  std::lock_guard lock(mutex);
  drainAll();
  return release(address) ? success : invalidValue;
}
int cuMemAllocHost_v2(void** memory, size_t bytes) {
  called(__func__);
  *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  return *memory == nullptr ? outOfMemory : success;
}
int cuMemHostAlloc(void** memory, size_t bytes, unsigned) { return cuMemAllocHost_v2(memory, bytes); }
int cuMemFreeHost(void* memory) {
  called(__func__);
  std::lock_guard lock(mutex);
  drainAll();
  std::free(memory);
  return success;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, Stream* stream) {
  called(__func__);
  std::lock_guard lock(mutex);
  if (!onDevice(to, bytes)) return invalidValue;
  return enqueue(stream, [=] { return std::memcpy(at<void>(to), from, bytes), true; });
}
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, Stream* stream) {
  called(__func__);
  std::lock_guard lock(mutex);
  if (!onDevice(from, bytes)) return invalidValue;
  return enqueue(stream, [=] { return std::memcpy(to, at<void>(from), bytes), true; });
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, Stream* stream) {
  called(__func__);
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
  called(__func__);
  std::lock_guard lock(mutex);
  if (!onDevice(to, count)) return invalidValue;
  return enqueue(stream, [=] { return std::memset(at<void>(to), value, count), true; });
}
int cuMemsetD32Async(uint64_t to, unsigned value, size_t count, Stream* stream) {
  std::lock_guard lock(mutex);
  if (!onDevice(to, 4 * count)) return invalidValue;
  return enqueue(stream, [=] { return std::fill_n(at<unsigned>(to), count, value), true; });
}

}  // extern "C"
