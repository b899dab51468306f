// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/random.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

void RepeatElements(const Tensor& tensor, int64_t size) {
  auto* bytes = static_cast<char*>(tensor.data());
  const int64_t period = ContiguousBytes({size}, tensor.dtype());
  const int64_t total = tensor.NumBytes();
  for (int64_t done = period; done < total; done += period) {
    std::memcpy(bytes + done, bytes,
                static_cast<size_t>(std::min(period, total - done)));
  }
}

Buffer TypicalNumbers(DType dtype, const Dims& shape) {
  constexpr int64_t kDrawn = int64_t{1} << 15;
  Buffer result(dtype, shape);
  const Tensor view = result.view();
  const int64_t drawn = std::min(kDrawn, shape.Product());
  Random random(1);
  FillNormal(random, Tensor(view.data(), dtype, {drawn}));
  RepeatElements(view, drawn);
  return result;
}

}  // namespace tilework
