#pragma once
/**
 * What is known of two bytes of memory: who wrote and who read them last, and whether that is ordered before what comes
 * now. Within a block two accesses are ordered by a barrier, within a warp also by a warp barrier or a collective that
 * counts as one; blocks of a launch are not ordered at all.
 */
#include <cstdint>

namespace emulator {

/** When and by whom memory is touched. */
struct Access {
  int launch;
  int block;
  int thread;
  int warp;
  /** Barriers the block has passed, and points where the warp's lanes saw each other's memory. */
  int epoch;
  int warpEpoch;
};

enum class Content : uint8_t { unwritten, written, inFlight };

class Shadow {
 public:
  /** Shared memory of a new block. */
  void reset() { *this = {}; }
  /** What is wrong with a read or write now, or null; and notes it. */
  const char* read(const Access& by);
  const char* write(const Access& by, Content next);
  Content content = Content::unwritten;

 private:
  void forget(int launch);
  bool unordered(const Access& by) const;

  int launch_ = -1;
  int writeBlock_ = -1;
  int writer_ = -1;
  int writeEpoch_ = 0;
  int writeWarpEpoch_ = 0;
  int readBlock_ = -1;
  bool severalBlocks_ = false;
  int readEpoch_ = 0;
  /** Warps of the block that read since the last barrier; `reader_` and `readWarpEpoch_` are of the latest reads. */
  uint32_t readWarps_ = 0;
  int readWarpEpoch_ = 0;
  int reader_ = -1;
};

}  // namespace emulator
