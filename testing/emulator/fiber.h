// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Fibers: stacks between which one thread of the host switches by hand. A fiber
// never moves to another thread.

#ifndef TILEWORK_TESTING_EMULATOR_FIBER_H_
#define TILEWORK_TESTING_EMULATOR_FIBER_H_

#include <cstddef>
#include <cstdint>

#if !defined(__x86_64__) && !defined(__aarch64__)
#define TILEWORK_EMULATOR_UCONTEXT 1
#endif

#if defined(TILEWORK_EMULATOR_UCONTEXT)
#include <ucontext.h>
#endif

namespace tilework::emulator {

// Also stands for the thread's own stack, if it has no stack of its own.
// Neither copied nor moved.
class Fiber {
 public:
  Fiber() = default;
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // A stack with a guard page below; false if there is no memory. `color` moves
  // its top by some cache lines, so that the fibers' frames do not all compete
  // for the same lines.
  bool AllocateStack(uint32_t color);
  bool has_stack() const { return stack_ != nullptr; }
  // Whether `address` is in the guard page.
  bool InGuard(const void* address) const;

  // Begins anew: the next switch calls `entry`, which never returns. What was
  // on the stack is abandoned.
  void Start(void (*entry)());

  // Called first by `entry`.
  static void Arrived(Fiber& fiber);
  // Runs `to` until something switches back to `from`, which is running.
  static void Switch(Fiber& from, Fiber& to);

 private:
  std::byte* mapping_ = nullptr;  // the guard page, then the stack
  std::byte* stack_ = nullptr;
  size_t stack_bytes_ = 0;
  std::byte* top_ = nullptr;
#if defined(TILEWORK_EMULATOR_UCONTEXT)
  ucontext_t context_;
#else
  void* stack_pointer_ = nullptr;
#endif
  void* asan_fake_stack_ = nullptr;
  const void* asan_stack_ = nullptr;
  size_t asan_stack_bytes_ = 0;
  void* tsan_fiber_ = nullptr;
};

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_FIBER_H_
