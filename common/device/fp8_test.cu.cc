// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/device/fp8.h"

#include <algorithm>
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
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr DType kFormats[] = {DType::kF8E4M3, DType::kF8E4M3_240,
                              DType::kF8E5M2};
constexpr int kThreads = 128;

// Four a thread.
__global__ void EncodeKernel(DType format, const float* x, int count,
                             uint8_t* codes) {
  for (int i = 4 * static_cast<int>(threadIdx.x); i < count;
       i += 4 * kThreads) {
    const float values[4] = {x[i], x[i + 1], x[i + 2], x[i + 3]};
    uint32_t word[1];
    EncodeF8(format, values, word);
    for (int j = 0; j < 4; ++j) {
      codes[i + j] = static_cast<uint8_t>(word[0] >> (8 * j));
    }
  }
}

__global__ void EncodeOneKernel(DType format, const float* x, int count,
                                uint8_t* codes) {
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    codes[i] = EncodeF8(format, x[i]);
  }
}

__global__ void EncodeF4Kernel(const float* x, int count, uint32_t* codes) {
  for (int i = 8 * static_cast<int>(threadIdx.x); i < count;
       i += 8 * kThreads) {
    const float values[8] = {x[i],     x[i + 1], x[i + 2], x[i + 3],
                             x[i + 4], x[i + 5], x[i + 6], x[i + 7]};
    codes[i / 8] = EncodeEightF4(values);
  }
}

// All codes: by fours, one by one, and those of f4e2m1.
__global__ void DecodeKernel(DType format, float* fours, float* ones,
                             float* f4) {
  for (uint32_t i = threadIdx.x; i < 64; i += kThreads) {
    const uint32_t word[1] = {4 * i * 0x01010101u + 0x03020100u};
    float values[4];
    DecodeF8(format, word, values);
    for (uint32_t j = 0; j < 4; ++j) {
      fours[4 * i + j] = values[j];
      ones[4 * i + j] = DecodeF8(format, static_cast<uint8_t>(4 * i + j));
    }
  }
  for (uint32_t i = threadIdx.x; i < 16; i += kThreads) {
    f4[i] = DecodeMinifloat<Float4E2M1>(i);
  }
}

// Counts the patterns first, first + step, ... of f32 whose codes are not those
// of narrow.h.
__global__ void CountWrongKernel(uint32_t step, uint32_t* wrong) {
  const uint32_t threads = gridDim.x * blockDim.x;
  const uint32_t thread = blockIdx.x * blockDim.x + threadIdx.x;
  uint32_t count = 0;
  for (uint64_t bits = uint64_t{thread} * step; bits < uint64_t{1} << 32;
       bits += uint64_t{threads} * step) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    count += EncodeF8(DType::kF8E4M3, x) != Float8E4M3(x).bits;
    count += EncodeF8(DType::kF8E4M3_240, x) != Float8E4M3_240(x).bits;
    count += EncodeF8(DType::kF8E5M2, x) != Float8E5M2(x).bits;
    count += EncodeF4(x) != Float4E2M1(x).bits;
  }
  if (count > 0) atomicAdd(wrong, count);
}

// Every number of the format, those half way between neighbours, and the f32
// beside each of all these, with both signs.
template <class F>
void AddInteresting(std::vector<float>& values) {
  const auto add = [&](float x) {
    for (const float sign : {1.0f, -1.0f}) {
      values.push_back(sign * x);
      values.push_back(sign * std::nextafter(x, 0.0f));
      values.push_back(sign *
                       std::nextafter(x, std::numeric_limits<float>::max()));
    }
  };
  for (int code = 0; code <= F::kMaxBits; ++code) {
    const auto number = [](int c) {
      return static_cast<float>(F::FromBits(static_cast<uint8_t>(c)));
    };
    add(number(code));
    if (code < F::kMaxBits) add((number(code) + number(code + 1)) / 2);
  }
  // Beyond the largest, where others overflow.
  for (const float factor : {1.03f, 1.0625f, 1.07f, 1.125f, 2.0f, 1e9f}) {
    add(F::kMax * factor);
  }
}

std::vector<float> InterestingValues() {
  std::vector<float> values;
  AddInteresting<Float8E4M3>(values);
  AddInteresting<Float8E4M3_240>(values);
  AddInteresting<Float8E5M2>(values);
  AddInteresting<Float4E2M1>(values);
  for (const uint32_t bits :
       {0x00000001u, 0x80000001u, 0x007FFFFFu, 0x00800000u, 0x7F7FFFFFu,
        0xFF7FFFFFu, 0x7F800000u, 0xFF800000u, 0x7F800001u, 0xFF800001u,
        0x7FC00000u, 0xFFC00000u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    values.push_back(std::bit_cast<float>(bits));
    // So that NaNs stand at all places of a word, among numbers.
    values.push_back(1.0f);
    values.push_back(-0.3f);
  }
  while (values.size() % 8 != 0) values.push_back(0.0f);
  return values;
}

class DeviceFp8Test : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<DeviceContext>> context =
        DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
  }

  // Device memory for `count` elements.
  template <typename T>
  T* Allocate(int64_t count) {
    absl::StatusOr<DeviceBuffer> buffer = DeviceBuffer::Allocate(
        DType::kU8, {count * static_cast<int64_t>(sizeof(T))}, *context_);
    EXPECT_TRUE(buffer.ok()) << buffer.status();
    buffers_.push_back(*std::move(buffer));
    return static_cast<T*>(buffers_.back().view().data());
  }
  template <typename T>
  T* Upload(const std::vector<T>& values) {
    T* device = Allocate<T>(static_cast<int64_t>(values.size()));
    EXPECT_TRUE(CopyToDevice(values.data(), device,
                             static_cast<int64_t>(values.size() * sizeof(T)),
                             *context_)
                    .ok());
    return device;
  }
  template <typename T>
  std::vector<T> Download(const T* device, size_t count) {
    std::vector<T> values(count);
    EXPECT_TRUE(CopyToHost(device, values.data(),
                           static_cast<int64_t>(count * sizeof(T)), *context_)
                    .ok());
    return values;
  }

  std::unique_ptr<DeviceContext> context_;
  std::vector<DeviceBuffer> buffers_;
};

TEST_F(DeviceFp8Test, CodesAreThoseOfTheHost) {
  const std::vector<float> x = InterestingValues();
  const int count = static_cast<int>(x.size());
  const float* device_x = Upload(x);
  for (const DType format : kFormats) {
    uint8_t* fours = Allocate<uint8_t>(count);
    uint8_t* ones = Allocate<uint8_t>(count);
    ASSERT_EQ(Launch(EncodeKernel,
                     {.kernel = "encode", .grid = {1}, .block = {kThreads}},
                     *context_, format, device_x, count, fours),
              absl::OkStatus());
    ASSERT_EQ(Launch(EncodeOneKernel,
                     {.kernel = "encode_one", .grid = {1}, .block = {kThreads}},
                     *context_, format, device_x, count, ones),
              absl::OkStatus());
    const std::vector<uint8_t> by_four = Download(fours, x.size());
    const std::vector<uint8_t> by_one = Download(ones, x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      uint8_t expected = 0;
      VisitFloat8(format,
                  [&](auto type) { expected = decltype(type)(x[i]).bits; });
      ASSERT_EQ(by_four[i], expected) << Name(format) << " of " << x[i];
      ASSERT_EQ(by_one[i], expected) << Name(format) << " of " << x[i];
    }
  }
}

TEST_F(DeviceFp8Test, CodesOfFourBitsAreThoseOfTheHost) {
  const std::vector<float> x = InterestingValues();
  uint32_t* codes = Allocate<uint32_t>(static_cast<int64_t>(x.size() / 8));
  ASSERT_EQ(Launch(EncodeF4Kernel,
                   {.kernel = "encode_f4", .grid = {1}, .block = {kThreads}},
                   *context_, Upload(x), static_cast<int>(x.size()), codes),
            absl::OkStatus());
  const std::vector<uint32_t> words = Download(codes, x.size() / 8);
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(words[i / 8] >> (i % 8 * 4) & 0xFu, Float4E2M1(x[i]).bits)
        << x[i];
  }
}

TEST_F(DeviceFp8Test, NumbersAreThoseOfTheHost) {
  for (const DType format : kFormats) {
    float* fours = Allocate<float>(256);
    float* ones = Allocate<float>(256);
    float* f4 = Allocate<float>(16);
    ASSERT_EQ(Launch(DecodeKernel,
                     {.kernel = "decode", .grid = {1}, .block = {kThreads}},
                     *context_, format, fours, ones, f4),
              absl::OkStatus());
    const std::vector<uint32_t> by_four =
        Download(reinterpret_cast<const uint32_t*>(fours), 256);
    const std::vector<uint32_t> by_one =
        Download(reinterpret_cast<const uint32_t*>(ones), 256);
    for (size_t i = 0; i < 256; ++i) {
      float expected = 0;
      VisitFloat8(format, [&](auto type) {
        expected = static_cast<float>(
            decltype(type)::FromBits(static_cast<uint8_t>(i)));
      });
      EXPECT_EQ(by_four[i], std::bit_cast<uint32_t>(expected)) << i;
      EXPECT_EQ(by_one[i], std::bit_cast<uint32_t>(expected)) << i;
    }
    const std::vector<uint32_t> of_f4 =
        Download(reinterpret_cast<const uint32_t*>(f4), 16);
    for (size_t i = 0; i < 16; ++i) {
      const auto expected =
          static_cast<float>(Float4E2M1::FromBits(static_cast<uint8_t>(i)));
      EXPECT_EQ(of_f4[i], std::bit_cast<uint32_t>(expected)) << i;
    }
  }
}

// All 2^32 on a GPU; a sample of them in the emulator.
TEST_F(DeviceFp8Test, AllPatternsHaveTheCodesOfTheHost) {
  const bool emulated = context_->properties().emulated;
  const uint32_t step = emulated ? 99991 : 1;
  uint32_t* wrong = Upload(std::vector<uint32_t>{0});
  ASSERT_EQ(Launch(CountWrongKernel,
                   {.kernel = "count_wrong",
                    .grid = {emulated ? 2u : 1056u},
                    .block = {256}},
                   *context_, step, wrong),
            absl::OkStatus());
  EXPECT_EQ(Download(wrong, 1)[0], 0u);
}

}  // namespace
}  // namespace tilework
