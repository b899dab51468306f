// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Signals that device code raises become faults of its launch: accesses outside
// of memory, overflows of the stack, integer divisions by zero.

#ifndef TILEWORK_TESTING_EMULATOR_SIGNAL_GUARD_H_
#define TILEWORK_TESTING_EMULATOR_SIGNAL_GUARD_H_

namespace tilework::emulator {

// While one exists, signals raised by threads of the machine of this thread of
// the host are faults. All others go on to whoever handled them before.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

 private:
  static void Install();
  static void Handle(int signal, void* info, void* context);
  [[noreturn]] static void RaiseFault();
};

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_SIGNAL_GUARD_H_
