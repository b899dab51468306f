// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// In which order the emulator runs threads, and when asynchronous work is done.

#ifndef TILEWORK_TESTING_EMULATOR_SCHEDULE_H_
#define TILEWORK_TESTING_EMULATOR_SCHEDULE_H_

#include <cstdint>
#include <string>

namespace tilework::emulator {

// Each finds faults that the others miss: a slot that is released too early is
// seen if the next copy into it is done at once, a missing wait if it is done
// late.
enum class Asynchrony {
  kEager,  // all of it where it is issued
  kLazy,   // as late as the rules allow
  kMixed,  // at random in between
};

struct Schedule {
  // Decides which thread runs next, in what order blocks start, and poison.
  uint64_t seed = 0;
  Asynchrony asynchrony = Asynchrony::kMixed;
};

// The schedule of the launches of this thread of the host. At first from the
// environment: TILEWORK_EMULATOR_SEED=7, TILEWORK_EMULATOR_ASYNC=eager (lazy,
// mixed).
const Schedule& CurrentSchedule();
void SetSchedule(const Schedule& schedule);

// "TILEWORK_EMULATOR_SEED=7 TILEWORK_EMULATOR_ASYNC=lazy"
std::string ToString(const Schedule& schedule);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_SCHEDULE_H_
