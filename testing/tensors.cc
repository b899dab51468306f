// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/tensors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/log/absl_check.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr size_t kGuardBytes = 256;  // a multiple of the alignment
constexpr unsigned char kGuardByte = 0xA5;

int64_t Offset(const ConstTensor& tensor, const Dims& index) {
  ABSL_CHECK_EQ(index.size(), tensor.rank());
  int64_t offset = 0;
  for (int i = 0; i < index.size(); ++i) offset += index[i] * tensor.stride(i);
  return offset;
}

Dims StridesOf(DType dtype, const Dims& shape, Layout layout) {
  const int rank = shape.size();
  Dims strides = ContiguousStrides(shape, dtype);
  if (layout == Layout::kPadded && rank >= 2) {
    Dims padded = shape;
    padded[rank - 1] += 3;
    strides = ContiguousStrides(padded, dtype);
  } else if (layout == Layout::kReversed && rank >= 1) {
    Dims rotated = shape;
    for (int i = 0; i < rank; ++i) rotated[i] = shape[(i + rank - 1) % rank];
    const Dims rotated_strides = ContiguousStrides(rotated, dtype);
    for (int i = 0; i < rank; ++i) {
      strides[i] = rotated_strides[(i + 1) % rank];
    }
  }
  return strides;
}

// The bits of the element at `index`, as bytes.
std::string Code(const ConstTensor& tensor, const Dims& index) {
  const int64_t offset = Offset(tensor, index);
  if (tensor.dtype() == DType::kF4E2M1) {
    const auto* pairs = tensor.data<Float4E2M1Pair>();
    return std::string(1, static_cast<char>(GetPacked(pairs, offset).bits));
  }
  const size_t size = SizeOf(tensor.dtype());
  return std::string(static_cast<const char*>(tensor.data()) +
                         offset * static_cast<int64_t>(size),
                     size);
}

// Calls f with a value-initialized T for the type T of an element of `dtype`,
// if it is one that rounds from f32.
template <typename F>
void VisitRounding(DType dtype, const F& f) {
  VisitFloat(dtype, f);
  VisitFloat8(dtype, f);
  if (dtype == DType::kE8M0) f(E8M0{});
  if (dtype == DType::kF4E2M1) f(Float4E2M1{});
}

}  // namespace

bool IsInteger(DType dtype) {
  return dtype == DType::kU8 || dtype == DType::kI32 || dtype == DType::kI64;
}

void ForEachIndex(const Dims& shape, absl::FunctionRef<void(const Dims&)> f) {
  if (shape.Product() == 0) return;
  Dims index = shape;
  for (int i = 0; i < shape.size(); ++i) index[i] = 0;
  while (true) {
    f(index);
    int i = shape.size() - 1;
    while (i >= 0 && ++index[i] == shape[i]) index[i--] = 0;
    if (i < 0) return;
  }
}

double Read(const ConstTensor& tensor, const Dims& index) {
  const int64_t offset = Offset(tensor, index);
  switch (tensor.dtype()) {
    case DType::kF32:
      return static_cast<double>(tensor.data<float>()[offset]);
    case DType::kBF16:
      return static_cast<double>(
          static_cast<float>(tensor.data<BFloat16>()[offset]));
    case DType::kF16:
      return static_cast<double>(
          static_cast<float>(tensor.data<Float16>()[offset]));
    case DType::kF8E4M3:
      return static_cast<double>(
          static_cast<float>(tensor.data<Float8E4M3>()[offset]));
    case DType::kF8E4M3_240:
      return static_cast<double>(
          static_cast<float>(tensor.data<Float8E4M3_240>()[offset]));
    case DType::kF8E5M2:
      return static_cast<double>(
          static_cast<float>(tensor.data<Float8E5M2>()[offset]));
    case DType::kE8M0:
      return static_cast<double>(
          static_cast<float>(tensor.data<E8M0>()[offset]));
    case DType::kF4E2M1:
      return static_cast<double>(
          static_cast<float>(GetPacked(tensor.data<Float4E2M1Pair>(), offset)));
    case DType::kF64:
      return tensor.data<double>()[offset];
    case DType::kU8:
      return tensor.data<uint8_t>()[offset];
    case DType::kI32:
      return tensor.data<int32_t>()[offset];
    case DType::kI64:
      return static_cast<double>(tensor.data<int64_t>()[offset]);
    case DType::kNone:
      break;
  }
  ABSL_CHECK(false) << "absent tensor";
  return 0;
}

void Write(const Tensor& tensor, const Dims& index, double value) {
  const int64_t offset = Offset(tensor, index);
  const float f32 = static_cast<float>(value);
  switch (tensor.dtype()) {
    case DType::kF32:
      tensor.data<float>()[offset] = f32;
      return;
    case DType::kBF16:
      tensor.data<BFloat16>()[offset] = BFloat16(f32);
      return;
    case DType::kF16:
      tensor.data<Float16>()[offset] = Float16(f32);
      return;
    case DType::kF8E4M3:
      tensor.data<Float8E4M3>()[offset] = Float8E4M3(f32);
      return;
    case DType::kF8E4M3_240:
      tensor.data<Float8E4M3_240>()[offset] = Float8E4M3_240(f32);
      return;
    case DType::kF8E5M2:
      tensor.data<Float8E5M2>()[offset] = Float8E5M2(f32);
      return;
    case DType::kE8M0:
      tensor.data<E8M0>()[offset] = E8M0(f32);
      return;
    case DType::kF4E2M1:
      SetPacked(tensor.data<Float4E2M1Pair>(), offset, Float4E2M1(f32));
      return;
    case DType::kF64:
      tensor.data<double>()[offset] = value;
      return;
    case DType::kU8:
      tensor.data<uint8_t>()[offset] = static_cast<uint8_t>(value);
      return;
    case DType::kI32:
      tensor.data<int32_t>()[offset] = static_cast<int32_t>(value);
      return;
    case DType::kI64:
      tensor.data<int64_t>()[offset] = static_cast<int64_t>(value);
      return;
    case DType::kNone:
      break;
  }
  ABSL_CHECK(false) << "absent tensor";
}

double RoundToDType(double value, DType dtype) {
  double result = value;
  VisitRounding(dtype, [&](auto type) {
    result = static_cast<double>(
        static_cast<float>(decltype(type)(static_cast<float>(value))));
  });
  return result;
}

std::vector<double> ToDoubles(const ConstTensor& tensor) {
  std::vector<double> result;
  result.reserve(static_cast<size_t>(tensor.NumElements()));
  ForEachIndex(tensor.shape(), [&](const Dims& index) {
    result.push_back(Read(tensor, index));
  });
  return result;
}

GuardedTensor::GuardedTensor(DType dtype, const Dims& shape, Layout layout) {
  const Dims strides = StridesOf(dtype, shape, layout);
  const size_t size = SizeOf(dtype);
  const size_t pack = static_cast<size_t>(PackFactor(dtype));
  size_t extent = 1;
  const bool empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  for (int i = 0; i < shape.size() && !empty; ++i) {
    extent += static_cast<size_t>((shape[i] - 1) * strides[i]);
  }
  const size_t shift = layout == Layout::kUnaligned ? size : 0;
  const size_t bytes = (extent + pack - 1) / pack * size;
  memory_.assign(bytes + shift + 2 * kGuardBytes + 64, kGuardByte);
  const size_t misalignment = reinterpret_cast<uintptr_t>(memory_.data()) % 64;
  const size_t start = kGuardBytes + (64 - misalignment) % 64 + shift;
  view_ = Tensor(memory_.data() + start, dtype, shape, strides);
  owned_.assign(memory_.size(), false);
  ForEachIndex(shape, [&](const Dims& index) {
    const size_t at =
        start + static_cast<size_t>(Offset(view_, index)) / pack * size;
    std::fill_n(owned_.begin() + static_cast<ptrdiff_t>(at), size, true);
  });
  Poison();
}

void GuardedTensor::Poison() {
  for (size_t i = 0; i < memory_.size(); ++i) {
    // 0xFF everywhere is a NaN in every format that has one.
    if (owned_[i]) memory_[i] = IsInteger(view_.dtype()) ? 0x7B : 0xFF;
  }
}

testing::AssertionResult GuardedTensor::Intact() const {
  for (size_t i = 0; i < memory_.size(); ++i) {
    if (!owned_[i] && memory_[i] != kGuardByte) {
      const auto* first = static_cast<const unsigned char*>(view_.data());
      return testing::AssertionFailure()
             << "byte " << (memory_.data() + i) - first << " of "
             << ToString(view_) << " was written";
    }
  }
  return testing::AssertionSuccess();
}

Comparison Compare(const ConstTensor& actual,
                   const std::vector<double>& reference,
                   const std::vector<double>& bound) {
  ABSL_CHECK_EQ(static_cast<size_t>(actual.NumElements()), reference.size());
  ABSL_CHECK_EQ(reference.size(), bound.size());
  Comparison result;
  double error_norm = 0;
  double reference_norm = 0;
  size_t i = 0;
  ForEachIndex(actual.shape(), [&](const Dims& index) {
    const double value = Read(actual, index);
    const double expected = reference[i];
    const double allowed = bound[i];
    ++i;
    if (value == expected) {
      if (std::isfinite(expected)) reference_norm += expected * expected;
      return;
    }
    if (std::isnan(value) && std::isnan(expected)) return;
    // Numbers within the bound may round to infinity.
    if (std::isinf(value) && std::isfinite(expected) &&
        IsFloat(actual.dtype()) &&
        RoundToDType(expected + std::copysign(allowed, value),
                     actual.dtype()) == value) {
      return;
    }
    const double error = std::abs(value - expected);
    double ratio = std::numeric_limits<double>::infinity();
    if (std::isfinite(error)) {
      error_norm += error * error;
      reference_norm += expected * expected;
      if (allowed > 0) ratio = error / allowed;
    }
    if (!(ratio <= 1)) ++result.num_bad;
    if (result.worst.empty() || ratio > result.worst_ratio) {
      result.worst_ratio = ratio;
      result.worst = absl::StrCat(index.ToString(), ": ", value, ", expected ",
                                  expected, " +- ", allowed);
    }
  });
  if (error_norm > 0) {
    result.frobenius =
        std::sqrt(error_norm /
                  std::max(reference_norm, std::numeric_limits<double>::min()));
  }
  return result;
}

testing::AssertionResult Within(const ConstTensor& actual,
                                const std::vector<double>& reference,
                                const std::vector<double>& bound,
                                double frobenius) {
  const Comparison result = Compare(actual, reference, bound);
  if (result.num_bad > 0) {
    return testing::AssertionFailure()
           << result.num_bad << " of " << reference.size()
           << " elements are beyond their bound; the worst, "
           << result.worst_ratio << " times, is " << result.worst;
  }
  if (frobenius > 0 && !(result.frobenius <= frobenius)) {
    return testing::AssertionFailure()
           << "relative Frobenius error " << result.frobenius << ", allowed "
           << frobenius;
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult Agrees(const ExpectedTensor& expected) {
  if (!expected.actual.present()) return testing::AssertionSuccess();
  testing::AssertionResult result = Within(expected.actual, expected.reference,
                                           expected.bound, expected.frobenius);
  if (!result) result << " (" << expected.name << ")";
  return result;
}

testing::AssertionResult Agrees(const std::vector<ExpectedTensor>& expected) {
  for (const ExpectedTensor& tensor : expected) {
    if (testing::AssertionResult result = Agrees(tensor); !result) {
      return result;
    }
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult SameBits(const ConstTensor& actual,
                                  const ConstTensor& expected) {
  if (actual.dtype() != expected.dtype() ||
      !(actual.shape() == expected.shape())) {
    return testing::AssertionFailure()
           << ToString(actual) << " against " << ToString(expected);
  }
  int64_t num_bad = 0;
  std::string first;
  ForEachIndex(actual.shape(), [&](const Dims& index) {
    if (Code(actual, index) == Code(expected, index)) return;
    if (num_bad++ == 0) {
      first = absl::StrCat(index.ToString(), ": ", Read(actual, index),
                           ", expected ", Read(expected, index));
    }
  });
  if (num_bad == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << num_bad << " elements differ, the first is " << first;
}

std::vector<int64_t> InterestingSizes(int64_t largest) {
  std::set<int64_t> sizes;
  for (int64_t base : {1, 3}) {
    for (int64_t size = base; size <= largest + 1; size *= 2) {
      for (int64_t near : {size - 1, size, size + 1}) {
        if (near >= 1 && near <= largest) sizes.insert(near);
      }
    }
  }
  return std::vector<int64_t>(sizes.begin(), sizes.end());
}

}  // namespace tilework
