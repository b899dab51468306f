// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/quantize_check.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/granularity.h"

namespace tilework {
namespace {

bool IsScale(float value, bool allow_nan) {
  return (value > 0 && value <= std::numeric_limits<float>::max()) ||
         (allow_nan && std::isnan(value));
}

template <typename T>
void CheckValues(std::string_view name, const ConstTensor& scale,
                 bool allow_nan, ArgumentChecker& check) {
  const int64_t size = scale.rank() == 0 ? 1 : scale.dim(-1);
  const int64_t stride = scale.rank() == 0 ? 0 : scale.stride(-1);
  const RowOffsets offsets(scale, scale.rank() - 1);
  const int64_t num_rows = size == 0 ? 0 : NumRows(scale);
  for (int64_t row = 0; row < num_rows; ++row) {
    const T* values = scale.data<T>() + offsets[row];
    for (int64_t i = 0; i < size; ++i) {
      const float value = static_cast<float>(values[i * stride]);
      if (IsScale(value, allow_nan)) continue;
      check.Require(false, name, " has the value ", value,
                    ", expected finite and > 0");
      return;
    }
  }
}

}  // namespace

void CheckScaleValues(std::string_view name, const ConstTensor& scale,
                      bool allow_nan, ArgumentChecker& check) {
  if (!check.ok() || !scale.present()) return;
  if (scale.dtype() == DType::kE8M0) {
    // All are finite and > 0, or NaN.
    if (!allow_nan) CheckValues<E8M0>(name, scale, allow_nan, check);
  } else {
    CheckValues<float>(name, scale, allow_nan, check);
  }
}

std::string_view ShapeFor(QuantizationGranularity granularity) {
  return granularity == QuantizationGranularity::kBlock2d ? "... M H" : "... H";
}

void CheckGranularity(QuantizationGranularity granularity, int64_t group_size,
                      ArgumentChecker& check) {
  check.Require(granularity <= QuantizationGranularity::kTensor,
                "granularity is ", static_cast<int>(granularity),
                ", expected 0 (ROW), 1 (GROUP), 2 (BLOCK2D) or 3 (TENSOR)");
  const bool grouped = granularity == QuantizationGranularity::kGroup ||
                       granularity == QuantizationGranularity::kBlock2d;
  check.Require(!grouped || group_size >= 1, "group_size is ", group_size,
                ", expected >= 1");
}

void CheckNotEmpty(std::string_view name, const ConstTensor& x,
                   QuantizationGranularity granularity,
                   ArgumentChecker& check) {
  if (!check.ok()) return;
  switch (granularity) {
    case QuantizationGranularity::kRow:
    case QuantizationGranularity::kGroup:
      check.Require(x.dim(-1) >= 1 || !HasRows(x), name, " is ", x.shape(),
                    ": H = 0, expected >= 1");
      return;
    case QuantizationGranularity::kBlock2d:
      return;
    case QuantizationGranularity::kTensor:
      check.Require(x.NumElements() > 0, name, " is ", x.shape(),
                    ": no elements, expected some for granularity TENSOR");
      return;
  }
}

void CheckScaleShape(std::string_view name, const ConstTensor& scale,
                     QuantizationGranularity granularity, int64_t group_size,
                     absl::Span<const DType> dtypes, ArgumentChecker& check) {
  if (!check.ok()) return;
  switch (granularity) {
    case QuantizationGranularity::kRow:
      check.Required(name, scale, "... 1 | ...", dtypes);
      return;
    case QuantizationGranularity::kGroup:
      check.Bind("H/G", CeilDiv(check["H"], group_size),
                 "ceil(H / group_size)");
      check.Required(name, scale, "... H/G", dtypes);
      return;
    case QuantizationGranularity::kBlock2d:
      check.Bind("M/G", CeilDiv(check["M"], group_size),
                 "ceil(M / group_size)");
      check.Bind("H/G", CeilDiv(check["H"], group_size),
                 "ceil(H / group_size)");
      check.Required(name, scale, "... M/G H/G", dtypes);
      return;
    case QuantizationGranularity::kTensor:
      check.Require(scale.present(), name, " is missing, expected one element");
      check.Optional(name, scale, kOneElement, dtypes);
      return;
  }
}

}  // namespace tilework
