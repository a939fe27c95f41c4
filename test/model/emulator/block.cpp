#include "block.h"

#include <sys/mman.h>

#include <cstring>

#include "checker.h"

namespace emulator {

Position position;
Block block;
Stacks stacks;

namespace {

void* hostStack;
const Launch* running;

const char* nameOf(Wait wait) {
  switch (wait) {
    case Wait::barrier: return "a barrier";
    case Wait::warp: return "a warp barrier";
    case Wait::shuffle: return "a shuffle";
    case Wait::ballot: return "a ballot";
    case Wait::matrices: return "ldmatrix";
    case Wait::matricesTransposed: return "ldmatrix.trans";
    case Wait::multiplyAdd: return "mma";
    default: return "nothing";
  }
}

/** The next thread that can run: of the same warp if there is one, which keeps its data in the cache. */
int nextRunnable(int self) {
  const int first = self - self % warpSize;
  for (int i = 1; i <= warpSize; i++) {
    const int index = first + (self - first + i) % warpSize;
    const Thread& thread = block.threads[static_cast<size_t>(index)];
    if (thread.wait == Wait::nothing && !thread.finished) return index;
  }
  const int count = static_cast<int>(block.threads.size());
  for (int i = 1; i <= count; i++) {
    const int index = (self + i) % count;
    const Thread& thread = block.threads[static_cast<size_t>(index)];
    if (thread.wait == Wait::nothing && !thread.finished) return index;
  }
  return -1;
}

void switchFrom(int self) {
  Thread& from = block.threads[static_cast<size_t>(self)];
  const int next = nextRunnable(self);
  if (next == self) return;
  if (next < 0) {
    if (block.liveThreads > 0)
      fail(std::string("deadlock: thread ") + std::to_string(self) + " waits in " + nameOf(from.wait) +
           " that other threads never reach");
    apt3_switch_stack(&from.stack, hostStack);
  }
  position.thread = next;
  apt3_switch_stack(&from.stack, block.threads[static_cast<size_t>(next)].stack);
}

void threadMain() {
  running->function(running->params);
  const int self = position.thread;
  Thread& thread = block.threads[static_cast<size_t>(self)];
  thread.finished = true;
  block.liveThreads--;
  Warp& warp = block.warps[static_cast<size_t>(self / warpSize)];
  warp.finished++;
  if (warp.arrived > 0)
    fail("divergence: thread " + std::to_string(self) + " ended while others of its warp wait in " +
         nameOf(warp.wait));
  switchFrom(self);
  __builtin_unreachable();
}

void releaseAll() {
  block.warpsAtBarrier = 0;
  block.epoch++;
  for (Warp& warp : block.warps) {
    warp.arrived = 0;
    warp.epoch++;
  }
  for (Thread& thread : block.threads) thread.wait = Wait::nothing;
}

void runBlock(const Launch& launch) {
  const auto threads = static_cast<size_t>(launch.threads);
  block.threads.resize(threads);
  block.warps.assign(threads / warpSize, {Wait::nothing, 0, 0, 0});
  block.warpsAtBarrier = 0;
  block.epoch = 0;
  block.liveThreads = launch.threads;
  for (size_t i = 0; i < threads; i++) {
    Thread& thread = block.threads[i];
    thread.stack = prepareStack(stacks.top(static_cast<int>(i)), threadMain);
    thread.wait = Wait::nothing;
    thread.finished = false;
    thread.copies.clear();
    thread.groups.clear();
  }
  // What nobody wrote reads as NaN, in bf16 and in float32.
  std::memset(position.shared, 0xff, launch.sharedBytes);
  checker::startBlock(position.shared, launch.sharedBytes);
  position.thread = 0;
  apt3_switch_stack(&hostStack, block.threads[0].stack);
  checker::endBlock();
}

}  // namespace

void fail(const std::string& message) {
  block.error = std::string(running->name) + ", block " + std::to_string(position.block[0]) + "," +
                std::to_string(position.block[1]) + ": " + message;
  void* abandoned;
  apt3_switch_stack(&abandoned, hostStack);
  __builtin_unreachable();
}

void await(Wait wait, void* operands) {
  const int self = position.thread;
  Thread& thread = block.threads[static_cast<size_t>(self)];
  Warp& warp = block.warps[static_cast<size_t>(self / warpSize)];
  if (warp.arrived == 0) {
    warp.wait = wait;
  } else if (warp.wait != wait) {
    fail(std::string("divergence: thread ") + std::to_string(self) + " is at " + nameOf(wait) +
         " while others of its warp wait in " + nameOf(warp.wait));
  }
  thread.operands = operands;
  const size_t first = static_cast<size_t>(self - self % warpSize);
  if (++warp.arrived < warpSize) {
    if (warp.finished > 0) fail(std::string("divergence: lanes of the warp ended before ") + nameOf(wait));
    thread.wait = wait;
    switchFrom(self);
    return;
  }
  checker::passCollective(self / warpSize);
  if (wait == Wait::barrier) {
    if (++block.warpsAtBarrier < static_cast<int>(block.warps.size())) {
      thread.wait = wait;
      switchFrom(self);
    } else {
      releaseAll();
    }
    return;
  }
  std::array<Thread*, warpSize> lanes;
  for (size_t lane = 0; lane < warpSize; lane++) {
    lanes[lane] = &block.threads[first + lane];
    lanes[lane]->wait = Wait::nothing;
  }
  warp.arrived = 0;
  if (wait == Wait::warp) {
    warp.epoch++;
  } else {
    performCollective(wait, lanes);
  }
}

std::string runKernel(const Launch& launch) {
  static auto* shared = static_cast<unsigned char*>(
      mmap(nullptr, mostSharedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (launch.sharedBytes > mostSharedBytes) return "more shared memory than any multiprocessor has";
  if (launch.threads % warpSize != 0 || launch.threads > 1024) return "a block that is not whole warps";
  running = &launch;
  block.error.clear();
  position.shared = shared;
  block.sharedBytes = launch.sharedBytes;
  checker::startLaunch(launch);
  std::memcpy(position.grid, launch.grid, sizeof(position.grid));
  for (int z = 0; z < launch.grid[2]; z++)
    for (int y = 0; y < launch.grid[1]; y++)
      for (int x = 0; x < launch.grid[0]; x++) {
        position.block[0] = x;
        position.block[1] = y;
        position.block[2] = z;
        runBlock(launch);
        if (!block.error.empty()) return block.error;
      }
  return "";
}

}  // namespace emulator
