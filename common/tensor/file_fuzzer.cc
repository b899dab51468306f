// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/file_fuzzer.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace tilework {
namespace {

constexpr int kRounds = 10000;

// SplitMix64: the same numbers on every platform.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // In [0, bound); bound > 0.
  size_t Below(size_t bound) { return static_cast<size_t>(Next() % bound); }

 private:
  uint64_t state_;
};

// Replaces up to eight bytes by a number that is likely to overflow something.
void PlantNumber(Random& random, std::string& file) {
  constexpr uint64_t kNumbers[] = {0,
                                   1,
                                   0x7F,
                                   0xFF,
                                   0x7FFFFFFF,
                                   0xFFFFFFFF,
                                   0x100000000,
                                   0x7FFFFFFFFFFFFFFF,
                                   0x8000000000000000,
                                   0xFFFFFFFFFFFFFFFF,
                                   0x2000000000000000,
                                   0x00000000FFFFFFE0};
  uint64_t number = kNumbers[random.Below(std::size(kNumbers))];
  if (random.Below(2) == 0) number -= random.Below(64);
  const size_t at = random.Below(file.size());
  const size_t width = size_t{1} << random.Below(4);
  std::memcpy(file.data() + at, &number, std::min(width, file.size() - at));
}

// Removes, repeats or exchanges a short range.
void MoveRange(Random& random, std::string& file) {
  const size_t at = random.Below(file.size());
  const size_t length =
      1 + random.Below(std::min<size_t>(file.size() - at, 24));
  const std::string range = file.substr(at, length);
  switch (random.Below(3)) {
    case 0:
      file.erase(at, length);
      break;
    case 1:
      file.insert(random.Below(file.size()), range);
      break;
    default:
      file.replace(random.Below(file.size()), length, range);
  }
}

void Damage(Random& random, std::string& file) {
  for (size_t count = 1 + random.Below(3); count > 0; --count) {
    if (file.empty()) return;
    switch (random.Below(8)) {
      case 0:
      case 1:
        PlantNumber(random, file);
        break;
      case 2:
        MoveRange(random, file);
        break;
      case 3:
        file.resize(random.Below(file.size()));
        break;
      case 4: {  // in JSON, a digit or letter hits more often than a bit
        constexpr std::string_view kText = "0123456789{}[],:\"\\u -eE.";
        file[random.Below(file.size())] = kText[random.Below(kText.size())];
        break;
      }
      default:
        file[random.Below(file.size())] ^=
            static_cast<char>(1u << random.Below(8));
    }
  }
}

}  // namespace

FuzzCount FuzzReader(
    absl::Span<const std::string> files,
    absl::FunctionRef<bool(absl::Span<const std::byte> bytes)> read) {
  FuzzCount count;
  const auto feed = [&](std::string_view file) {
    const auto block = std::make_unique<std::byte[]>(file.size());
    std::memcpy(block.get(), file.data(), file.size());
    ++count.files;
    count.accepted += read({block.get(), file.size()}) ? 1 : 0;
  };
  for (const std::string& file : files) {
    for (size_t size = 0; size <= file.size(); ++size) {
      feed(std::string_view(file).substr(0, size));
    }
  }

  using Clock = std::chrono::steady_clock;
  const char* seconds = std::getenv("TILEWORK_FUZZ_SECONDS");
  const auto end =
      Clock::now() + std::chrono::seconds(seconds ? std::atoi(seconds) : 0);
  // UnitTest::random_seed() would be 0 except when shuffling.
  Random random(static_cast<uint64_t>(GTEST_FLAG_GET(random_seed)));
  for (int round = 0; seconds ? Clock::now() < end : round < kRounds; ++round) {
    std::string file = files[random.Below(files.size())];
    Damage(random, file);
    feed(file);
  }
  return count;
}

}  // namespace tilework
