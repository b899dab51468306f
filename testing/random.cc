// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/random.h"

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

void FillNormal(Random& random, const Tensor& tensor, double scale,
                double mean) {
  ForEachIndex(tensor.shape(), [&](const Dims& index) {
    Write(tensor, index, mean + scale * random.Normal());
  });
}

void FillUniform(Random& random, const Tensor& tensor, double low,
                 double high) {
  ForEachIndex(tensor.shape(), [&](const Dims& index) {
    Write(tensor, index, random.Uniform(low, high));
  });
}

}  // namespace tilework
