// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Tensors for tests: element access in double for oracles, guarded and poisoned
// memory, and comparison against an oracle with an error bound per element.

#ifndef TILEWORK_TESTING_TENSORS_H_
#define TILEWORK_TESTING_TENSORS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Calls f(index) for every index of `shape`, in row-major order.
void ForEachIndex(const Dims& shape, absl::FunctionRef<void(const Dims&)> f);

// Element access by index; floating-point and integer types.
double Read(const ConstTensor& tensor, const Dims& index);
// Rounds once to the tensor's type (from double through float).
void Write(const Tensor& tensor, const Dims& index, double value);

// u8, i32 or i64.
bool IsInteger(DType dtype);

// `value` rounded to `dtype`, as a double.
double RoundToDType(double value, DType dtype);

// All elements in row-major order, widened.
std::vector<double> ToDoubles(const ConstTensor& tensor);

// How a test tensor lies in memory.
enum class Layout {
  kContiguous,
  kUnaligned,  // row-major, starting one element past an aligned address
  kPadded,     // gaps between the rows of the last dimension
  kReversed,   // last dimension outermost: no unit stride in the last dimension
};
inline constexpr Layout kAllLayouts[] = {Layout::kContiguous,
                                         Layout::kUnaligned, Layout::kPadded,
                                         Layout::kReversed};

// A tensor in guarded memory. Fresh elements are NaN (integers: a pattern;
// f4e2m1: -6), so that an output element that a kernel forgets shows; bytes
// outside the view carry a pattern that Intact() checks.
class GuardedTensor {
 public:
  GuardedTensor(DType dtype, const Dims& shape,
                Layout layout = Layout::kContiguous);
  // A copy's view would be of the original; a move keeps the memory in place.
  GuardedTensor(GuardedTensor&&) = default;
  GuardedTensor& operator=(GuardedTensor&&) = default;

  const Tensor& view() const { return view_; }
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator Tensor() const { return view_; }
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator ConstTensor() const { return view_; }

  // Makes every element what it was at first.
  void Poison();
  // All bytes, the guards among them; to compare, or to set the tensor back.
  const std::vector<unsigned char>& bytes() const { return memory_; }
  void SetBytes(const std::vector<unsigned char>& bytes) {
    std::copy(bytes.begin(), bytes.end(), memory_.begin());
  }
  unsigned char* mutable_bytes() { return memory_.data(); }
  // Success if no byte outside the view changed.
  testing::AssertionResult Intact() const;

 private:
  std::vector<unsigned char> memory_;
  std::vector<bool> owned_;  // bytes that belong to elements
  Tensor view_;
};

// The outcome of a comparison; stream it into a failure message.
struct Comparison {
  double worst_ratio = 0;  // largest |actual - reference| / bound
  double frobenius = 0;    // ||actual - reference|| / ||reference||
  int64_t num_bad = 0;     // elements beyond their bound (NaN included)
  std::string worst;       // "[0, 3]: 1.5, expected 1.25 +- 0.1"
};

// Compares in row-major order. Two NaN agree, as do equal infinities; a bound
// of 0 asks for equality.
Comparison Compare(const ConstTensor& actual,
                   const std::vector<double>& reference,
                   const std::vector<double>& bound);

// Success if no element is beyond its bound and, if `frobenius` > 0, the
// relative Frobenius norm of the error is within it.
testing::AssertionResult Within(const ConstTensor& actual,
                                const std::vector<double>& reference,
                                const std::vector<double>& bound,
                                double frobenius = 0);

// What an oracle says of one output of a kernel.
struct ExpectedTensor {
  std::string_view name;
  ConstTensor actual;             // the output; absent if it was not asked for
  std::vector<double> reference;  // row-major, not rounded
  std::vector<double> bound;      // of the error of each element
  double frobenius = 0;           // of the relative error; 0: none
};

// Within() for `expected`, or success if the output is absent.
testing::AssertionResult Agrees(const ExpectedTensor& expected);
// For all of them.
testing::AssertionResult Agrees(const std::vector<ExpectedTensor>& expected);

// Success if both have the same shape, type and bits.
testing::AssertionResult SameBits(const ConstTensor& actual,
                                  const ConstTensor& expected);

// Lists sizes around vector and tile edges up to `largest`: 1, 2, 3 and 2^k,
// 3*2^k with their neighbours.
std::vector<int64_t> InterestingSizes(int64_t largest);

}  // namespace tilework

#endif  // TILEWORK_TESTING_TENSORS_H_
