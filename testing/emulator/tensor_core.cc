// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/tensor_core.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tiling/matrix_descriptor.h"
#include "tilework/common/tiling/operand_layout.h"
#include "tilework/common/tiling/swizzle.h"

namespace tilework::emulator {
namespace {

// Fraction bits below the largest term that are kept of each term, and of the
// sum.
struct Precision {
  int term_bits;
  int sum_bits;
};
constexpr Precision kWide = {.term_bits = 25, .sum_bits = 23};
constexpr Precision kNarrow = {.term_bits = 13, .sum_bits = 13};

constexpr size_t kMaxTerms = 32;

// 2^exponent, a normal number.
double PowerOfTwo(int exponent) {
  return std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

int Exponent(double finite_normal) {
  return static_cast<int>(std::bit_cast<uint64_t>(finite_normal) >> 52 &
                          0x7FF) -
         1023;
}

// `value` with `bits` fraction bits as an f32, the rest cut off.
float CutOff(double value, int bits) {
  const uint64_t mask = ~uint64_t{0} << (52 - bits);
  const double cut =
      std::bit_cast<double>(std::bit_cast<uint64_t>(value) & mask);
  if (std::abs(cut) >= 0x1p128) {
    return std::copysign(std::numeric_limits<float>::infinity(),
                         static_cast<float>(std::copysign(1.0, value)));
  }
  // Subnormal results have fewer bits still; they are cut off as well.
  const double step = 0x1p-149;
  if (std::abs(cut) < 0x1p-126) {
    return static_cast<float>(std::trunc(cut / step) * step);
  }
  return static_cast<float>(cut);
}

// With infinities and NaNs, which no order of additions changes.
float NotFinite(double accumulator, absl::Span<const double> products) {
  double sum = accumulator;
  for (double product : products) sum += product;
  return std::isnan(sum) ? std::bit_cast<float>(0x7FFFFFFFu)
                         : static_cast<float>(sum);
}

template <typename T, typename Bits>
float Load(const std::byte* data) {
  Bits bits;
  std::memcpy(&bits, data, sizeof(bits));
  return static_cast<float>(T::FromBits(bits));
}

}  // namespace

float TensorCoreSum(float accumulator, absl::Span<const float> a,
                    absl::Span<const float> b, bool narrow) {
  const Precision precision = narrow ? kNarrow : kWide;
  const size_t count = a.size();
  double products[kMaxTerms];
  double largest = std::abs(double{accumulator});
  bool finite = std::isfinite(accumulator);
  for (size_t i = 0; i < count; ++i) {
    products[i] = double{a[i]} * b[i];
    finite &= std::abs(products[i]) <= std::numeric_limits<double>::max();
    largest = std::max(largest, std::abs(products[i]));
  }
  if (!finite) return NotFinite(accumulator, {products, count});
  if (largest == 0) return 0;
  const int exponent = Exponent(largest);
  const double scale = PowerOfTwo(precision.term_bits - exponent);
  int64_t sum = static_cast<int64_t>(accumulator * scale);
  for (size_t i = 0; i < count; ++i) {
    sum += static_cast<int32_t>(products[i] * scale);
  }
  return CutOff(
      static_cast<double>(sum) * PowerOfTwo(exponent - precision.term_bits),
      precision.sum_bits);
}

float ElementValue(DType dtype, const std::byte* data) {
  switch (dtype) {
    case DType::kBF16:
      return Load<BFloat16, uint16_t>(data);
    case DType::kF16:
      return Load<Float16, uint16_t>(data);
    case DType::kF8E4M3:
      return Load<Float8E4M3, uint8_t>(data);
    default:
      return Load<Float8E5M2, uint8_t>(data);
  }
}

ElementPlace FindElement(const MatrixDescriptor& descriptor, Major major,
                         uint32_t element_bytes, uint32_t i, uint32_t j) {
  const bool none = descriptor.swizzle == Swizzle::kNone;
  const uint32_t span = SwizzleSpan(descriptor.swizzle);
  const uint32_t leading = descriptor.leading_byte_offset;
  const uint32_t stride = descriptor.stride_byte_offset;
  // The matrix in units of chunks: `along` the major dimension, `line` across.
  const uint32_t per_chunk = 16 / element_bytes;
  const uint32_t along = (major == Major::kK ? j : i) / per_chunk;
  const uint32_t line = major == Major::kK ? i : j;
  uint32_t address = descriptor.start_address + line % 8 * span;
  if (major == Major::kK) {
    address += line / 8 * stride + along * (none ? leading : 16);
  } else if (none) {
    address += along * stride + line / 8 * leading;
  } else {
    const uint32_t chunks = span / 16;
    address +=
        along % chunks * 16 + along / chunks * leading + line / 8 * stride;
  }
  return {.chunk = ApplySwizzle(descriptor.swizzle, address),
          .byte = (major == Major::kK ? j : i) % per_chunk * element_bytes};
}

}  // namespace tilework::emulator
