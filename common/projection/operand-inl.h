// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Prepares the left operand of a projection, see operand.h. Include after
// hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_PROJECTION_OPERAND_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_PROJECTION_OPERAND_INL_H_
#undef TILEWORK_COMMON_PROJECTION_OPERAND_INL_H_
#else
#define TILEWORK_COMMON_PROJECTION_OPERAND_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/epilogue-inl.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/simd/norm-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

// An OperandArgs with all tensors as [B, S, N, D].
struct OperandRows {
  ConstTensor x;
  ConstTensor add[2] = {};
  Tensor sum = {};
  bool normalize;
  const float* gamma;  // null: the factor 1
  float gamma_offset;
  float eps;
  int64_t hidden_actual = 0;
};

// row[:] = x[t], all heads; or += it.
inline HWY_NOINLINE void LoadToken(const ConstTensor& x, int64_t t, bool add,
                                   float* HWY_RESTRICT row) {
  const int64_t d = x.dim(3);
  VisitFloat(x.dtype(), [&](auto type) HWY_ATTR {
    using T = decltype(type);
    for (int64_t n = 0; n < x.dim(2); ++n) {
      const T* from = x.At<T>(t / x.dim(1), t % x.dim(1), n);
      if (add) {
        AddScaled(from, x.stride(3), 1.0f, d, row + n * d);
      } else {
        LoadRow(from, x.stride(3), d, row + n * d);
      }
    }
  });
}

// row = h of token t; stores it if asked to. X is x's type.
template <typename X>
HWY_INLINE void LoadSum(const OperandRows& rows, int64_t t, int64_t size,
                        float* HWY_RESTRICT row) {
  LoadToken(rows.x, t, /*add=*/false, row);
  bool added = false;
  for (const ConstTensor& add : rows.add) {
    if (!add.present()) continue;
    LoadToken(add, t, /*add=*/true, row);
    added = true;
  }
  if (!added) return;
  const Tensor& sum = rows.sum;
  if (!sum.present()) {
    RoundRow<X>(size, row);
    return;
  }
  VisitFloat(sum.dtype(), [&](auto type) HWY_ATTR {
    using T = decltype(type);
    RoundRow<T>(size, row);
    const int64_t d = sum.dim(3);
    for (int64_t n = 0; n < sum.dim(2); ++n) {
      StoreRow(row + n * d, sum.stride(3), d,
               sum.At<T>(t / sum.dim(1), t % sum.dim(1), n));
    }
  });
}

// out = norm(h), rounded to T.
template <typename H, typename T>
HWY_INLINE void NormalizeToken(const OperandRows& rows, const H* h,
                               int64_t size, T* out) {
  const float factor =
      rows.normalize ? RmsFactor(h, size, rows.hidden_actual, rows.eps) : 1.0f;
  ScaleRow(h, factor, rows.gamma, rows.gamma_offset, size, out);
}

// The operands of `count` tokens from `first` on, in `out`, [T, K].
template <typename T>
HWY_NOINLINE void PrepareTokens(const OperandRows& rows, int64_t first,
                                int64_t count, float* HWY_RESTRICT row,
                                T* HWY_RESTRICT out) {
  const ConstTensor& x = rows.x;
  const int64_t size = x.dim(2) * x.dim(3);
  // A contiguous token without a sum is read where it is.
  const bool in_place = !rows.add[0].present() && !rows.add[1].present() &&
                        x.stride(3) == 1 && x.dim(2) == 1;
  for (int64_t t = first; t < first + count; ++t) {
    if (in_place) {
      NormalizeToken(rows, x.At<T>(t / x.dim(1), t % x.dim(1)), size,
                     out + t * size);
    } else {
      LoadSum<T>(rows, t, size, row);
      NormalizeToken(rows, row, size, out + t * size);
    }
  }
}

// The operand: a view of x if there is nothing to do, else in `scratch`.
inline HWY_NOINLINE Operand PrepareOperand(const OperandArgs& args,
                                           ScratchScope& scratch,
                                           HostContext& context) {
  const NormArgs& norm = args.norm;
  OperandRows rows = {.x = AsHeads(args.x),
                      .normalize = norm.type != NormType::kNoNorm,
                      .gamma = ContiguousVector(norm.gamma, scratch),
                      .gamma_offset = norm.gamma_offset,
                      .eps = norm.eps};
  const ConstTensor& x = rows.x;
  if (!rows.normalize && !args.add[0].present() && !args.add[1].present()) {
    const ConstTensor matrix = AsMatrix(x);
    if (matrix.present()) return {.a = matrix};
  }
  for (int i = 0; i < 2; ++i) {
    if (args.add[i].present()) rows.add[i] = AsHeads(args.add[i]);
  }
  if (args.sum.present()) rows.sum = AsHeads(args.sum);
  const int64_t num_rows = x.dim(0) * x.dim(1);
  const int64_t size = x.dim(2) * x.dim(3);
  rows.hidden_actual = norm.hidden_actual.value_or(size);
  const Tensor out = scratch.AllocateTensor(x.dtype(), {num_rows, size});
  const int64_t row_stride = (size + 15) / 16 * 16;
  float* row = scratch.Allocate<float>(context.num_threads() * row_stride);
  // Few rows are not worth a fork.
  constexpr int64_t kElementsPerTask = 1 << 16;
  const int64_t rows_per_task =
      std::max<int64_t>(1, kElementsPerTask / std::max<int64_t>(1, size));
  const int64_t num_tasks = (num_rows + rows_per_task - 1) / rows_per_task;
  VisitFloat(x.dtype(), [&](auto type) HWY_ATTR {
    using T = decltype(type);
    context.pool().ParallelFor(
        num_tasks, [&](int64_t task, int thread) HWY_ATTR {
          const int64_t first = task * rows_per_task;
          PrepareTokens(rows, first, std::min(rows_per_task, num_rows - first),
                        row + thread * row_stride, out.data<T>());
        });
  });
  return {.a = out};
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_PROJECTION_OPERAND_INL_H_
