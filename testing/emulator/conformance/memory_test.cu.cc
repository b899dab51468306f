// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Global memory: atomics of all types, loads and stores with hints, vectors;
// functions on numbers that must be exact.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/launch.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_test.h"

namespace tilework {
namespace {

class MemoryTest : public DeviceTest {};

struct Totals {
  int sum;
  unsigned unsigned_sum;
  unsigned long long wide_sum;
  int least;
  int most;
  unsigned anded;
  unsigned ored;
  unsigned xored;
  unsigned swapped;  // by atomicCAS
  unsigned wrapped;  // by atomicInc
};

__global__ void Count(Totals* totals, unsigned* tickets) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  const int x = static_cast<int>(i) - 50;
  atomicAdd(&totals->sum, x);
  tickets[atomicAdd(&totals->unsigned_sum, 1u)] = i;
  atomicAdd(&totals->wide_sum, 1ull << 33);
  atomicMin(&totals->least, x);
  atomicMax(&totals->most, x);
  atomicAnd(&totals->anded, ~(1u << (i % 16)));
  atomicOr(&totals->ored, 1u << (i % 16));
  atomicXor(&totals->xored, i);
  unsigned seen = totals->swapped;
  unsigned expected;
  do {
    expected = seen;
    seen = atomicCAS(&totals->swapped, expected, expected + 3);
  } while (seen != expected);
  atomicInc(&totals->wrapped, 6u);
}

TEST_F(MemoryTest, Atomics) {
  ForEachSchedule([&] {
    Totals* totals = Upload(std::vector<Totals>{{.anded = 0xFFFFFFFFu}});
    unsigned* tickets = Allocate<unsigned>(128);
    const absl::Status status =
        Launch(Count, {.kernel = "count", .grid = {4}, .block = {32}},
               context(), totals, tickets);
    ASSERT_TRUE(status.ok()) << status;
    const Totals seen = Download(totals, 1)[0];
    EXPECT_EQ(seen.sum, 127 * 64 - 50 * 128);
    EXPECT_EQ(seen.unsigned_sum, 128u);
    EXPECT_EQ(seen.wide_sum, 128ull << 33);
    EXPECT_EQ(seen.least, -50);
    EXPECT_EQ(seen.most, 77);
    EXPECT_EQ(seen.anded, 0xFFFF0000u);
    EXPECT_EQ(seen.ored, 0x0000FFFFu);
    EXPECT_EQ(seen.xored, 0u);
    EXPECT_EQ(seen.swapped, 3u * 128);
    EXPECT_EQ(seen.wrapped, 128u % 7);
    std::vector<bool> drawn(128);
    for (const unsigned ticket : Download(tickets, 128)) {
      ASSERT_LT(ticket, 128u);
      EXPECT_FALSE(drawn[ticket]);
      drawn[ticket] = true;
    }
  });
}

__global__ void CopyVectors(const float4* in, float4* out) {
  const unsigned i = threadIdx.x;
  const float4 v = i % 2 == 0 ? __ldg(&in[i]) : __ldcs(&in[i]);
  const float4 scaled = make_float4(2 * v.x, 2 * v.y, 2 * v.z, 2 * v.w);
  if (i % 2 == 0) {
    __stcs(&out[i], scaled);
  } else {
    __stcg(&out[i], scaled);
  }
}

TEST_F(MemoryTest, Vectors) {
  std::vector<float4> in;
  for (int i = 0; i < 64; ++i) {
    const auto x = static_cast<float>(i);
    in.push_back({x, x + 0.25f, x + 0.5f, x + 0.75f});
  }
  float4* out = Allocate<float4>(64);
  const absl::Status status =
      Launch(CopyVectors, {.kernel = "vectors", .block = {64}}, context(),
             Upload(in), out);
  ASSERT_TRUE(status.ok()) << status;
  const std::vector<float4> seen = Download(out, 64);
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(seen[i].x, 2 * in[i].x);
    EXPECT_EQ(seen[i].y, 2 * in[i].y);
    EXPECT_EQ(seen[i].z, 2 * in[i].z);
    EXPECT_EQ(seen[i].w, 2 * in[i].w);
  }
}

__global__ void Exact(const float* a, const float* b, float* out) {
  const unsigned i = threadIdx.x;
  const float x = a[i];
  const float y = b[i];
  float* row = out + 8 * i;
  row[0] = __fadd_rn(x, y);
  row[1] = __fmul_rn(x, y);
  row[2] = __fdiv_rn(x, y);
  row[3] = __frcp_rn(y);
  row[4] = __fsqrt_rn(fabsf(x));
  row[5] = __fmaf_rn(x, y, 1.0f);
  row[6] = x * y + 1.0f;  // not contracted
  row[7] = x / y;
}

TEST_F(MemoryTest, ExactFunctionsRoundOnce) {
  std::vector<float> a;
  std::vector<float> b;
  for (uint32_t i = 0; i < 256; ++i) {
    const uint32_t bits = i * 0x01234567u;
    a.push_back(std::bit_cast<float>(0x3F000000u + bits % 0x01000000u));
    b.push_back(std::bit_cast<float>(0xBF800000u + bits / 7 % 0x00800000u));
  }
  a[0] = 0x1p-140f;  // subnormal numbers are numbers
  a[1] = std::numeric_limits<float>::infinity();
  float* out = Allocate<float>(8 * 256);
  const absl::Status status = Launch(Exact, {.kernel = "exact", .block = {256}},
                                     context(), Upload(a), Upload(b), out);
  ASSERT_TRUE(status.ok()) << status;
  const std::vector<float> seen = Download(out, 8 * 256);
  for (size_t i = 0; i < 256; ++i) {
    const float* row = &seen[8 * i];
    const float product = a[i] * b[i];
    EXPECT_EQ(row[0], a[i] + b[i]);
    EXPECT_EQ(row[1], product);
    EXPECT_EQ(row[2], a[i] / b[i]);
    EXPECT_EQ(row[3], 1 / b[i]);
    EXPECT_EQ(row[4], std::sqrt(std::fabs(a[i])));
    EXPECT_EQ(row[5], std::fma(a[i], b[i], 1.0f));
    EXPECT_EQ(row[6], product + 1.0f);
    EXPECT_EQ(row[7], a[i] / b[i]);
  }
}

__global__ void Bits(const unsigned* in, unsigned* out) {
  const unsigned x = in[threadIdx.x];
  unsigned* row = out + 8 * threadIdx.x;
  row[0] = static_cast<unsigned>(__popc(x));
  row[1] = static_cast<unsigned>(__clz(static_cast<int>(x)));
  row[2] = static_cast<unsigned>(__ffs(static_cast<int>(x)));
  row[3] = __brev(x);
  row[4] = __byte_perm(x, ~x, 0x7531);
  row[5] = __funnelshift_l(x, 0x12345678u, 8);
  row[6] = __umulhi(x, 0x10000u);
  row[7] = static_cast<unsigned>(__float2int_rn(__uint_as_float(x)));
}

TEST_F(MemoryTest, BitsOfIntegers) {
  const std::vector<unsigned> in = {0,           1,           0x80000000u,
                                    0x3FC00000u, 0x40200000u, 0x7FC00000u,
                                    0x7F7FFFFFu, 0xFF7FFFFFu};
  unsigned* out = Allocate<unsigned>(64);
  const absl::Status status = Launch(Bits, {.kernel = "bits", .block = {8}},
                                     context(), Upload(in), out);
  ASSERT_TRUE(status.ok()) << status;
  const std::vector<unsigned> seen = Download(out, 64);
  // 1.5 and 2.5 round to even; a NaN is 0; others saturate.
  const std::vector<unsigned> rounded = {0, 0, 0,           2,
                                         2, 0, 0x7FFFFFFFu, 0x80000000u};
  for (size_t i = 0; i < 8; ++i) {
    const unsigned x = in[i];
    const unsigned* row = &seen[8 * i];
    EXPECT_EQ(row[0], static_cast<unsigned>(std::popcount(x)));
    EXPECT_EQ(row[1], static_cast<unsigned>(std::countl_zero(x)));
    EXPECT_EQ(row[2],
              x == 0 ? 0 : static_cast<unsigned>(std::countr_zero(x)) + 1);
    unsigned reversed = 0;
    for (int bit = 0; bit < 32; ++bit) {
      reversed = reversed << 1 | (x >> bit & 1);
    }
    EXPECT_EQ(row[3], reversed);
    EXPECT_EQ(row[4], (x >> 8 & 0xFF) | (x >> 24) << 8 |
                          (~x >> 8 & 0xFF) << 16 | (~x >> 24) << 24);
    EXPECT_EQ(row[5], 0x34567800u | x >> 24);
    EXPECT_EQ(row[6], x >> 16);
    EXPECT_EQ(row[7], rounded[i]) << i;
  }
}

}  // namespace
}  // namespace tilework
