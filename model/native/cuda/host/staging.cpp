#include "staging.h"

#include <algorithm>

namespace apt3::cuda {

Staging::Staging(const Driver& driver, Stream copies, Stream compute, DeviceAddress area)
    : driver_(driver), copies_(copies), compute_(compute), slots_(slots) {
  for (size_t i = 0; i < slots; i++) {
    Slot& slot = slots_[i];
    slot.device = area + i * slotBytes;
    driver_.check(driver_.hostAllocate(&slot.pinned, slotBytes, 0), "cuMemHostAlloc");
    driver_.check(driver_.eventCreate(&slot.uploaded, eventBlockingSync | eventDisableTiming), "cuEventCreate");
    driver_.check(driver_.eventCreate(&slot.moved, eventBlockingSync | eventDisableTiming), "cuEventCreate");
  }
}

Staging::~Staging() {
  for (const Slot& slot : slots_) {
    if (slot.uploaded != nullptr) driver_.eventDestroy(slot.uploaded);
    if (slot.moved != nullptr) driver_.eventDestroy(slot.moved);
    if (slot.pinned != nullptr) driver_.hostFree(slot.pinned);
  }
}

void Staging::upload(DeviceAddress to, size_t bytes, const std::function<void(void*, size_t, size_t)>& fill) {
  for (size_t first = 0; first < bytes; first += slotBytes) {
    const size_t count = std::min(slotBytes, bytes - first);
    Slot& slot = slots_[next_++ % slots];
    if (slot.used) driver_.check(driver_.eventSynchronize(slot.moved), "an upload before this one");
    slot.used = true;
    fill(slot.pinned, first, count);
    driver_.check(driver_.copyToDevice(slot.device, slot.pinned, count, copies_), "an upload");
    driver_.check(driver_.eventRecord(slot.uploaded, copies_), "cuEventRecord");
    driver_.check(driver_.streamWait(compute_, slot.uploaded, 0), "cuStreamWaitEvent");
    driver_.check(driver_.copyOnDevice(to + first, slot.device, count, compute_), "an upload");
    driver_.check(driver_.eventRecord(slot.moved, compute_), "cuEventRecord");
  }
}

std::shared_ptr<void> PinnedPieces::borrow() {
  void* piece = nullptr;
  {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->pieces.empty()) {
      piece = shared_->pieces.back();
      shared_->pieces.pop_back();
    }
  }
  if (piece == nullptr) {
    shared_->driver.check(shared_->driver.hostAllocate(&piece, pieceBytes, 0), "cuMemHostAlloc");
  }
  return {piece, [shared = shared_](void* returned) {
            const std::lock_guard lock(shared->mutex);
            shared->pieces.push_back(returned);
          }};
}

}  // namespace apt3::cuda
