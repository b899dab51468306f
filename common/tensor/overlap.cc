// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/overlap.h"

#include <cstdint>
#include <optional>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

// The elements from the first to the last of those dimensions of `view` whose
// strides are below `period`; nothing if that is more than a period, or if
// another stride is no multiple of it.
std::optional<int64_t> SizeWithin(const ConstTensor& view, int64_t period) {
  int64_t size = 1;
  for (int i = 0; i < view.rank(); ++i) {
    const int64_t stride = view.stride(i);
    if (view.dim(i) <= 1 || stride % period == 0) continue;
    if (stride > period || view.dim(i) - 1 > (period - size) / stride) {
      return std::nullopt;
    }
    size += (view.dim(i) - 1) * stride;
  }
  return size;
}

// Whether the elements of `a` and `b` never meet because they keep to different
// parts of a period.
bool Apart(const ConstTensor& a, const ConstTensor& b, int64_t period) {
  const std::optional<int64_t> a_size = SizeWithin(a, period);
  const std::optional<int64_t> b_size = SizeWithin(b, period);
  if (!a_size.has_value() || !b_size.has_value()) return false;
  const int64_t bytes =
      static_cast<const char*>(b.data()) - static_cast<const char*>(a.data());
  const int64_t element = static_cast<int64_t>(SizeOf(a.dtype()));
  if (bytes % element != 0) return false;
  const int64_t distance = ((bytes / element) % period + period) % period;
  return distance >= *a_size && distance <= period - *b_size;
}

}  // namespace

bool MayShareElements(const ConstTensor& a, const ConstTensor& b) {
  if (!Overlap(a, b)) return false;
  if (a.dtype() != b.dtype() || PackFactor(a.dtype()) != 1) return true;
  for (const ConstTensor* view : {&a, &b}) {
    for (const int64_t stride : view->strides()) {
      if (stride > 0 && Apart(a, b, stride)) return false;
    }
  }
  return true;
}

}  // namespace tilework
