#pragma once
/** The device's memory: blocks of the host's, kept apart so that the checker can tell where one ends. */
#include <cstddef>
#include <cstdint>
#include <map>

namespace emulator {

struct Allocation {
  unsigned char* memory;
  size_t bytes;
};

/** By address of the first byte. */
extern std::map<uintptr_t, Allocation> allocations;
extern size_t allocatedBytes;
constexpr size_t deviceBytes = size_t{8} << 30;

/** 0 if the device is full. Filled with bytes that read as NaN. */
uintptr_t allocate(size_t bytes);
bool release(uintptr_t address);

/** Address of an allocation's first byte. */
uintptr_t startOf(const Allocation& allocation);
/** The allocation that holds the address, or null. */
const Allocation* allocationOf(uintptr_t address);

}  // namespace emulator
