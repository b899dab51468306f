// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The scales of a tensor that is cut into units.

#ifndef TILEWORK_KERNELS_QUANTIZE_SCALE_ROWS_H_
#define TILEWORK_KERNELS_QUANTIZE_SCALE_ROWS_H_

#include <cstdint>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/granularity.h"

namespace tilework {

// Scales of f32 or e8m0 by band and column (ScaleUnits) of a tensor of rank
// `rank`. View is Tensor or ConstTensor.
template <class View>
class ScaleRows {
 public:
  // No scales.
  ScaleRows() = default;
  ScaleRows(const View& scale, int rank, QuantizationGranularity granularity)
      : scale_(scale) {
    // One scale is the first element, whatever the rank.
    if (granularity == QuantizationGranularity::kTensor) return;
    offsets_ = RowOffsets(scale, rank - 1);
    if (scale.rank() == rank) stride_ = scale.stride(-1);
  }

  float Load(int64_t band, int64_t column) const {
    const int64_t at = offsets_[band] + column * stride_;
    return scale_.dtype() == DType::kE8M0
               ? static_cast<float>(scale_.template data<E8M0>()[at])
               : scale_.template data<float>()[at];
  }
  void Store(int64_t band, int64_t column, float value) const {
    const int64_t at = offsets_[band] + column * stride_;
    if (scale_.dtype() == DType::kE8M0) {
      scale_.template data<E8M0>()[at] = E8M0(value);
    } else {
      scale_.template data<float>()[at] = value;
    }
  }

 private:
  View scale_;
  RowOffsets offsets_;
  int64_t stride_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_SCALE_ROWS_H_
