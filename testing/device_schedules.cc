// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/device_schedules.h"

#include <cstdint>
#include <cstdlib>

#include "absl/functional/function_ref.h"
#include "absl/strings/numbers.h"
#include "gtest/gtest.h"
#include "tilework/testing/emulator/schedule.h"

namespace tilework {
namespace {

using emulator::Asynchrony;
using emulator::Schedule;

bool InEnvironment(const char* name) { return std::getenv(name) != nullptr; }

uint64_t SeedsOfEachMode() {
  const char* text = std::getenv("TILEWORK_EMULATOR_SEEDS");
  uint64_t count;
  return text != nullptr && absl::SimpleAtoi(text, &count) ? count : 3;
}

}  // namespace

void ForEachSchedule(absl::FunctionRef<void()> test) {
  const Schedule before = emulator::CurrentSchedule();
  if (InEnvironment("TILEWORK_EMULATOR_SEED") ||
      InEnvironment("TILEWORK_EMULATOR_ASYNC")) {
    return test();
  }
  const uint64_t seeds = SeedsOfEachMode();
  const bool had_failure = testing::Test::HasFailure();
  for (uint64_t i = 0; i < 3 * seeds; ++i) {
    // Neighbours have different modes, and each mode each kind of seed.
    const Schedule schedule = {.seed = i,
                               .asynchrony = static_cast<Asynchrony>(i % 3)};
    SCOPED_TRACE(emulator::ToString(schedule));
    emulator::SetSchedule(schedule);
    test();
    if (testing::Test::IsSkipped()) break;
    if (!had_failure && testing::Test::HasFailure()) break;
  }
  emulator::SetSchedule(before);
}

}  // namespace tilework
