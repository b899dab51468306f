// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/weight_format.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"
#include "tilework/kernels/quantize/row_quantization.h"

namespace tilework {
namespace {

constexpr WeightFormat kFormats[] = {DType::kBF16,  DType::kF16,
                                     DType::kF32,   kF8Weights,
                                     kMxFp8Weights, kMxFp4Weights};

}  // namespace

std::string_view Name(const WeightFormat& format) {
  switch (format.type) {
    case QuantizationType::kRow:
      return "f8";
    case QuantizationType::kMx:
      return format.dtype == DType::kF4E2M1 ? "mxfp4" : "mxfp8";
    default:
      return Name(format.dtype);
  }
}

std::optional<WeightFormat> WeightFormatFromName(std::string_view name) {
  for (const WeightFormat& format : kFormats) {
    if (Name(format) == name) return format;
  }
  return std::nullopt;
}

WeightFormat HeadFormat(const WeightFormat& format) {
  return format == kMxFp4Weights ? kMxFp8Weights : format;
}

DType SourceType(const WeightFormat& format) {
  return format.quantized() ? DType::kF32 : format.dtype;
}

absl::StatusOr<PackedMatrix> PackWeight(const ConstTensor& out_in,
                                        const WeightFormat& format,
                                        HostContext& context) {
  if (!format.quantized()) {
    return PackedMatrix::Pack(out_in.Transpose(), context);
  }
  const int64_t out = out_in.dim(0);
  const int64_t in = out_in.dim(1);
  Buffer codes(format.dtype, out_in.shape());
  if (format.type == QuantizationType::kRow) {
    Buffer scales(DType::kF32, {out});
    const absl::Status status =
        RowQuantization({.hidden_state = out_in,
                         .quantized = codes.view(),
                         .dequant_scale = scales.view()},
                        context);
    if (!status.ok()) return status;
    return PackedMatrix::Pack(
        QuantizedMatrix{codes.view().Transpose(), scales.view(),
                        QuantScheme::kPerChannel},
        context);
  }
  Buffer scales(DType::kE8M0, {out, (in + kMxBlockSize - 1) / kMxBlockSize});
  const absl::Status status = QuantizeMxfp8(
      {.src_tensor = out_in, .data = codes.view(), .scales = scales.view()},
      context);
  if (!status.ok()) return status;
  return PackedMatrix::Pack(
      QuantizedMatrix{codes.view().Transpose(), scales.view().Transpose(),
                      QuantScheme::kMx},
      context);
}

}  // namespace tilework
