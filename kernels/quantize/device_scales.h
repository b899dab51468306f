// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_QUANTIZE_DEVICE_SCALES_H_
#define TILEWORK_KERNELS_QUANTIZE_DEVICE_SCALES_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/granularity.h"

namespace tilework {

// ScaleRows (scale_rows.h) as a parameter of kernels; reads and writes.
class DeviceScales {
 public:
  // No scales.
  DeviceScales() = default;
  // Of a tensor of rank `rank`. Store() is for a `scale` that may be written.
  DeviceScales(const ConstTensor& scale, int rank,
               QuantizationGranularity granularity)
      : data_(const_cast<void*>(scale.data())),
        is_e8m0_(scale.dtype() == DType::kE8M0) {
    // One scale is the first element, whatever the rank.
    if (granularity == QuantizationGranularity::kTensor) return;
    offsets_ = RowOffsets(scale, rank - 1);
    if (scale.rank() == rank) stride_ = scale.stride(-1);
  }

  __device__ float Load(int64_t band, int64_t column) const {
    const int64_t at = offsets_[band] + column * stride_;
    if (is_e8m0_)
      return static_cast<float>(static_cast<const E8M0*>(data_)[at]);
    return static_cast<const float*>(data_)[at];
  }
  __device__ void Store(int64_t band, int64_t column, float value) const {
    const int64_t at = offsets_[band] + column * stride_;
    if (is_e8m0_) {
      static_cast<E8M0*>(data_)[at] = E8M0(value);
    } else {
      static_cast<float*>(data_)[at] = value;
    }
  }

 private:
  void* data_ = nullptr;
  RowOffsets offsets_;
  int64_t stride_ = 0;
  bool is_e8m0_ = false;
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_DEVICE_SCALES_H_
