// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The left operand as the micro-kernels read it: groups of a few rows, whose
// elements for one step of the contraction lie side by side. Include after
// hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_GEMM_LEFT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_GEMM_LEFT_INL_H_
#undef TILEWORK_COMMON_GEMM_LEFT_INL_H_
#else
#define TILEWORK_COMMON_GEMM_LEFT_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/gemm_plan.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 32 bits are one step: an f32, or a pair of bf16 that a dot product takes.
template <typename TA>
inline constexpr int64_t kStepElements = 4 / int64_t{sizeof(TA)};

template <typename TA>
constexpr int64_t LeftSteps(int64_t k) {
  return (k + kStepElements<TA> - 1) / kStepElements<TA>;
}

// Elements of a packed row of k, and some more where the blocks of different
// groups would meet in the same sets of a cache.
template <typename TA>
constexpr int64_t LeftRowSize(int64_t k) {
  const int64_t size = LeftSteps<TA>(k) * kStepElements<TA>;
  return size % 128 == 0 ? size + 16 : size;
}

// Transposes 4 x 4 numbers of 32 bits.
HWY_INLINE void Transpose4(const uint32_t* HWY_RESTRICT from, int64_t stride,
                           uint32_t* HWY_RESTRICT to, int64_t to_stride) {
  constexpr hn::FixedTag<uint32_t, 4> d;
  constexpr hn::FixedTag<uint64_t, 2> d64;
  const auto r0 = hn::LoadU(d, from);
  const auto r1 = hn::LoadU(d, from + stride);
  const auto r2 = hn::LoadU(d, from + 2 * stride);
  const auto r3 = hn::LoadU(d, from + 3 * stride);
  const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, r0, r1));
  const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, r2, r3));
  const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, r0, r1));
  const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, r2, r3));
  const auto store = [&](auto v, int64_t i) HWY_ATTR {
    hn::StoreU(hn::BitCast(d, v), d, to + i * to_stride);
  };
  store(hn::InterleaveLower(d64, low01, low23), 0);
  store(hn::InterleaveUpper(d64, low01, low23), 1);
  store(hn::InterleaveLower(d64, high01, high23), 2);
  store(hn::InterleaveUpper(d64, high01, high23), 3);
}

// to[i * rows + r] = from[r * stride + i], i < steps.
HWY_INLINE void InterleaveRows(const uint32_t* HWY_RESTRICT from,
                               int64_t stride, int64_t rows, int64_t steps,
                               uint32_t* HWY_RESTRICT to) {
  int64_t i = 0;
  for (; i + 4 <= steps; i += 4) {
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
      Transpose4(from + r * stride + i, stride, to + i * rows + r, rows);
    }
    for (; r < rows; ++r) {
      for (int64_t j = 0; j < 4; ++j) {
        to[(i + j) * rows + r] = from[r * stride + i + j];
      }
    }
  }
  for (; i < steps; ++i) {
    for (int64_t r = 0; r < rows; ++r) {
      to[i * rows + r] = from[r * stride + i];
    }
  }
}

// Row `row` of `a` as contiguous elements of TA, widened or copied.
template <typename TA>
HWY_INLINE void CopyLeftRow(const ConstTensor& a, int64_t row, TA* to) {
  const int64_t k = a.dim(1);
  if constexpr (std::is_same_v<TA, BFloat16>) {
    const BFloat16* from = a.At<BFloat16>(row);
    for (int64_t i = 0; i < k; ++i) to[i] = from[i * a.stride(1)];
  } else {
    VisitFloat(a.dtype(), [&](auto type) HWY_ATTR {
      LoadRow(a.At<decltype(type)>(row), a.stride(1), k, to);
    });
  }
}

// Packs rows [row, row + rows) of `a` as one group. `copy` has room for them,
// each row rounded up to whole steps.
template <typename TA>
HWY_NOINLINE void PackLeftGroup(const ConstTensor& a, int64_t row, int64_t rows,
                                TA* HWY_RESTRICT copy, TA* HWY_RESTRICT to) {
  constexpr int64_t kStep = kStepElements<TA>;
  const int64_t k = a.dim(1);
  const int64_t steps = LeftSteps<TA>(k);
  // In place where rows are whole steps that lie at multiples of them.
  const bool direct =
      a.dtype() == kDTypeOf<TA> && a.stride(1) == 1 && k % kStep == 0 &&
      a.stride(0) % kStep == 0 &&
      reinterpret_cast<uintptr_t>(a.data()) % alignof(uint32_t) == 0;
  const TA* from = copy;
  int64_t stride = steps * kStep;
  if (direct) {
    from = a.At<TA>(row);
    stride = a.stride(0);
  } else {
    for (int64_t r = 0; r < rows; ++r) {
      if (k % kStep != 0) copy[(r + 1) * stride - 1] = TA(0.0f);
      CopyLeftRow(a, row + r, copy + r * stride);
    }
  }
  InterleaveRows(reinterpret_cast<const uint32_t*>(from), stride / kStep, rows,
                 steps, reinterpret_cast<uint32_t*>(to));
}

// Packs the groups of `plan` that have rows [first, first + rows), one after
// the other.
template <typename TA>
void PackLeft(const ConstTensor& a, const RowGroups& groups, int64_t first,
              int64_t rows, TA* to, HostContext& context) {
  const int64_t row_size = LeftRowSize<TA>(a.dim(1));
  const int64_t begin = groups.GroupOf(first);
  const int64_t count = groups.GroupOf(first + rows) - begin;
  ScratchScope scratch(context.arena());
  const int64_t copy_size = groups.most_rows() * row_size;
  TA* copies = scratch.Allocate<TA>(copy_size * context.num_threads());
  const auto pack = [&](int64_t i, int thread) HWY_ATTR {
    const int64_t row = groups.FirstRow(begin + i);
    PackLeftGroup(a, row, groups.FirstRow(begin + i + 1) - row,
                  copies + thread * copy_size, to + (row - first) * row_size);
  };
  // A few rows are not worth waking other threads for.
  if (rows * row_size < (int64_t{1} << 16)) {
    for (int64_t i = 0; i < count; ++i) pack(i, 0);
  } else {
    context.pool().ParallelFor(count, pack);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_GEMM_LEFT_INL_H_
