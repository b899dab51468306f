// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/signal_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/guarded_memory.h"
#include "tilework/testing/emulator/machine.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace tilework::emulator {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
constexpr size_t kStackBytes = size_t{256} << 10;

struct sigaction before[sizeof(kSignals) / sizeof(int)];

// Two stacks of a thread of the host: that of the handler, and one on which the
// fault is told, since the stack of the fiber may be full.
struct Stacks {
  Stacks() {
    void* mapping = mmap(nullptr, 2 * kStackBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping != MAP_FAILED) memory = static_cast<std::byte*>(mapping);
  }
  ~Stacks() {
    if (memory != nullptr) munmap(memory, 2 * kStackBytes);
  }

  std::byte* memory = nullptr;
};

thread_local stack_t stack_before;
thread_local bool installed = false;
thread_local std::byte* fault_stack = nullptr;
thread_local int raised = 0;
thread_local const void* raised_address = nullptr;

}  // namespace

SignalGuard::SignalGuard() {
  static const bool once = (Install(), true);
  static_cast<void>(once);
  thread_local const Stacks stacks;
  if (stacks.memory == nullptr) return;
  fault_stack = stacks.memory + kStackBytes;
  stack_t stack = {};
  stack.ss_sp = stacks.memory;
  stack.ss_size = kStackBytes;
  installed = sigaltstack(&stack, &stack_before) == 0;
}

SignalGuard::~SignalGuard() {
  if (installed) sigaltstack(&stack_before, nullptr);
  installed = false;
}

void SignalGuard::Install() {
  struct sigaction action = {};
  action.sa_sigaction = [](int signal, siginfo_t* info, void* context) {
    Handle(signal, info, context);
  };
  // The handler is left without returning from the code that was interrupted:
  // the signal must not stay blocked.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], &action, &before[i]);
  }
}

void SignalGuard::Handle(int signal, void* info, void* context) {
  Machine* machine = Machine::Current();
  if (installed && machine != nullptr &&
      (machine->thread_ != nullptr || machine->step_ != nullptr)) {
    raised = signal;
    raised_address = static_cast<siginfo_t*>(info)->si_addr;
#if defined(__SANITIZE_ADDRESS__)
    // What was on it before was abandoned.
    __asan_unpoison_memory_region(fault_stack, kStackBytes);
#endif
    // Goes on there when the handler returns.
    [[maybe_unused]] auto* state = static_cast<ucontext_t*>(context);
    [[maybe_unused]] const auto top =
        reinterpret_cast<uint64_t>(fault_stack + kStackBytes - 64);
#if defined(__x86_64__)
    state->uc_mcontext.gregs[REG_RIP] = reinterpret_cast<int64_t>(&RaiseFault);
    state->uc_mcontext.gregs[REG_RSP] = static_cast<int64_t>(top - 8);
    return;
#elif defined(__aarch64__)
    state->uc_mcontext.pc = reinterpret_cast<uint64_t>(&RaiseFault);
    state->uc_mcontext.sp = top;
    return;
#endif
  }
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    if (kSignals[i] != signal) continue;
    if ((before[i].sa_flags & SA_SIGINFO) != 0) {
      before[i].sa_sigaction(signal, static_cast<siginfo_t*>(info), context);
    } else if (before[i].sa_handler == SIG_DFL ||
               before[i].sa_handler == SIG_IGN) {
      // Raised again when the instruction is.
      sigaction(signal, &before[i], nullptr);
    } else {
      before[i].sa_handler(signal);
    }
  }
}

void SignalGuard::RaiseFault() {
  Machine& machine = *Machine::Current();
  const Thread* thread = machine.thread_;
  const auto* address = static_cast<const std::byte*>(raised_address);
  std::string what;
  if (raised == SIGFPE) {
    what = "an integer division by zero or that overflows";
  } else if (raised == SIGILL || raised == SIGTRAP) {
    what = "undefined behaviour, such as a misaligned access, or a trap";
  } else if ((thread != nullptr ? *thread->fiber : *machine.step_fiber_)
                 .InGuard(address)) {
    what = "the stack is full";
  } else {
    std::string beside;
    for (const Block& block : machine.blocks_) {
      beside = block.shared.DescribeIfBeside(address);
      if (beside.empty()) continue;
      beside = absl::StrCat(
          "shared memory of block (", block.index.x, ",", block.index.y, ",",
          block.index.z,
          block.resident ? "): " : "), which has returned: ", beside);
      break;
    }
    if (beside.empty()) {
      beside = DescribeDeviceAddress(address);
      if (!beside.empty()) beside = absl::StrCat("device memory: ", beside);
    }
    what = absl::StrCat(
        "an access outside of memory",
        beside.empty()
            ? absl::StrCat(
                  " at ", absl::Hex(reinterpret_cast<uint64_t>(raised_address)))
            : absl::StrCat(", ", beside));
  }
  if (machine.step_ != nullptr) machine.Fault(what, Site());
  if (thread->site.line() != 0) absl::StrAppend(&what, ", after this line");
  machine.Fault(what, Site(thread->site));
}

}  // namespace tilework::emulator
