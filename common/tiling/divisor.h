// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_TILING_DIVISOR_H_
#define TILEWORK_COMMON_TILING_DIVISOR_H_

#include <cstdint>

namespace tilework {

// A number >= 1 that many others are divided by: a few instructions on a GPU,
// where the division of 64-bit integers is a call of a long function.
class Divisor {
 public:
  constexpr Divisor() = default;
  constexpr explicit Divisor(int64_t value)
      : value_(value), inverse_(1.0 / static_cast<double>(value)) {}

  constexpr int64_t value() const { return value_; }

  // a / value() for 0 <= a < 2^53.
  constexpr int64_t Quotient(int64_t a) const {
    // Off by one at most: the product has a relative error of 2^-52, and is
    // below 2^52 unless it is exact.
    const auto quotient =
        static_cast<int64_t>(static_cast<double>(a) * inverse_);
    const int64_t rest = a - quotient * value_;
    if (rest < 0) return quotient - 1;
    return rest >= value_ ? quotient + 1 : quotient;
  }

 private:
  int64_t value_ = 1;
  double inverse_ = 1;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_TILING_DIVISOR_H_
