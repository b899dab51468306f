// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_NORMALIZATION_RMSNORM_MX_QUANTIZE_ORACLE_H_
#define TILEWORK_KERNELS_NORMALIZATION_RMSNORM_MX_QUANTIZE_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/norm_quantize_oracle.h"
#include "tilework/kernels/normalization/rmsnorm_mx_quantize.h"
#include "tilework/testing/tensors.h"

namespace tilework {

namespace rmsnorm_mx_quantize_internal {

// Every code of a number, and every scale up to about twice that of kRceil and
// kCeil: where a block's largest magnitude is near a power of two, the error of
// the norm decides about it. Tests compare both exactly with quantize_mxfp8 of
// the normalized output.
inline std::vector<ExpectedTensor> MxExpected(const RmsNormMxQuantizeArgs& args,
                                              const Approximate& n) {
  const size_t size = static_cast<size_t>(args.input.dim(-1));
  const DType code = CodeType(args);
  std::vector<double> scales;
  for (size_t row = 0; row < n.value.size(); row += size) {
    for (size_t begin = row; begin < row + size; begin += kMxBlockSize) {
      const size_t end = std::min<size_t>(begin + kMxBlockSize, row + size);
      double amax = 0x1p-126;
      for (size_t i = begin; i < end; ++i) {
        amax = std::max(amax, std::abs(n.value[i]));
      }
      scales.push_back(4 * amax / LargestNumber(code) + 0x1p-126);
    }
  }
  std::vector<ExpectedTensor> expected = {
      {"output_scale", Tensor(), std::vector<double>(scales.size()), scales}};
  if (args.output_scale.present() &&
      args.output_scale.dtype() == DType::kE8M0) {
    expected[0].actual = args.output_scale;
  }
  if (args.output_quant.dtype() != DType::kU8) {
    const ConstTensor codes = args.output_quant.Slice(
        args.output_quant.rank() - 1, 0, args.input.dim(-1));
    const size_t num = n.value.size();
    expected.push_back({"output_quant", codes, std::vector<double>(num),
                        std::vector<double>(num, LargestNumber(code))});
  }
  return expected;
}

}  // namespace rmsnorm_mx_quantize_internal

inline std::vector<ExpectedTensor> RmsNormMxQuantizeExpected(
    const RmsNormMxQuantizeArgs& args) {
  const size_t size = static_cast<size_t>(args.input.dim(-1));
  const double divisor = static_cast<double>(
      args.hidden_actual.value_or(static_cast<int64_t>(size)));
  Approximate h = {ToDoubles(args.input), {}};
  h.error.resize(h.value.size());
  if (args.residual.present()) AddResidualOracle(args.residual, h);
  Approximate n = RmsOracle(
      h, size, divisor, static_cast<double>(args.eps),
      args.gamma.present() ? ToDoubles(args.gamma) : std::vector<double>());
  RoundApproximate(args.intermediate_dtype.value_or(args.input.dtype()), n);
  std::vector<ExpectedTensor> expected;
  if (args.quantization_type == QuantizationType::kMx) {
    expected = rmsnorm_mx_quantize_internal::MxExpected(args, n);
  } else {
    const double scale =
        args.quantization_type == QuantizationType::kStaticMx
            ? static_cast<double>(*args.input_dequant_scale.data<float>())
            : 0;
    const QuantizedOracle quantized =
        QuantizeOracle(n, size, size, std::numeric_limits<double>::infinity(),
                       scale, args.output_quant.dtype());
    expected = {{"output_quant", args.output_quant, quantized.codes.value,
                 quantized.codes.error},
                {"output_row_dequant_scale", args.output_row_dequant_scale,
                 quantized.scales.value, quantized.scales.error}};
  }
  expected.push_back(
      {"output_residual", args.output_residual, h.value, h.error});
  if (args.output.present()) {
    Approximate output = n;
    RoundApproximate(args.output.dtype(), output);
    expected.push_back({"output", args.output, output.value, output.error});
  }
  return expected;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_RMSNORM_MX_QUANTIZE_ORACLE_H_
