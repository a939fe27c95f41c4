#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "driver.h"

namespace apt3::cuda {

/**
 * The way of data to the device. Each piece is put into pinned memory, copied to a staging area of the device on a
 * stream of its own, which does not wait for computing, and moved to its place in order with the computing: so the next
 * micro-batch is on the device before the one under way has ended.
 */
class Staging {
 public:
  static constexpr size_t slotBytes = 256 << 10;
  static constexpr size_t slots = 16;
  /** Memory of the device. */
  static constexpr size_t deviceBytes = slots * slotBytes;

  /** @param area `deviceBytes` of the device */
  Staging(const Driver& driver, Stream copies, Stream compute, DeviceAddress area);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /** Enqueues a write of `bytes` at `to`; `fill(target, first, count)` provides the bytes from `first` on. */
  void upload(DeviceAddress to, size_t bytes, const std::function<void(void*, size_t, size_t)>& fill);

 private:
  struct Slot {
    void* pinned = nullptr;
    DeviceAddress device = 0;
    /** The slot's last content has been copied to the device; it has been moved to its place. */
    Event uploaded = nullptr, moved = nullptr;
    bool used = false;
  };

  const Driver& driver_;
  const Stream copies_, compute_;
  std::vector<Slot> slots_;
  size_t next_ = 0;
};

/** Pieces of pinned memory that reads land in; making one takes the driver long. Any thread may give one back. */
class PinnedPieces {
 public:
  static constexpr size_t pieceBytes = 512 << 10;

  explicit PinnedPieces(const Driver& driver) : shared_(std::make_shared<Shared>(driver)) {}
  /** A piece that goes back when the last copy of the pointer goes. */
  std::shared_ptr<void> borrow();

 private:
  struct Shared {
    explicit Shared(const Driver& driver) : driver(driver) {}
    ~Shared() {
      for (void* piece : pieces) driver.hostFree(piece);
    }
    const Driver& driver;
    std::mutex mutex;
    std::vector<void*> pieces;
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace apt3::cuda
