#pragma once
/** Stacks and the switch between them: a block's threads run on one thread of the machine, and switch at collectives. */
#include <cstddef>
#include <cstdint>

namespace emulator {

/** Saves the caller's registers and stack pointer in *from and goes on where `to` was saved. */
extern "C" void apt3_switch_stack(void** from, void* to);

/** What must be given to apt3_switch_stack to run `entry` on the stack that ends at `top`; entry must not return. */
void* prepareStack(unsigned char* top, void (*entry)());

/** Memory for `count` stacks of `bytes`; the operating system hands out pages when they are touched. */
class Stacks {
 public:
  unsigned char* top(int index);
  bool holds(uintptr_t address) const;

 private:
  // A kernel's arrays need a few KB. Stacks start at different offsets in their pages, or else all of them would fall
  // into the same lines of the L1 cache.
  static constexpr size_t bytes = 128 * 1024;
  static constexpr size_t offset = 448;
  static constexpr int count = 1024;
  unsigned char* base_ = nullptr;
};

}  // namespace emulator
