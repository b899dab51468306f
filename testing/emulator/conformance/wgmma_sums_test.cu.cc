// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How exact sums are, within what is known of the hardware: the emulator is no
// better, and none is worse than the bounds that kernels rest on.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/fence.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/shared_address.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/wgmma.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/fragment.h"
#include "tilework/common/tiling/operand_layout.h"
#include "tilework/common/tiling/swizzle.h"
#include "tilework/testing/emulator/conformance/device_case.h"

namespace tilework {
namespace {

constexpr int kN = 8;
constexpr uint32_t kM = 64;

template <class T>
struct Storage {
  // One instruction's, as it is without a swizzle.
  alignas(1024) T a[kM * 32 / sizeof(T)];
  alignas(1024) T b[kN * 32 / sizeof(T)];
};

template <class T>
constexpr OperandLayout Layout(uint32_t mn) {
  return {.swizzle = Swizzle::kNone,
          .element_bytes = sizeof(T),
          .mn = mn,
          .k = 32 / sizeof(T)};
}

// out [64, 8] += a b^T of one instruction; a and b row-major.
template <class T>
__global__ void SumKernel(const T* a, const T* b, float* out) {
  Storage<T>& shared = SharedMemory<Storage<T>>();
  constexpr OperandLayout kA = Layout<T>(kM);
  constexpr OperandLayout kB = Layout<T>(kN);
  for (uint32_t i = threadIdx.x; i < kM * kA.k; i += kWarpgroupThreads) {
    shared.a[kA.Offset(i / kA.k, i % kA.k) / sizeof(T)] = a[i];
  }
  for (uint32_t i = threadIdx.x; i < kN * kB.k; i += kWarpgroupThreads) {
    shared.b[kB.Offset(i / kB.k, i % kB.k) / sizeof(T)] = b[i];
  }
  FenceProxyAsync();
  __syncthreads();
  const int thread = static_cast<int>(threadIdx.x);
  const auto at = [&](int i) {
    const MatrixElement place =
        AccumulatorFragment::ToMatrix({thread / 32, thread % 32, i});
    return place.row * kN + place.column;
  };
  float d[kN / 2];
#pragma unroll
  for (int i = 0; i < kN / 2; ++i) d[i] = out[at(i)];
  WgmmaFence();
  WgmmaMmaAsync<T, T>(d, kA.Descriptor(SharedAddress(shared.a)),
                      kB.Descriptor(SharedAddress(shared.b)), true);
  WgmmaCommitGroup();
  WgmmaWaitGroup<0>(d);
#pragma unroll
  for (int i = 0; i < kN / 2; ++i) out[at(i)] = d[i];
}

class WgmmaSumsTest : public DeviceCase {
 protected:
  template <class T>
  std::vector<float> Sum(const std::vector<float>& a,
                         const std::vector<float>& b,
                         const std::vector<float>& c) {
    constexpr int64_t kK = 32 / sizeof(T);
    const Tensor a_on_device = Upload(Dims{kM, kK}, Rounded<T>(a));
    const Tensor b_on_device = Upload(Dims{kN, kK}, Rounded<T>(b));
    const Tensor on_device = Upload(Dims{kM, kN}, c);
    const absl::Status status =
        Launch(SumKernel<T>,
               {.kernel = "sum",
                .grid = {1},
                .block = {kWarpgroupThreads},
                .shared_bytes = sizeof(Storage<T>)},
               context(), a_on_device.template data<T>(),
               b_on_device.template data<T>(), on_device.data<float>());
    EXPECT_TRUE(status.ok()) << status;
    return Download<float>(on_device);
  }

  template <class T>
  static std::vector<T> Rounded(const std::vector<float>& values) {
    std::vector<T> rounded;
    for (float value : values) rounded.push_back(T(value));
    return rounded;
  }

  // Numbers of widely different sizes that T has.
  template <class T>
  std::vector<float> Numbers(size_t count, int exponents) {
    std::vector<float> numbers(count);
    for (float& number : numbers) {
      state_ = state_ * 1664525u + 1013904223u;
      const float mantissa = static_cast<float>(state_ >> 16) * 0x1p-15f - 1.0f;
      const int exponent = static_cast<int>(state_ >> 4) & 0xFF;
      number = static_cast<float>(
          T(std::ldexp(mantissa, exponent % (2 * exponents) - exponents)));
    }
    return numbers;
  }

  // Sums of random numbers are within `term_bits` bits of the largest term for
  // each of the terms, and `sum_bits` of the result.
  template <class T>
  void CheckBound(int exponents, int term_bits, int sum_bits) {
    constexpr size_t kK = 32 / sizeof(T);
    const std::vector<float> a = Numbers<T>(kM * kK, exponents);
    const std::vector<float> b = Numbers<T>(kN * kK, exponents);
    const std::vector<float> c = Numbers<float>(kM * kN, exponents);
    const std::vector<float> got = Sum<T>(a, b, c);
    double worst = 0;
    for (size_t i = 0; i < kM; ++i) {
      for (size_t j = 0; j < kN; ++j) {
        double exact = c[i * kN + j];
        double largest = std::abs(exact);
        for (size_t k = 0; k < kK; ++k) {
          const double product = double{a[i * kK + k]} * b[j * kK + k];
          exact += product;
          largest = std::max(largest, std::abs(product));
        }
        const double bound =
            static_cast<double>(kK + 1) * std::ldexp(largest, -term_bits) +
            std::ldexp(std::abs(exact), -sum_bits);
        worst = std::max(worst, std::abs(got[i * kN + j] - exact) / bound);
      }
    }
    RecordProperty("worst_percent_of_bound", static_cast<int>(worst * 100));
    EXPECT_LE(worst, 1.0);
  }

  uint32_t state_ = 1;
};

TEST_F(WgmmaSumsTest, Of16Bits) {
  CheckBound<BFloat16>(8, 24, 22);
  CheckBound<Float16>(4, 24, 22);
}

TEST_F(WgmmaSumsTest, Of8Bits) {
  CheckBound<Float8E4M3>(3, 13, 12);
  CheckBound<Float8E5M2>(4, 13, 12);
}

// 1 and many products of 2^-15: none are seen beside it.
TEST_F(WgmmaSumsTest, SmallProductsOf8BitsAreLost) {
  std::vector<float> a(kM * 32, 0x1p-6f);
  std::vector<float> b(kN * 32, 0x1p-9f);
  const std::vector<float> got =
      Sum<Float8E4M3>(a, b, std::vector<float>(kM * kN, 1.0f));
  for (float value : got) {
    EXPECT_GE(value, 1.0f);
    EXPECT_LE(value, 1.0f + 32 * 0x1p-15f);
    if (context().properties().emulated) {
      EXPECT_EQ(value, 1.0f);
    }
  }
}

}  // namespace
}  // namespace tilework
