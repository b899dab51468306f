// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Element types: the enumeration that every tensor carries, and the storage
// types of the 16-bit floating-point formats with their exact conversions. The
// storage types of 8 and 4 bits are in narrow.h.
//
//   format  bits  exponent/mantissa  largest finite   unit roundoff
//   f32     32    8 / 23             3.4028235e38     2^-24
//   bf16    16    8 / 7              3.3895314e38     2^-8
//   f16     16    5 / 10             65504            2^-11
//
// Widening to f32 is exact; NaNs of f16 become quiet ones, as in hardware.
// Narrowing rounds to nearest, ties to even; overflow gives infinity; a NaN
// stays a (quiet) NaN. All conversions are constexpr, so that host, device and
// tests share one definition.

#ifndef TILEWORK_COMMON_DTYPE_DTYPE_H_
#define TILEWORK_COMMON_DTYPE_DTYPE_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tilework {

// Values are stable: they may be written to files.
enum class DType : uint8_t {
  kNone = 0,  // no tensor
  kF32 = 1,
  kBF16 = 2,
  kF16 = 3,
  // Formats of 8 and 4 bits; up to 15 is room for more.
  kF8E4M3 = 4,
  kF8E4M3_240 = 5,
  kF8E5M2 = 6,
  kE8M0 = 7,
  kF4E2M1 = 8,  // two elements share a byte
  kU8 = 16,
  kI32 = 17,
  kI64 = 18,
  kF64 = 19,
};

// All but kNone.
inline constexpr DType kAllDTypes[] = {
    DType::kF32,        DType::kBF16,   DType::kF16,  DType::kF8E4M3,
    DType::kF8E4M3_240, DType::kF8E5M2, DType::kE8M0, DType::kF4E2M1,
    DType::kU8,         DType::kI32,    DType::kI64,  DType::kF64};

// Bytes of one element, or of the PackFactor() elements that share a byte; 0
// for kNone.
constexpr size_t SizeOf(DType dtype) {
  switch (dtype) {
    case DType::kNone:
      return 0;
    case DType::kF8E4M3:
    case DType::kF8E4M3_240:
    case DType::kF8E5M2:
    case DType::kE8M0:
    case DType::kF4E2M1:
    case DType::kU8:
      return 1;
    case DType::kBF16:
    case DType::kF16:
      return 2;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF64:
    case DType::kI64:
      return 8;
  }
  return 0;
}

// Consecutive elements in SizeOf() bytes: 2 for f4e2m1, 1 for all others.
constexpr int64_t PackFactor(DType dtype) {
  return dtype == DType::kF4E2M1 ? 2 : 1;
}

// Lower-case name as in the documentation: "f32", "bf16", ...
constexpr std::string_view Name(DType dtype) {
  switch (dtype) {
    case DType::kNone:
      return "none";
    case DType::kF32:
      return "f32";
    case DType::kBF16:
      return "bf16";
    case DType::kF16:
      return "f16";
    case DType::kF8E4M3:
      return "f8e4m3";
    case DType::kF8E4M3_240:
      return "f8e4m3_240";
    case DType::kF8E5M2:
      return "f8e5m2";
    case DType::kE8M0:
      return "e8m0";
    case DType::kF4E2M1:
      return "f4e2m1";
    case DType::kU8:
      return "u8";
    case DType::kI32:
      return "i32";
    case DType::kI64:
      return "i64";
    case DType::kF64:
      return "f64";
  }
  return "invalid";
}

// The inverse of Name(); kNone if there is no such type.
constexpr DType DTypeFromName(std::string_view name) {
  for (DType dtype : kAllDTypes) {
    if (Name(dtype) == name) return dtype;
  }
  return DType::kNone;
}

// f32, bf16 or f16: what activations and unquantized weights are made of.
constexpr bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

// f8e4m3, f8e4m3_240 or f8e5m2.
constexpr bool IsFloat8(DType dtype) {
  return dtype == DType::kF8E4M3 || dtype == DType::kF8E4M3_240 ||
         dtype == DType::kF8E5M2;
}

// Half an ulp of 1: the largest relative error of rounding to a floating-point
// `dtype` (0 for e8m0 and the integers).
constexpr double UnitRoundoff(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 0x1p-24;
    case DType::kBF16:
      return 0x1p-8;
    case DType::kF16:
      return 0x1p-11;
    case DType::kF8E4M3:
    case DType::kF8E4M3_240:
      return 0x1p-4;
    case DType::kF8E5M2:
      return 0x1p-3;
    case DType::kF4E2M1:
      return 0x1p-2;
    case DType::kF64:
      return 0x1p-53;
    default:
      return 0.0;
  }
}

// The smallest positive number of a floating-point `dtype` (0 for e8m0 and the
// integers). Rounding to it errs by UnitRoundoff * |value| or half of this,
// whichever is larger.
constexpr double SmallestSubnormal(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 0x1p-149;
    case DType::kBF16:
      return 0x1p-133;
    case DType::kF16:
      return 0x1p-24;
    case DType::kF8E4M3:
    case DType::kF8E4M3_240:
      return 0x1p-9;
    case DType::kF8E5M2:
      return 0x1p-16;
    case DType::kF4E2M1:
      return 0.5;
    case DType::kF64:
      return 0x1p-1074;
    default:
      return 0.0;
  }
}

struct BFloat16 {
  uint16_t bits;

  BFloat16() = default;
  constexpr explicit BFloat16(float value) : bits(Round(value)) {}
  static constexpr BFloat16 FromBits(uint16_t bits) {
    BFloat16 result(0.0f);
    result.bits = bits;
    return result;
  }
  constexpr explicit operator float() const {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }

 private:
  static constexpr uint16_t Round(float value) {
    const uint32_t u = std::bit_cast<uint32_t>(value);
    if ((u & 0x7FFFFFFFu) > 0x7F800000u) {  // NaN: keep it one, make it quiet
      return static_cast<uint16_t>((u >> 16) | 0x0040u);
    }
    const uint32_t to_even = 0x7FFFu + ((u >> 16) & 1u);
    return static_cast<uint16_t>((u + to_even) >> 16);
  }
};

struct Float16 {
  uint16_t bits;

  Float16() = default;
  constexpr explicit Float16(float value) : bits(Round(value)) {}
  static constexpr Float16 FromBits(uint16_t bits) {
    Float16 result(0.0f);
    result.bits = bits;
    return result;
  }
  constexpr explicit operator float() const {
    const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
    const uint32_t exponent = (bits >> 10) & 0x1Fu;
    const uint32_t mantissa = bits & 0x3FFu;
    if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24, exact in f32
      const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
      return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
    }
    if (exponent == 31) {
      const uint32_t quiet = mantissa != 0 ? 0x00400000u : 0u;
      return std::bit_cast<float>(sign | 0x7F800000u | quiet |
                                  (mantissa << 13));
    }
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) |
                                (mantissa << 13));
  }

 private:
  static constexpr uint16_t Round(float value) {
    const uint32_t u = std::bit_cast<uint32_t>(value);
    const uint32_t sign = (u >> 16) & 0x8000u;
    const uint32_t magnitude = u & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) {
      return static_cast<uint16_t>(sign | 0x7E00u |
                                   ((magnitude >> 13) & 0x3FFu));
    }
    if (magnitude >= 0x477FF000u) {  // from 65520 on
      return static_cast<uint16_t>(sign | 0x7C00u);
    }
    if (magnitude < 0x38800000u) {  // below 2^-14: a multiple of 2^-24
      if (magnitude < 0x33000000u) return static_cast<uint16_t>(sign);
      const uint32_t shift = 126u - (magnitude >> 23);  // 14..24
      const uint32_t significand = (magnitude & 0x7FFFFFu) | 0x800000u;
      return static_cast<uint16_t>(sign | RoundShift(significand, shift));
    }
    return static_cast<uint16_t>(sign |
                                 RoundShift(magnitude - 0x38000000u, 13));
  }
  // value / 2^shift, rounded to nearest even.
  static constexpr uint32_t RoundShift(uint32_t value, uint32_t shift) {
    const uint32_t half = (1u << (shift - 1)) - 1 + ((value >> shift) & 1u);
    return (value + half) >> shift;
  }
};

static_assert(sizeof(BFloat16) == 2 && sizeof(Float16) == 2);

namespace dtype_internal {
template <typename T>
constexpr DType DTypeOf() = delete;
template <>
constexpr DType DTypeOf<float>() {
  return DType::kF32;
}
template <>
constexpr DType DTypeOf<double>() {
  return DType::kF64;
}
template <>
constexpr DType DTypeOf<BFloat16>() {
  return DType::kBF16;
}
template <>
constexpr DType DTypeOf<Float16>() {
  return DType::kF16;
}
template <>
constexpr DType DTypeOf<uint8_t>() {
  return DType::kU8;
}
template <>
constexpr DType DTypeOf<int32_t>() {
  return DType::kI32;
}
template <>
constexpr DType DTypeOf<int64_t>() {
  return DType::kI64;
}
}  // namespace dtype_internal

// The DType of storage type T.
template <typename T>
inline constexpr DType kDTypeOf = dtype_internal::DTypeOf<T>();

// Calls `f` with a value-initialized T for the floating-point storage type T
// of `dtype`, which must satisfy IsFloat(); other types are not called.
template <typename F>
void VisitFloat(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF32:
      f(float{});
      break;
    case DType::kBF16:
      f(BFloat16{});
      break;
    case DType::kF16:
      f(Float16{});
      break;
    default:
      break;
  }
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DTYPE_DTYPE_H_
