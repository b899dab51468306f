// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_NORMALIZATION_RMSNORM_QUANT_ORACLE_H_
#define TILEWORK_KERNELS_NORMALIZATION_RMSNORM_QUANT_ORACLE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/norm_quantize_oracle.h"
#include "tilework/kernels/normalization/rmsnorm_quant.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// The codes of packed rows without their scales.
inline Tensor CodesOf(const RmsNormQuantArgs& args) {
  return args.out.Slice(args.out.rank() - 1, 0, args.hidden.dim(-1));
}

inline std::vector<ExpectedTensor> RmsNormQuantExpected(
    const RmsNormQuantArgs& args) {
  const size_t size = static_cast<size_t>(args.hidden.dim(-1));
  const double divisor = static_cast<double>(
      args.hidden_actual.value_or(static_cast<int64_t>(size)));
  const double eps = static_cast<double>(args.eps);
  const auto gamma_of = [](const ConstTensor& gamma) {
    return gamma.present() ? ToDoubles(gamma) : std::vector<double>();
  };
  Approximate h = {ToDoubles(args.hidden), {}};
  h.error.resize(h.value.size());
  if (args.pre_norm_gamma.present()) {
    h = RmsOracle(h, size, divisor, eps, gamma_of(args.pre_norm_gamma));
    RoundApproximate(args.hidden.dtype(), h);
  }
  if (args.residual.present()) AddResidualOracle(args.residual, h);
  Approximate n = h;
  if (args.norm_type == NormType::kRmsNorm) {
    n = RmsOracle(h, size, divisor, eps, gamma_of(args.ln_w));
    RoundApproximate(args.intermediate_dtype, n);
  }
  const bool is_static = args.quantization_type == QuantizationType::kStatic;
  const double clip = !is_static && args.lower_bound > 1e-6f
                          ? static_cast<double>(args.lower_bound)
                          : std::numeric_limits<double>::infinity();
  const double scale =
      is_static ? static_cast<double>(*args.input_dequant_scale.data<float>())
                : 0;
  const size_t unit =
      args.group_size == 0
          ? size
          : std::min(size, static_cast<size_t>(args.group_size));
  const QuantizedOracle quantized =
      QuantizeOracle(n, size, unit, clip, scale, args.out.dtype());
  return {
      {"out", CodesOf(args), quantized.codes.value, quantized.codes.error},
      {"dequant_scale", args.dequant_scale, quantized.scales.value,
       quantized.scales.error},
      {"residual_out", args.residual_out, h.value, h.error},
  };
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_RMSNORM_QUANT_ORACLE_H_
