#include "shadow.h"

namespace emulator {

namespace {
constexpr int severalThreads = -2;
constexpr int warpThreads = 32;
}  // namespace

/** A launch comes after the one before as a whole. Shared memory is reset instead. */
void Shadow::forget(int launch) {
  if (launch_ == launch) return;
  const Content kept = content;
  *this = {};
  content = kept;
  launch_ = launch;
}

/** The last write is not ordered before `by`. */
bool Shadow::unordered(const Access& by) const {
  if (writer_ < 0) return false;
  if (writeBlock_ != by.block) return true;
  if (writer_ == by.thread || writeEpoch_ != by.epoch) return false;
  return writer_ / warpThreads != by.warp || writeWarpEpoch_ == by.warpEpoch;
}

const char* Shadow::read(const Access& by) {
  forget(by.launch);
  if (content == Content::unwritten) return "reads what nobody wrote";
  if (content == Content::inFlight) return "reads the target of a copy that is not waited for";
  if (unordered(by))
    return writeBlock_ == by.block ? "race: reads what another thread writes" : "race: reads what another block writes";
  const uint32_t warpBit = 1u << by.warp;
  if (readBlock_ >= 0 && readBlock_ != by.block) severalBlocks_ = true;
  if (readBlock_ != by.block || readEpoch_ != by.epoch || readWarps_ == 0) {
    readBlock_ = by.block;
    readEpoch_ = by.epoch;
    readWarps_ = warpBit;
    readWarpEpoch_ = by.warpEpoch;
    reader_ = by.thread;
    return nullptr;
  }
  if (readWarps_ != warpBit) {
    readWarps_ |= warpBit;
  } else if (readWarpEpoch_ != by.warpEpoch) {
    readWarpEpoch_ = by.warpEpoch;
    reader_ = by.thread;
  } else if (reader_ != by.thread) {
    reader_ = severalThreads;
  }
  return nullptr;
}

const char* Shadow::write(const Access& by, Content next) {
  forget(by.launch);
  if (content == Content::inFlight && next != Content::written) return "writes the target of a copy that is not waited for";
  if (unordered(by))
    return writeBlock_ == by.block ? "race: writes what another thread writes" : "race: writes what another block writes";
  if (readBlock_ >= 0 && (readBlock_ != by.block || severalBlocks_)) return "race: writes what another block reads";
  if (readBlock_ >= 0 && readEpoch_ == by.epoch) {
    const uint32_t warpBit = 1u << by.warp;
    if ((readWarps_ & ~warpBit) != 0) return "race: writes what another warp reads";
    if (readWarps_ == warpBit && readWarpEpoch_ == by.warpEpoch && reader_ != by.thread)
      return "race: writes what another lane reads";
  }
  writeBlock_ = by.block;
  writer_ = by.thread;
  writeEpoch_ = by.epoch;
  writeWarpEpoch_ = by.warpEpoch;
  content = next;
  return nullptr;
}

}  // namespace emulator
