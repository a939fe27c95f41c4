/**
 * The checked build: kernels are compiled with -fsanitize=thread, but linked against the hooks below, so every access
 * they make to memory is seen without a change to their source. Checked are bounds, alignment (by -fsanitize=alignment),
 * races within a block and between blocks, reads of unwritten memory and of unfinished copies; bank conflicts are
 * counted.
 */
#include "checker.h"

#if defined(APT3_CHECKED)

#include <link.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <unordered_map>

#include "bank_conflicts.h"
#include "device_memory.h"
#include "shadow.h"

namespace emulator::checker {

namespace {

constexpr size_t granule = 2;
int launchCount = 0;
const Launch* launch;
bool active = false;
std::vector<Shadow> sharedShadow;
std::unordered_map<const Allocation*, std::vector<Shadow>> deviceShadow;

/** Addresses that are no business of the checker: the harness's own library, with its constants and variables. */
struct Range {
  uintptr_t start = 0, end = 0;
  bool holds(uintptr_t address) const { return address >= start && address < end; }
};

Range ownLibrary() {
  Range own;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* result) {
        const auto inside = reinterpret_cast<uintptr_t>(&launchCount);
        Range range{~uintptr_t{0}, 0};
        for (int i = 0; i < info->dlpi_phnum; i++) {
          if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
          const uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
          range.start = std::min(range.start, start);
          range.end = std::max(range.end, start + info->dlpi_phdr[i].p_memsz);
        }
        if (!range.holds(inside)) return 0;
        *static_cast<Range*>(result) = range;
        return 1;
      },
      &own);
  return own;
}

Access currentAccess() {
  const int thread = position.thread;
  const int blockIndex = position.block[0] + position.grid[0] * (position.block[1] + position.grid[1] * position.block[2]);
  return {launchCount, blockIndex, thread, thread / warpSize, block.epoch,
          block.warps[static_cast<size_t>(thread / warpSize)].epoch};
}

[[noreturn]] void failAt(const char* what, const char* where, size_t offset, const Access& by) {
  fail("thread " + std::to_string(by.thread) + " " + what + ", " + where + " byte " + std::to_string(offset));
}

/** The shadow of the bytes, or null for memory that is not the kernel's. `where` and `offset` are for messages. */
Shadow* shadowOf(uintptr_t address, size_t bytes, const char*& where, size_t& offset) {
  const auto shared = reinterpret_cast<uintptr_t>(position.shared);
  if (address >= shared && address < shared + mostSharedBytes) {
    where = "shared memory";
    offset = address - shared;
    if (offset + bytes > launch->sharedBytes) fail("an access behind the block's shared memory, byte " + std::to_string(offset));
    return &sharedShadow[offset / granule];
  }
  if (stacks.holds(address)) return nullptr;
  static const Range own = ownLibrary();
  if (own.holds(address)) return nullptr;
  const auto params = reinterpret_cast<uintptr_t>(launch->params);
  if (address >= params && address < params + launch->paramBytes) return nullptr;
  const Allocation* allocation = allocationOf(address);
  if (allocation == nullptr || allocationOf(address + bytes - 1) != allocation)
    fail("an access outside every allocation of device memory, by thread " + std::to_string(position.thread));
  where = "device memory";
  offset = address - startOf(*allocation);
  std::vector<Shadow>& shadows = deviceShadow[allocation];
  if (shadows.empty()) {
    shadows.resize(allocation->bytes / granule + 1);
    // Device memory that nobody wrote holds NaN: results tell.
    for (Shadow& shadow : shadows) shadow.content = Content::written;
  }
  return &shadows[offset / granule];
}

void access(const void* at, size_t bytes, bool writing, const void* instruction) {
  if (!active) return;
  const auto address = reinterpret_cast<uintptr_t>(at);
  const char* where = "";
  size_t offset = 0;
  Shadow* shadow = shadowOf(address, bytes, where, offset);
  if (shadow == nullptr) return;
  const Access by = currentAccess();
  for (size_t i = 0; i < (bytes + granule - 1) / granule; i++) {
    const char* wrong = writing ? shadow[i].write(by, Content::written) : shadow[i].read(by);
    if (wrong != nullptr) failAt(wrong, where, offset + i * granule, by);
  }
  if (where[0] == 's') banks::note(by.thread, instruction, static_cast<unsigned>(offset), static_cast<unsigned>(bytes));
}

}  // namespace

void forgetAllocation(const Allocation* allocation) { deviceShadow.erase(allocation); }

void startLaunch(const Launch& next) {
  launchCount++;
  launch = &next;
  banks::startLaunch(next.name);
}

void startBlock(const unsigned char*, unsigned bytes) {
  sharedShadow.assign(bytes / granule + 1, Shadow{});
  banks::startBlock();
  active = true;
}

void endBlock() { active = false; }

void loadMatrixRows(const unsigned char* const* rows) {
  const int self = position.thread;
  const int first = self - self % warpSize;
  unsigned offsets[warpSize];
  for (int lane = 0; lane < warpSize; lane++) {
    const auto offset = static_cast<size_t>(rows[lane] - position.shared);
    offsets[lane] = static_cast<unsigned>(offset);
    Access by = currentAccess();
    by.thread = first + lane;
    for (size_t i = 0; i < 8; i++) {
      const char* wrong = sharedShadow[offset / granule + i].read(by);
      if (wrong != nullptr) failAt(wrong, "ldmatrix, shared memory", offset + i * granule, by);
    }
  }
  banks::countRows(offsets);
}

void startCopy(const unsigned char* shared, const void* global, int bytes, int size) {
  if (bytes > 0) access(global, static_cast<size_t>(bytes), false, nullptr);
  const auto offset = static_cast<size_t>(shared - position.shared);
  const Access by = currentAccess();
  for (size_t i = 0; i < static_cast<size_t>(size) / granule; i++) {
    const char* wrong = sharedShadow[offset / granule + i].write(by, Content::inFlight);
    if (wrong != nullptr) failAt(wrong, "cp.async, shared memory", offset + i * granule, by);
  }
  banks::note(by.thread, __builtin_return_address(0), static_cast<unsigned>(offset), static_cast<unsigned>(size));
}

void finishCopy(const unsigned char* shared, int size) {
  const auto offset = static_cast<size_t>(shared - position.shared);
  const Access by = currentAccess();
  for (size_t i = 0; i < static_cast<size_t>(size) / granule; i++)
    sharedShadow[offset / granule + i].write(by, Content::written);
}

void passCollective(int warp) { banks::passCollective(warp); }

}  // namespace emulator::checker

// The names that gcc's thread and alignment sanitizers call.
extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}

#define APT3_HOOKS(bytes)                                                              \
  void __tsan_read##bytes(void* at) {                                                  \
    emulator::checker::access(at, bytes, false, __builtin_return_address(0));          \
  }                                                                                    \
  void __tsan_write##bytes(void* at) {                                                 \
    emulator::checker::access(at, bytes, true, __builtin_return_address(0));           \
  }
#define APT3_UNALIGNED_HOOKS(bytes)                                                    \
  void __tsan_unaligned_read##bytes(void* at) {                                        \
    emulator::checker::access(at, bytes, false, __builtin_return_address(0));          \
  }                                                                                    \
  void __tsan_unaligned_write##bytes(void* at) {                                       \
    emulator::checker::access(at, bytes, true, __builtin_return_address(0));           \
  }
APT3_HOOKS(1)
APT3_HOOKS(2)
APT3_HOOKS(4)
APT3_HOOKS(8)
APT3_HOOKS(16)
APT3_UNALIGNED_HOOKS(2)
APT3_UNALIGNED_HOOKS(4)
APT3_UNALIGNED_HOOKS(8)
APT3_UNALIGNED_HOOKS(16)

void __tsan_read_range(void* at, unsigned long bytes) {
  emulator::checker::access(at, bytes, false, __builtin_return_address(0));
}
void __tsan_write_range(void* at, unsigned long bytes) {
  emulator::checker::access(at, bytes, true, __builtin_return_address(0));
}

void __ubsan_handle_type_mismatch_v1(void*, void* at) {
  emulator::fail("thread " + std::to_string(emulator::position.thread) + " uses the misaligned address " +
                 std::to_string(reinterpret_cast<uintptr_t>(at) % 16) + " modulo 16");
}

}  // extern "C"

#endif
