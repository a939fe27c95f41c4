#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

namespace emulator {

#if defined(__x86_64__)

// swapcontext costs a system call (1.2 µs); this switch a few nanoseconds. Only registers that a call preserves.
asm(R"(
.text
.globl apt3_switch_stack
.type apt3_switch_stack, @function
apt3_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");

void* prepareStack(unsigned char* top, void (*entry)()) {
  auto* stack = reinterpret_cast<uint64_t*>(reinterpret_cast<uintptr_t>(top) & ~uintptr_t{15});
  // A function expects its stack pointer 8 bytes past a multiple of 16, as a call leaves it.
  stack -= 1;
  *--stack = reinterpret_cast<uint64_t>(entry);
  for (int i = 0; i < 6; i++) *--stack = 0;
  return stack;
}

#elif defined(__aarch64__)

asm(R"(
.text
.globl apt3_switch_stack
.type apt3_switch_stack, %function
apt3_switch_stack:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x2, sp
  str x2, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
)");

void* prepareStack(unsigned char* top, void (*entry)()) {
  auto* stack = reinterpret_cast<uint64_t*>(reinterpret_cast<uintptr_t>(top) & ~uintptr_t{15}) - 20;
  for (int i = 0; i < 20; i++) stack[i] = 0;
  stack[11] = reinterpret_cast<uint64_t>(entry);
  return stack;
}

#else
#error "the CPU harness knows how to switch stacks on x86-64 and ARM64 only"
#endif

unsigned char* Stacks::top(int index) {
  if (base_ == nullptr) {
    void* memory = mmap(nullptr, (bytes + offset) * count, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) abort();
    base_ = static_cast<unsigned char*>(memory);
  }
  return base_ + (bytes + offset) * static_cast<size_t>(index + 1);
}

bool Stacks::holds(uintptr_t address) const {
  const auto start = reinterpret_cast<uintptr_t>(base_);
  return address >= start && address < start + (bytes + offset) * count;
}

}  // namespace emulator
