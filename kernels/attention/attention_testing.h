// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the oracles and tests of the attention kernels share.

#ifndef TILEWORK_KERNELS_ATTENTION_ATTENTION_TESTING_H_
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_TESTING_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// Results in float64, row after row.
struct AttentionReference {
  std::vector<double> out;
  std::vector<double> magnitude;  // sum_c P[c] |v[c]|, of which bounds are made
  std::vector<double> spread;     // sqrt(sum_c (P[c] v[c])^2)
  std::vector<double> lse;
  std::vector<double> largest_score;  // max |score| of each row

  // Appends the row with these visible scores; value(c, d) belongs to
  // scores[c].
  void AddRow(const std::vector<double>& scores, int64_t dv,
              absl::FunctionRef<double(int64_t c, int64_t d)> value);
};

// `reference` with the bounds of attention_cte.h for inputs of type `inputs`,
// times `factor`. `lse` may be absent.
std::vector<ExpectedTensor> WithBounds(const AttentionReference& reference,
                                       const ConstTensor& out,
                                       const ConstTensor& lse, DType inputs,
                                       double factor = 1.0);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_TESTING_H_
