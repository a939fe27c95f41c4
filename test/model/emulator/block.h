#pragma once
/** Runs one block of a kernel: its threads as fibers, and what they do together. */
#include <array>
#include <string>
#include <vector>

#include "emulated_intrinsics.h"
#include "fiber.h"

namespace emulator {

/** What a thread waits for; all lanes of a warp must wait for the same. */
enum class Wait { nothing, barrier, warp, shuffle, ballot, matrices, matricesTransposed, multiplyAdd };

/** An asynchronous copy that was started and is not waited for: nothing is copied before the wait. */
struct PendingCopy {
  unsigned char* shared;
  const unsigned char* global;
  int bytes;
  int size;
};

struct Thread {
  void* stack;
  Wait wait;
  bool finished;
  /** Arguments of the collective it waits in. */
  void* operands;
  std::vector<PendingCopy> copies;
  /** For each closed group the number of copies up to its end. */
  std::vector<size_t> groups;
};

struct Warp {
  Wait wait;
  int arrived;
  int finished;
  /** Grows at every point where the lanes see each other's memory. */
  int epoch;
};

using KernelFunction = void (*)(const void* params);

struct Launch {
  const char* name;
  KernelFunction function;
  const void* params;
  size_t paramBytes;
  int grid[3];
  int threads;
  unsigned sharedBytes;
};

/** Runs all blocks one after the other. The error in words if the kernel did what it must not, or "". */
std::string runKernel(const Launch& launch);

/** State of the block that runs now; one launch at a time. */
struct Block {
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  int warpsAtBarrier;
  /** Grows at every barrier. */
  int epoch;
  int liveThreads;
  unsigned sharedBytes;
  std::string error;
};
extern Block block;

constexpr int warpSize = 32;
constexpr unsigned mostSharedBytes = 227 * 1024;
extern Stacks stacks;

/** Ends the launch with this error. Called on a fiber; does not return. */
[[noreturn]] void fail(const std::string& message);

/**
 * Waits until all lanes of the warp are here (for a barrier: all threads of the block) with their operands; the last one
 * performs what they came for.
 */
void await(Wait wait, void* operands);

/** Performs the collective that all lanes of a warp have arrived at. */
void performCollective(Wait wait, std::array<Thread*, warpSize>& lanes);

}  // namespace emulator
