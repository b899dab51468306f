// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How a model's matrices are stored.

#ifndef TILEWORK_EXAMPLES_GENERATE_WEIGHT_FORMAT_H_
#define TILEWORK_EXAMPLES_GENERATE_WEIGHT_FORMAT_H_

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

struct WeightFormat {
  DType dtype;  // of the elements
  QuantizationType type;

  // f32, bf16 or f16, as it is.
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr WeightFormat(DType dtype,
                         QuantizationType type = QuantizationType::kNone)
      : dtype(dtype), type(type) {}
  bool operator==(const WeightFormat&) const = default;

  bool quantized() const { return type != QuantizationType::kNone; }
};

// f8e4m3 with a scale for each output.
inline constexpr WeightFormat kF8Weights = {DType::kF8E4M3,
                                            QuantizationType::kRow};
// MX blocks of f8e4m3, of f4e2m1.
inline constexpr WeightFormat kMxFp8Weights = {DType::kF8E4M3,
                                               QuantizationType::kMx};
inline constexpr WeightFormat kMxFp4Weights = {DType::kF4E2M1,
                                               QuantizationType::kMx};

// bf16, f16, f32, f8, mxfp8 or mxfp4; the inverse has none for other names.
std::string_view Name(const WeightFormat& format);
std::optional<WeightFormat> WeightFormatFromName(std::string_view name);
inline constexpr std::string_view kWeightFormatNames =
    "bf16, f16, f32, f8, mxfp8 or mxfp4";

// The format of the matrix that makes logits, which is more sensitive: of at
// least 8 bits.
WeightFormat HeadFormat(const WeightFormat& format);
// What a matrix is read as before it is quantized: f32, or as it is stored.
DType SourceType(const WeightFormat& format);

// Quantizes a weight stored [out, in], of SourceType(format), by the library's
// kernels, and packs it as [in, out].
absl::StatusOr<PackedMatrix> PackWeight(const ConstTensor& out_in,
                                        const WeightFormat& format,
                                        HostContext& context);

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_WEIGHT_FORMAT_H_
