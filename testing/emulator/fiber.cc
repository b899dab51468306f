// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/fiber.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

#if !defined(TILEWORK_EMULATOR_UCONTEXT)
// Saves on the stack what a function must preserve, and the modes of floating
// point, which seldom differ; stores the stack pointer; goes on with the other
// stack. swapcontext() does the same, and a system call: 15 times as slow.
extern "C" void TileworkEmulatorSwitch(void** from, void* to);

#if defined(__x86_64__)
asm(R"(
  .text
  .p2align 4
  .globl TileworkEmulatorSwitch
  .hidden TileworkEmulatorSwitch
  .type TileworkEmulatorSwitch, @function
TileworkEmulatorSwitch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  subq $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  movl (%rsp), %eax
  movzwl 4(%rsp), %ecx
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  cmpl (%rsp), %eax
  je 1f
  ldmxcsr (%rsp)
1:
  cmpw 4(%rsp), %cx
  je 2f
  fldcw 4(%rsp)
2:
  addq $8, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size TileworkEmulatorSwitch, .-TileworkEmulatorSwitch
)");
#else
asm(R"(
  .text
  .p2align 4
  .globl TileworkEmulatorSwitch
  .hidden TileworkEmulatorSwitch
  .type TileworkEmulatorSwitch, %function
TileworkEmulatorSwitch:
  sub sp, sp, #176
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
  mrs x9, fpcr
  str x9, [sp, #160]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldr x9, [sp, #160]
  msr fpcr, x9
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
  add sp, sp, #176
  ret
  .size TileworkEmulatorSwitch, .-TileworkEmulatorSwitch
)");
#endif
#endif  // !TILEWORK_EMULATOR_UCONTEXT

namespace tilework::emulator {
namespace {

constexpr size_t kPage = 4096;
// Enough for device code, and for the emulator to write its reports.
constexpr size_t kStackBytes = size_t{128} << 10;

#if defined(__SANITIZE_ADDRESS__)
thread_local Fiber* left = nullptr;
#endif

#if !defined(TILEWORK_EMULATOR_UCONTEXT)
// A stack that looks as if `entry` had been about to run when it was left.
void* FirstFrame(std::byte* top, void (*entry)()) {
#if defined(__x86_64__)
  constexpr int kWords = 9;  // modes, 6 registers, entry, its return address
  constexpr int kEntry = 7;
#else
  constexpr int kWords = 22;
  constexpr int kEntry = 11;  // x30
#endif
  uint64_t frame[kWords] = {};
  frame[kEntry] = reinterpret_cast<uint64_t>(entry);
#if defined(__x86_64__)
  uint32_t mxcsr;
  uint16_t control;
  asm volatile("stmxcsr %0" : "=m"(mxcsr));
  asm volatile("fnstcw %0" : "=m"(control));
  frame[0] = uint64_t{control} << 32 | mxcsr;
#else
  asm volatile("mrs %0, fpcr" : "=r"(frame[20]));
#endif
  std::byte* bottom = top - sizeof(frame);
  std::memcpy(bottom, frame, sizeof(frame));
  return bottom;
}
#endif

}  // namespace

Fiber::~Fiber() {
#if defined(__SANITIZE_THREAD__)
  if (mapping_ != nullptr && tsan_fiber_ != nullptr) {
    __tsan_destroy_fiber(tsan_fiber_);
  }
#endif
  if (mapping_ != nullptr) munmap(mapping_, kPage + kStackBytes);
}

bool Fiber::AllocateStack(uint32_t color) {
  void* mapping = mmap(nullptr, kPage + kStackBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return false;
  if (mprotect(mapping, kPage, PROT_NONE) != 0) {
    munmap(mapping, kPage + kStackBytes);
    return false;
  }
  mapping_ = static_cast<std::byte*>(mapping);
  stack_ = mapping_ + kPage;
  stack_bytes_ = kStackBytes;
  top_ = stack_ + stack_bytes_ - size_t{64} * 5 * (color % 64);
#if defined(__SANITIZE_THREAD__)
  tsan_fiber_ = __tsan_create_fiber(0);
#endif
  return true;
}

bool Fiber::InGuard(const void* address) const {
  const auto* byte = static_cast<const std::byte*>(address);
  return mapping_ != nullptr && mapping_ <= byte && byte < stack_;
}

void Fiber::Start(void (*entry)()) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack_, stack_bytes_);
  asan_fake_stack_ = nullptr;
  asan_stack_ = stack_;
  asan_stack_bytes_ = stack_bytes_;
#endif
#if defined(TILEWORK_EMULATOR_UCONTEXT)
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_;
  context_.uc_stack.ss_size = static_cast<size_t>(top_ - stack_);
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
#else
  stack_pointer_ = FirstFrame(top_, entry);
#endif
}

void Fiber::Arrived(Fiber& fiber) {
#if defined(__SANITIZE_ADDRESS__)
  const void* bottom;
  size_t bytes;
  __sanitizer_finish_switch_fiber(fiber.asan_fake_stack_, &bottom, &bytes);
  // The stack that was left may be the thread's own, of which only the
  // sanitizer knows where it is.
  left->asan_stack_ = bottom;
  left->asan_stack_bytes_ = bytes;
#else
  static_cast<void>(fiber);
#endif
}

void Fiber::Switch(Fiber& from, Fiber& to) {
#if defined(__SANITIZE_ADDRESS__)
  left = &from;
  __sanitizer_start_switch_fiber(&from.asan_fake_stack_, to.asan_stack_,
                                 to.asan_stack_bytes_);
#endif
#if defined(__SANITIZE_THREAD__)
  if (!from.has_stack()) from.tsan_fiber_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to.tsan_fiber_, 0);
#endif
#if defined(TILEWORK_EMULATOR_UCONTEXT)
  swapcontext(&from.context_, &to.context_);
#else
  TileworkEmulatorSwitch(&from.stack_pointer_, to.stack_pointer_);
#endif
  Arrived(from);
}

}  // namespace tilework::emulator
