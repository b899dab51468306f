// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// wgmma with operands of all types, layouts, swizzles and sizes, from shared
// memory and from registers.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
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
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/emulator/conformance/device_case.h"

namespace tilework {
namespace {

constexpr uint32_t kM = 128;  // two instructions
constexpr uint32_t kK = 64;
constexpr uint32_t kMaxN = 256;

struct Storage {
  alignas(1024) uint8_t a[kM * kK * 2];
  alignas(1024) uint8_t b[kMaxN * kK * 2];
};

// What the kernel is told of its operands: their bytes as they lie in shared
// memory, and how that is.
struct Operands {
  const uint8_t* a;
  const uint8_t* b;
  OperandLayout a_layout;
  OperandLayout b_layout;
};

__device__ void CopyBytes(const uint8_t* from, uint8_t* to, uint32_t bytes) {
  for (uint32_t i = threadIdx.x; i < bytes; i += kWarpgroupThreads) {
    to[i] = from[i];
  }
}

// The calling thread's fragment of the 64 rows from `row` on and the columns of
// one instruction from `column` on.
template <class T>
__device__ void LoadFragment(const OperandLayout& layout, uint32_t row,
                             uint32_t column, uint32_t (&registers)[4]) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = 0; i < 4; ++i) {
    registers[i] = 0;
    for (int j = 0; j < static_cast<int>(4 / sizeof(T)); ++j) {
      const FragmentElement place = {thread / 32, thread % 32,
                                     i * static_cast<int>(4 / sizeof(T)) + j};
      const MatrixElement at = sizeof(T) == 2
                                   ? OperandFragment16::ToMatrix(place)
                                   : OperandFragment8::ToMatrix(place);
      const uint32_t offset =
          layout.Offset(row + static_cast<uint32_t>(at.row),
                        column + static_cast<uint32_t>(at.column));
      for (uint32_t byte = 0; byte < sizeof(T); ++byte) {
        const auto bits =
            static_cast<uint32_t>(SharedMemory<Storage>().a[offset + byte]);
        registers[i] |= bits
                        << (8 * (static_cast<uint32_t>(j) * sizeof(T) + byte));
      }
    }
  }
}

template <class A, class B, int kN, Major kAMajor, Major kBMajor, bool kNegate,
          bool kRegisters>
__device__ void Multiply(const Operands& operands, uint32_t row,
                         float (&d)[kN / 2]) {
  Storage& shared = SharedMemory<Storage>();
  constexpr uint32_t kStep = 32 / sizeof(A);
  constexpr WgmmaOptions kOptions = {
      .a_major = kAMajor, .b_major = kBMajor, .negate_b = kNegate};
  uint32_t fragments[kK / kStep][4];
  if constexpr (kRegisters) {
#pragma unroll
    for (uint32_t i = 0; i < kK / kStep; ++i) {
      LoadFragment<A>(operands.a_layout, row, i * kStep, fragments[i]);
    }
  }
  WgmmaFence();
#pragma unroll
  for (uint32_t k = 0; k < kK; k += kStep) {
    const uint64_t b =
        operands.b_layout.Descriptor(SharedAddress(shared.b), 0, k);
    if constexpr (kRegisters) {
      WgmmaMmaAsync<A, B, kOptions>(d, fragments[k / kStep], b, k > 0);
    } else {
      const uint64_t a =
          operands.a_layout.Descriptor(SharedAddress(shared.a), row, k);
      WgmmaMmaAsync<A, B, kOptions>(d, a, b, k > 0);
    }
  }
  WgmmaCommitGroup();
  WgmmaWaitGroup<0>(d);
}

// out [kM, kN] = A B^T.
template <class A, class B, int kN, Major kAMajor, Major kBMajor, bool kNegate,
          bool kRegisters>
__global__ void __launch_bounds__(kWarpgroupThreads)
    MultiplyKernel(Operands operands, float* out) {
  Storage& shared = SharedMemory<Storage>();
  CopyBytes(operands.a, shared.a, operands.a_layout.NumBytes());
  CopyBytes(operands.b, shared.b, operands.b_layout.NumBytes());
  FenceProxyAsync();
  __syncthreads();
  const int thread = static_cast<int>(threadIdx.x);
  for (uint32_t row = 0; row < kM; row += 64) {
    float d[kN / 2];
    Multiply<A, B, kN, kAMajor, kBMajor, kNegate, kRegisters>(operands, row, d);
#pragma unroll
    for (int i = 0; i < kN / 2; ++i) {
      const MatrixElement at =
          AccumulatorFragment::ToMatrix({thread / 32, thread % 32, i});
      out[(static_cast<int>(row) + at.row) * kN + at.column] = d[i];
    }
  }
}

// Small integers, which all types have, so that sums are exact.
float Element(uint32_t i, uint32_t j) {
  return static_cast<float>((i * 5 + j * 3 + i * j) % 7) - 3.0f;
}

template <class T>
std::vector<uint8_t> Image(const OperandLayout& layout) {
  std::vector<uint8_t> image(layout.NumBytes());
  for (uint32_t i = 0; i < layout.mn; ++i) {
    for (uint32_t j = 0; j < layout.k; ++j) {
      const T element(Element(i, j));
      std::memcpy(&image[layout.Offset(i, j)], &element, sizeof(T));
    }
  }
  return image;
}

class WgmmaOperandsTest : public DeviceCase {
 protected:
  template <class A, class B, int kN, Major kAMajor = Major::kK,
            Major kBMajor = Major::kK, bool kNegate = false>
  void Check(Swizzle a_swizzle, Swizzle b_swizzle) {
    const OperandLayout a = {kAMajor, a_swizzle, sizeof(A), kM, kK};
    const OperandLayout b = {kBMajor, b_swizzle, sizeof(B), kN, kK};
    const Operands operands = {Device(Image<A>(a)), Device(Image<B>(b)), a, b};
    ExpectProduct(kN, kNegate, operands,
                  MultiplyKernel<A, B, kN, kAMajor, kBMajor, kNegate, false>);
    // In registers nothing is left of how A lay in memory.
    if constexpr (kAMajor == Major::kK) {
      ExpectProduct(kN, kNegate, operands,
                    MultiplyKernel<A, B, kN, kAMajor, kBMajor, kNegate, true>);
    }
  }

  // With all swizzles of both operands.
  template <class A, class B, int kN, Major kAMajor = Major::kK,
            Major kBMajor = Major::kK>
  void CheckSwizzles() {
    for (Swizzle a : kAllSwizzles) {
      for (Swizzle b : kAllSwizzles) {
        SCOPED_TRACE(testing::Message() << "A " << Name(a) << " B " << Name(b));
        Check<A, B, kN, kAMajor, kBMajor>(a, b);
      }
    }
  }

 private:
  const uint8_t* Device(const std::vector<uint8_t>& bytes) {
    return Upload(Dims{static_cast<int64_t>(bytes.size())}, bytes)
        .template data<uint8_t>();
  }

  void ExpectProduct(int n, bool negate, const Operands& operands,
                     void (*kernel)(Operands, float*)) {
    const Tensor out =
        Upload(Dims{kM, n}, std::vector<float>(kM * static_cast<size_t>(n)));
    const absl::Status status = Launch(kernel,
                                       {.kernel = "wgmma",
                                        .grid = {1},
                                        .block = {kWarpgroupThreads},
                                        .shared_bytes = sizeof(Storage)},
                                       context(), operands, out.data<float>());
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(context().Synchronize().ok());
    const std::vector<float> got = Download<float>(out);
    for (uint32_t i = 0; i < kM; ++i) {
      for (uint32_t j = 0; j < static_cast<uint32_t>(n); ++j) {
        float sum = 0;
        for (uint32_t k = 0; k < kK; ++k) sum += Element(i, k) * Element(j, k);
        ASSERT_EQ(got[i * static_cast<uint32_t>(n) + j], negate ? -sum : sum)
            << "(" << i << ", " << j << ") of N " << n;
      }
    }
  }
};

using Bf16 = BFloat16;
using F16 = Float16;
using E4m3 = Float8E4M3;
using E5m2 = Float8E5M2;
constexpr Major kKMajor = Major::kK;
constexpr Major kMNMajor = Major::kMN;

TEST_F(WgmmaOperandsTest, SwizzlesOfAllMajors) {
  CheckSwizzles<Bf16, Bf16, 40>();
  CheckSwizzles<Bf16, Bf16, 40, kKMajor, kMNMajor>();
  CheckSwizzles<Bf16, Bf16, 40, kMNMajor, kKMajor>();
  CheckSwizzles<F16, F16, 136, kMNMajor, kMNMajor>();
  CheckSwizzles<E4m3, E5m2, 16>();
}

TEST_F(WgmmaOperandsTest, Types) {
  Check<Bf16, Bf16, 64>(Swizzle::k128B, Swizzle::k64B);
  Check<F16, F16, 64>(Swizzle::k128B, Swizzle::k128B);
  Check<E4m3, E4m3, 64>(Swizzle::k64B, Swizzle::k64B);
  Check<E4m3, E5m2, 64>(Swizzle::k64B, Swizzle::k32B);
  Check<E5m2, E4m3, 64>(Swizzle::k32B, Swizzle::k64B);
  Check<E5m2, E5m2, 64>(Swizzle::kNone, Swizzle::k64B);
  Check<Bf16, Bf16, 64, kKMajor, kMNMajor, true>(Swizzle::k128B,
                                                 Swizzle::k128B);
}

TEST_F(WgmmaOperandsTest, Sizes) {
  [&]<int... kEighths>(std::integer_sequence<int, kEighths...>) {
    (Check<Bf16, Bf16, 8 * (kEighths + 1)>(Swizzle::k128B, Swizzle::k128B),
     ...);
  }
  (std::make_integer_sequence<int, 32>());
  Check<Bf16, Bf16, 256, kMNMajor, kMNMajor>(Swizzle::k128B, Swizzle::k128B);
  Check<E4m3, E4m3, 256>(Swizzle::k64B, Swizzle::k64B);
}

TEST_F(WgmmaOperandsTest, InAllOrders) {
  ForEachSchedule([&] {
    Check<Bf16, Bf16, 24>(Swizzle::k64B, Swizzle::k128B);
    Check<E5m2, E4m3, 8>(Swizzle::kNone, Swizzle::k32B);
  });
}

}  // namespace
}  // namespace tilework
