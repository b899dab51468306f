// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_TOOLS_PROGRESS_H_
#define TILEWORK_TOOLS_PROGRESS_H_

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tilework {

// A bar on stderr, if that is a terminal and the work takes longer than a
// second.
class Progress {
 public:
  explicit Progress(int64_t total)
      : total_(total),
        start_(std::chrono::steady_clock::now()),
        is_terminal_(isatty(STDERR_FILENO) == 1) {}
  ~Progress() {
    if (shown_) std::fprintf(stderr, "\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Before each of the `total` steps.
  void Step(std::string_view what) {
    constexpr int kWidth = 30;
    const int64_t done = done_++;
    const bool is_long =
        std::chrono::steady_clock::now() - start_ > std::chrono::seconds(1);
    if (!is_terminal_ || !is_long) return;
    shown_ = true;
    const int filled = static_cast<int>(kWidth * done / total_);
    std::fprintf(stderr, "\r\033[K[%s%s] %d/%d %.*s",
                 std::string(static_cast<size_t>(filled), '#').c_str(),
                 std::string(static_cast<size_t>(kWidth - filled), ' ').c_str(),
                 static_cast<int>(done), static_cast<int>(total_),
                 static_cast<int>(what.size()), what.data());
    std::fflush(stderr);
  }

 private:
  int64_t total_;
  int64_t done_ = 0;
  std::chrono::steady_clock::time_point start_;
  bool is_terminal_;
  bool shown_ = false;
};

}  // namespace tilework

#endif  // TILEWORK_TOOLS_PROGRESS_H_
