// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_QUANTIZE_MX_ORDER_H_
#define TILEWORK_KERNELS_QUANTIZE_MX_ORDER_H_

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/packing.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Exchanges the last two dimensions of all tensors of a dequantization where
// that is the order in which the codes lie in memory.
inline void OrderByCodes(ConstTensor& data, ConstTensor& scales, Tensor& y,
                         int& axis) {
  const bool packed = PackFactor(data.dtype()) > 1;
  const bool adjacent = packed ? IsPackedAlong(data, -1) : data.stride(-1) == 1;
  if (adjacent || data.rank() < 2 || (!packed && data.stride(-2) != 1)) return;
  data = data.Transpose();
  scales = scales.Transpose();
  y = y.Transpose();
  axis = -3 - axis;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_MX_ORDER_H_
