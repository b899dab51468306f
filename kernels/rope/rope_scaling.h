// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The frequencies and the factor of rope_tables' schemes, in f64.

#ifndef TILEWORK_KERNELS_ROPE_ROPE_SCALING_H_
#define TILEWORK_KERNELS_ROPE_ROPE_SCALING_H_

#include <cstdint>

#include "tilework/kernels/rope/rope_tables.h"

namespace tilework {

// The scheme of arguments that have passed Validate, and that must outlive it.
class RopeScaling {
 public:
  explicit RopeScaling(const RopeTablesArgs& args);

  // Of pair i, 0..h - 1.
  double InverseFrequency(int64_t i) const;
  // By which all cosines and sines are multiplied.
  double AttentionFactor() const;

 private:
  double Scaled(int64_t i) const;
  double Llama3(double f) const;
  double Ramp(int64_t i) const;

  const RopeTablesArgs& args_;
  double base_;    // as the type changes it
  double factor_;  // F
  // kYarn: the pairs between which the ramp rises.
  double ramp_begin_ = 0;
  double ramp_end_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_SCALING_H_
