// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The numbers behind the codes of 8 and 4 bits, as bf16, which has them all.

#ifndef TILEWORK_COMMON_GEMM_CODES_H_
#define TILEWORK_COMMON_GEMM_CODES_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

namespace codes_internal {

// The bits of the bf16 for each code of F, repeated if F has fewer than 8 bits.
template <typename F>
constexpr std::array<uint16_t, 256> MakeTable() {
  std::array<uint16_t, 256> table = {};
  for (size_t i = 0; i < table.size(); ++i) {
    const F code = F::FromBits(static_cast<uint8_t>(i));
    table[i] = BFloat16(static_cast<float>(code)).bits;
  }
  return table;
}

}  // namespace codes_internal

template <typename F>
inline constexpr std::array<uint16_t, 256> kBf16OfCode =
    codes_internal::MakeTable<F>();

// f8e4m3_240 is read as f8e4m3.
constexpr const std::array<uint16_t, 256>& Bf16Table(DType dtype) {
  if (dtype == DType::kF4E2M1) return kBf16OfCode<Float4E2M1>;
  return dtype == DType::kF8E5M2 ? kBf16OfCode<Float8E5M2>
                                 : kBf16OfCode<Float8E4M3>;
}

// code * scale, where `bits` is the bf16 of the code. Infinity above the range
// of f32.
constexpr BFloat16 ScaledCode(uint16_t bits, E8M0 scale) {
  return BFloat16(static_cast<float>(BFloat16::FromBits(bits)) *
                  static_cast<float>(scale));
}

// The codes of a view [K, N] of an 8-bit type or f4e2m1, one at a time.
class CodeReader {
 public:
  explicit CodeReader(const ConstTensor& codes)
      : data_(static_cast<const uint8_t*>(codes.data())),
        row_stride_(codes.stride(0)),
        col_stride_(codes.stride(1)),
        packed_(codes.dtype() == DType::kF4E2M1) {}

  uint8_t operator()(int64_t k, int64_t n) const {
    const int64_t offset = k * row_stride_ + n * col_stride_;
    if (!packed_) return data_[offset];
    return (data_[offset / 2] >> (offset % 2 * 4)) & 0xFu;
  }

 private:
  const uint8_t* data_;
  int64_t row_stride_;
  int64_t col_stride_;
  bool packed_;
};

// The scales of kMx and kMxCompact; 1 for every other scheme.
class MxScaleReader {
 public:
  MxScaleReader(QuantScheme scheme, const ConstTensor& scales)
      : row_block_(scheme == QuantScheme::kMx ? kMxBlockSize : kScaleBlock),
        col_block_(scheme == QuantScheme::kMx ? 1 : kScaleBlock) {
    if (scheme == QuantScheme::kMx || scheme == QuantScheme::kMxCompact) {
      scales_ = scales;
    }
  }

  bool present() const { return scales_.present(); }
  E8M0 operator()(int64_t k, int64_t n) const {
    if (!scales_.present()) return E8M0::FromBits(127);
    return *scales_.At<E8M0>(k / row_block_, n / col_block_);
  }

 private:
  ConstTensor scales_;
  int64_t row_block_;
  int64_t col_block_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_CODES_H_
