// cp.async: as lazy as the hardware may be, so that a missing wait shows.
#include <cstring>

#include "block.h"
#include "checker.h"

namespace emulator {

void copyAsync(void* shared, const void* global, int bytes, int size) {
  auto* to = static_cast<unsigned char*>(shared);
  if (to < position.shared || to + size > position.shared + block.sharedBytes)
    fail("cp.async: the target lies outside the block's shared memory");
  if (reinterpret_cast<uintptr_t>(to) % static_cast<uintptr_t>(size) != 0 ||
      reinterpret_cast<uintptr_t>(global) % static_cast<uintptr_t>(size) != 0)
    fail("cp.async: an address is not aligned to the " + std::to_string(size) + " bytes of the copy");
  if (bytes < 0 || bytes > size) fail("cp.async: " + std::to_string(bytes) + " bytes of " + std::to_string(size));
  checker::startCopy(to, global, bytes, size);
  // The copy is made at the wait: what reads too early finds NaN.
  std::memset(to, 0xff, static_cast<size_t>(size));
  block.threads[static_cast<size_t>(position.thread)].copies.push_back(
      {to, static_cast<const unsigned char*>(global), bytes, size});
}

void commitCopies() {
  Thread& thread = block.threads[static_cast<size_t>(position.thread)];
  thread.groups.push_back(thread.copies.size());
}

void waitCopies(int pending) {
  Thread& thread = block.threads[static_cast<size_t>(position.thread)];
  const int done = static_cast<int>(thread.groups.size()) - pending;
  if (done <= 0) return;
  const size_t count = thread.groups[static_cast<size_t>(done - 1)];
  for (size_t i = 0; i < count; i++) {
    const PendingCopy& copy = thread.copies[i];
    std::memset(copy.shared, 0, static_cast<size_t>(copy.size));
    std::memcpy(copy.shared, copy.global, static_cast<size_t>(copy.bytes));
    checker::finishCopy(copy.shared, copy.size);
  }
  thread.copies.erase(thread.copies.begin(), thread.copies.begin() + static_cast<long>(count));
  thread.groups.erase(thread.groups.begin(), thread.groups.begin() + done);
  for (size_t& end : thread.groups) end -= count;
}

}  // namespace emulator
