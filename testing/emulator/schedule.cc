// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/schedule.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tilework::emulator {
namespace {

constexpr char kSeedVariable[] = "TILEWORK_EMULATOR_SEED";
constexpr char kAsynchronyVariable[] = "TILEWORK_EMULATOR_ASYNC";
constexpr Asynchrony kModes[] = {Asynchrony::kEager, Asynchrony::kLazy,
                                 Asynchrony::kMixed};

std::string_view Name(Asynchrony asynchrony) {
  switch (asynchrony) {
    case Asynchrony::kEager:
      return "eager";
    case Asynchrony::kLazy:
      return "lazy";
    case Asynchrony::kMixed:
      return "mixed";
  }
  return "";
}

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Schedule FromEnvironment() {
  Schedule schedule;
  uint64_t seed;
  if (absl::SimpleAtoi(Variable(kSeedVariable), &seed)) schedule.seed = seed;
  for (const Asynchrony mode : kModes) {
    if (Variable(kAsynchronyVariable) == Name(mode)) schedule.asynchrony = mode;
  }
  return schedule;
}

Schedule& Mutable() {
  thread_local Schedule schedule = FromEnvironment();
  return schedule;
}

}  // namespace

const Schedule& CurrentSchedule() { return Mutable(); }

void SetSchedule(const Schedule& schedule) { Mutable() = schedule; }

std::string ToString(const Schedule& schedule) {
  return absl::StrCat(kSeedVariable, "=", schedule.seed, " ",
                      kAsynchronyVariable, "=", Name(schedule.asynchrony));
}

}  // namespace tilework::emulator
