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

/** Waits until all lanes of the warp are here (for a barrier: all threads of the block). */
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

std::string runKernel(const Launch& launch) {
  static auto* shared = static_cast<unsigned char*>(
      mmap(nullptr, mostSharedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (launch.sharedBytes > mostSharedBytes) return "more shared memory than any multiprocessor has";
  if (launch.threads % warpSize != 0 || launch.threads > 1024) return "a block that is not whole warps";
  running = &launch;
  block.error.clear();
  position.shared = shared;
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

void syncThreads() { await(Wait::barrier, nullptr); }
void syncWarp() { await(Wait::warp, nullptr); }

struct ShuffleOperands {
  uint64_t bits;
  int mask;
  uint64_t result;
};

uint64_t shuffleXor(uint64_t bits, int mask) {
  ShuffleOperands operands{bits, mask, 0};
  await(Wait::shuffle, &operands);
  return operands.result;
}

struct BallotOperands {
  bool condition;
  unsigned result;
};

unsigned ballot(bool condition) {
  BallotOperands operands{condition, 0};
  await(Wait::ballot, &operands);
  return operands.result;
}

struct MatricesOperands {
  unsigned* to;
  const unsigned char* row;
};

void loadMatrices(unsigned* to, const void* row) {
  MatricesOperands operands{to, static_cast<const unsigned char*>(row)};
  await(Wait::matrices, &operands);
}

void loadMatricesTransposed(unsigned* to, const void* row) {
  MatricesOperands operands{to, static_cast<const unsigned char*>(row)};
  await(Wait::matricesTransposed, &operands);
}

struct MultiplyOperands {
  float* c;
  const unsigned* a;
  unsigned b[2];
};

void multiplyAdd(float* c, const unsigned* a, unsigned b0, unsigned b1) {
  MultiplyOperands operands{c, a, {b0, b1}};
  await(Wait::multiplyAdd, &operands);
}

namespace {

float lowFloat(unsigned pair) { return std::bit_cast<float>(pair << 16); }
float highFloat(unsigned pair) { return std::bit_cast<float>(pair & 0xffff0000u); }

template <class Operands>
Operands& operandsOf(Thread* lane) {
  return *static_cast<Operands*>(lane->operands);
}

void performMatrices(bool transposed, std::array<Thread*, warpSize>& lanes) {
  const unsigned char* rows[warpSize];
  for (int lane = 0; lane < warpSize; lane++) {
    rows[lane] = operandsOf<MatricesOperands>(lanes[static_cast<size_t>(lane)]).row;
    if (reinterpret_cast<uintptr_t>(rows[lane]) % 16 != 0) fail("ldmatrix: a row is not 16-byte aligned");
    if (rows[lane] < position.shared || rows[lane] + 16 > position.shared + running->sharedBytes)
      fail("ldmatrix: a row lies outside the block's shared memory");
  }
  checker::loadMatrixRows(rows);
  for (int lane = 0; lane < warpSize; lane++) {
    unsigned* to = operandsOf<MatricesOperands>(lanes[static_cast<size_t>(lane)]).to;
    for (int matrix = 0; matrix < 4; matrix++) {
      const unsigned char* const* matrixRows = rows + 8 * matrix;
      if (!transposed) {
        std::memcpy(to + matrix, matrixRows[lane / 4] + lane % 4 * 4, 4);
        continue;
      }
      uint16_t low, high;
      std::memcpy(&low, matrixRows[lane % 4 * 2] + lane / 4 * 2, 2);
      std::memcpy(&high, matrixRows[lane % 4 * 2 + 1] + lane / 4 * 2, 2);
      to[matrix] = low | static_cast<unsigned>(high) << 16;
    }
  }
}

void performMultiply(std::array<Thread*, warpSize>& lanes) {
  float a[16][16];
  float b[16][8];
  float c[16][8];
  for (int lane = 0; lane < warpSize; lane++) {
    const MultiplyOperands& own = operandsOf<MultiplyOperands>(lanes[static_cast<size_t>(lane)]);
    const int g = lane / 4;
    const int t = lane % 4 * 2;
    for (int part = 0; part < 4; part++) {
      a[g + part % 2 * 8][t + part / 2 * 8] = lowFloat(own.a[part]);
      a[g + part % 2 * 8][t + part / 2 * 8 + 1] = highFloat(own.a[part]);
    }
    for (int part = 0; part < 2; part++) {
      b[t + part * 8][g] = lowFloat(own.b[part]);
      b[t + part * 8 + 1][g] = highFloat(own.b[part]);
    }
    c[g][t] = own.c[0];
    c[g][t + 1] = own.c[1];
    c[g + 8][t] = own.c[2];
    c[g + 8][t + 1] = own.c[3];
  }
  for (int row = 0; row < 16; row++)
    for (int k = 0; k < 16; k++)
      for (int column = 0; column < 8; column++) c[row][column] += a[row][k] * b[k][column];
  for (int lane = 0; lane < warpSize; lane++) {
    const MultiplyOperands& own = operandsOf<MultiplyOperands>(lanes[static_cast<size_t>(lane)]);
    const int g = lane / 4;
    const int t = lane % 4 * 2;
    own.c[0] = c[g][t];
    own.c[1] = c[g][t + 1];
    own.c[2] = c[g + 8][t];
    own.c[3] = c[g + 8][t + 1];
  }
}

}  // namespace

void performCollective(Wait wait, std::array<Thread*, warpSize>& lanes) {
  if (wait == Wait::multiplyAdd) return performMultiply(lanes);
  if (wait == Wait::matrices || wait == Wait::matricesTransposed)
    return performMatrices(wait == Wait::matricesTransposed, lanes);
  if (wait == Wait::shuffle) {
    for (size_t lane = 0; lane < warpSize; lane++) {
      ShuffleOperands& own = operandsOf<ShuffleOperands>(lanes[lane]);
      own.result = operandsOf<ShuffleOperands>(lanes[lane ^ static_cast<size_t>(own.mask)]).bits;
    }
    return;
  }
  unsigned bits = 0;
  for (size_t lane = 0; lane < warpSize; lane++)
    bits |= static_cast<unsigned>(operandsOf<BallotOperands>(lanes[lane]).condition) << lane;
  for (Thread* lane : lanes) operandsOf<BallotOperands>(lane).result = bits;
}

void copyAsync(void* shared, const void* global, int bytes, int size) {
  auto* to = static_cast<unsigned char*>(shared);
  if (to < position.shared || to + size > position.shared + running->sharedBytes)
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
