#include "device_memory.h"

#include <cstdlib>
#include <cstring>

#include "checker.h"

namespace emulator {

std::map<uintptr_t, Allocation> allocations;
size_t allocatedBytes = 0;

namespace {
constexpr size_t alignment = 256;
/** Between two allocations, so that a step over the end of one does not land in the next. */
constexpr size_t gap = 4096;
}  // namespace

uintptr_t allocate(size_t bytes) {
  if (bytes == 0 || allocatedBytes + bytes > deviceBytes) return 0;
  const size_t whole = (bytes + alignment - 1) / alignment * alignment + 2 * gap;
  auto* memory = static_cast<unsigned char*>(std::aligned_alloc(alignment, whole));
  if (memory == nullptr) return 0;
  std::memset(memory, 0xff, whole);
  const auto address = reinterpret_cast<uintptr_t>(memory) + gap;
  allocations[address] = {memory, bytes};
  allocatedBytes += bytes;
  return address;
}

uintptr_t startOf(const Allocation& allocation) { return reinterpret_cast<uintptr_t>(allocation.memory) + gap; }

bool release(uintptr_t address) {
  const auto found = allocations.find(address);
  if (found == allocations.end()) return false;
  allocatedBytes -= found->second.bytes;
  checker::forgetAllocation(&found->second);
  std::free(found->second.memory);
  allocations.erase(found);
  return true;
}

const Allocation* allocationOf(uintptr_t address) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin()) return nullptr;
  const auto& [start, allocation] = *--next;
  return address < start + allocation.bytes ? &allocation : nullptr;
}

}  // namespace emulator
