// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Whether threads should spin between kernels.
//
// On processors of their own, threads that spin save the time to wake them, a
// third of a decoding step of a small model. Where other programs want the
// processors too, they keep them from the threads that have work: then decoding
// is five times as fast with threads that sleep. The system tells the two apart
// by how often it takes a processor away from this process.

#ifndef TILEWORK_EXAMPLES_GENERATE_SPIN_POLICY_H_
#define TILEWORK_EXAMPLES_GENERATE_SPIN_POLICY_H_

#include <algorithm>
#include <cstdint>

namespace tilework {

class SpinPolicy {
 public:
  // `preemptions`: how often this process has lost a processor up to now.
  explicit SpinPolicy(int64_t preemptions) : preemptions_(preemptions) {}

  // Whether to spin in the next step; call it before each, with the time since
  // the last call. Begins with spinning. After a step in which spinning did not
  // pay it is left off for some steps, more each time that it fails again at
  // once.
  bool Next(int64_t preemptions, double seconds) {
    const bool disturbed =
        static_cast<double>(preemptions - preemptions_) >
        kMostPreemptions + kMostPreemptionsPerSecond * seconds;
    preemptions_ = preemptions;
    if (spinning_ && disturbed) {
      spinning_ = false;
      pause_left_ = pause_;
      pause_ = std::min(2 * pause_, kLongestPause);
    } else if (spinning_) {
      pause_ = kShortestPause;
    } else {
      spinning_ = --pause_left_ == 0;
    }
    return spinning_;
  }

 private:
  // A quiet machine has some, one that is shared a few hundred a second.
  static constexpr double kMostPreemptions = 1;
  static constexpr double kMostPreemptionsPerSecond = 20;
  static constexpr int64_t kShortestPause = 16;
  static constexpr int64_t kLongestPause = 1024;

  int64_t preemptions_;
  bool spinning_ = true;
  int64_t pause_ = kShortestPause;
  int64_t pause_left_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_SPIN_POLICY_H_
