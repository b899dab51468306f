// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/device/elements.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr int kThreads = 128;
constexpr int kCodes = 1 << 16;

// The f32 of all codes of a type of 16 bits, by eight and one by one.
__global__ void WidenKernel(DType dtype, float* eights, float* ones) {
  for (int i = kEight * static_cast<int>(threadIdx.x); i < kCodes;
       i += kEight * kThreads) {
    uint16_t codes[kEight];
    for (int j = 0; j < kEight; ++j) codes[j] = static_cast<uint16_t>(i + j);
    RawEight<2> raw;
    TILEWORK_UNROLL
    for (int j = 0; j < RawEight<2>::kWords; ++j) {
      raw.words[j] = codes[2 * j] | uint32_t{codes[2 * j + 1]} << 16;
    }
    float x[kEight];
    ToFloats(dtype, raw, x);
    TILEWORK_UNROLL
    for (int j = 0; j < kEight; ++j) {
      eights[i + j] = x[j];
      ones[i + j] = ToFloat(dtype, raw, j);
    }
  }
}

// Rounds `count` f32, a multiple of eight, by eight and one by one.
__global__ void NarrowKernel(DType dtype, const float* x, int count,
                             uint16_t* eights, uint16_t* ones) {
  for (int i = kEight * static_cast<int>(threadIdx.x); i < count;
       i += kEight * kThreads) {
    float values[kEight];
    for (int j = 0; j < kEight; ++j) {
      values[j] = x[i + j];
      StoreFloat(dtype, x[i + j], ones, i + j);
    }
    StoreEight<2>(FromFloats<2>(dtype, values), eights + i, 1, 2, kEight);
  }
}

// Copies `count` elements, 0..8, between rows of the strides and alignments.
template <int kBytes>
__global__ void CopyKernel(const unsigned char* from, int64_t from_stride,
                           int from_alignment, unsigned char* to,
                           int64_t to_stride, int to_alignment, int count) {
  const RawEight<kBytes> raw =
      LoadEight<kBytes>(from, from_stride, from_alignment, count);
  StoreEight<kBytes>(raw, to, to_stride, to_alignment, count);
}

class DeviceElementsTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<DeviceContext>> context =
        DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
  }

  template <typename T>
  T* Allocate(size_t count) {
    absl::StatusOr<DeviceBuffer> buffer = DeviceBuffer::Allocate(
        DType::kU8, {static_cast<int64_t>(count * sizeof(T))}, *context_);
    EXPECT_TRUE(buffer.ok()) << buffer.status();
    buffers_.push_back(*std::move(buffer));
    return static_cast<T*>(buffers_.back().view().data());
  }
  template <typename T>
  T* Upload(const std::vector<T>& values) {
    T* device = Allocate<T>(values.size());
    EXPECT_EQ(CopyToDevice(values.data(), device,
                           static_cast<int64_t>(values.size() * sizeof(T)),
                           *context_),
              absl::OkStatus());
    return device;
  }
  template <typename T>
  std::vector<T> Download(const T* device, size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(CopyToHost(device, values.data(),
                         static_cast<int64_t>(count * sizeof(T)), *context_),
              absl::OkStatus());
    return values;
  }

  template <typename T>
  void ExpectWidens() {
    float* eights = Allocate<float>(kCodes);
    float* ones = Allocate<float>(kCodes);
    ASSERT_EQ(Launch(WidenKernel,
                     {.kernel = "widen", .grid = {1}, .block = {kThreads}},
                     *context_, kDTypeOf<T>, eights, ones),
              absl::OkStatus());
    const std::vector<float> by_eight = Download(eights, kCodes);
    const std::vector<float> by_one = Download(ones, kCodes);
    for (size_t i = 0; i < kCodes; ++i) {
      const auto expected =
          static_cast<float>(T::FromBits(static_cast<uint16_t>(i)));
      for (const float value : {by_eight[i], by_one[i]}) {
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(value)) << i;
        } else {
          ASSERT_EQ(std::bit_cast<uint32_t>(value),
                    std::bit_cast<uint32_t>(expected))
              << i;
        }
      }
    }
  }

  // Around each number and each middle between neighbours, of both signs.
  template <typename T>
  void ExpectNarrows() {
    std::vector<float> x;
    for (int code = 0; code < kCodes / 2; code += 5) {
      const auto number = [](int c) {
        return static_cast<float>(T::FromBits(static_cast<uint16_t>(c)));
      };
      const float middle = number(code) / 2 + number(code + 1) / 2;
      for (const float value : {number(code), middle}) {
        x.push_back(value);
        x.push_back(-std::nextafter(value, 0.0f));
        x.push_back(
            std::nextafter(value, std::numeric_limits<float>::infinity()));
      }
    }
    while (x.size() % kEight != 0) x.push_back(-0.0f);
    uint16_t* eights = Allocate<uint16_t>(x.size());
    uint16_t* ones = Allocate<uint16_t>(x.size());
    ASSERT_EQ(Launch(NarrowKernel,
                     {.kernel = "narrow", .grid = {1}, .block = {kThreads}},
                     *context_, kDTypeOf<T>, Upload(x),
                     static_cast<int>(x.size()), eights, ones),
              absl::OkStatus());
    const std::vector<uint16_t> by_eight = Download(eights, x.size());
    const std::vector<uint16_t> by_one = Download(ones, x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      for (const uint16_t code : {by_eight[i], by_one[i]}) {
        if (std::isnan(x[i])) {
          ASSERT_TRUE(std::isnan(static_cast<float>(T::FromBits(code))));
        } else {
          ASSERT_EQ(code, T(x[i]).bits) << x[i];
        }
      }
    }
  }

  // Bytes are copied from `offset` on, and no others are written.
  template <int kBytes>
  void ExpectCopies(size_t offset, int64_t from_stride, int64_t to_stride,
                    int count) {
    constexpr size_t kSize = 256;
    std::vector<unsigned char> from(kSize);
    for (size_t i = 0; i < kSize; ++i) {
      from[i] = static_cast<unsigned char>(3 * i + 1);
    }
    const auto alignment = [&](int64_t stride) {
      if (stride != 1) return 0;
      return static_cast<int>((offset | 16) & (~(offset | 16) + 1));
    };
    std::vector<unsigned char> expected(kSize, 0xEE);
    for (int i = 0; i < count; ++i) {
      for (size_t b = 0; b < kBytes; ++b) {
        const auto at = [&](int64_t stride) {
          return offset + static_cast<size_t>(i * stride * kBytes) + b;
        };
        expected[at(to_stride)] = from[at(from_stride)];
      }
    }
    unsigned char* to = Upload(std::vector<unsigned char>(kSize, 0xEE));
    ASSERT_EQ(Launch(CopyKernel<kBytes>,
                     {.kernel = "copy", .grid = {1}, .block = {1}}, *context_,
                     Upload(from) + offset, from_stride, alignment(from_stride),
                     to + offset, to_stride, alignment(to_stride), count),
              absl::OkStatus());
    EXPECT_EQ(Download(to, kSize), expected)
        << kBytes << " bytes at " << offset << ", " << count;
    buffers_.clear();
  }
  template <int kBytes>
  void ExpectAllCopies() {
    for (size_t offset = 0; offset <= 32; offset += kBytes) {
      for (int count = 0; count <= kEight; ++count) {
        ExpectCopies<kBytes>(offset, 1, 1, count);
        ExpectCopies<kBytes>(offset, 3, 1, count);
        ExpectCopies<kBytes>(offset, 1, 2, count);
      }
    }
  }

  std::unique_ptr<DeviceContext> context_;
  std::vector<DeviceBuffer> buffers_;
};

TEST_F(DeviceElementsTest, AllCodesWiden) {
  ExpectWidens<BFloat16>();
  ExpectWidens<Float16>();
}

TEST_F(DeviceElementsTest, NumbersRoundAsOnTheHost) {
  ExpectNarrows<BFloat16>();
  ExpectNarrows<Float16>();
}

TEST_F(DeviceElementsTest, EightElementsOfAnyAlignmentStrideAndNumber) {
  ExpectAllCopies<1>();
  ExpectAllCopies<2>();
  ExpectAllCopies<4>();
}

}  // namespace
}  // namespace tilework
