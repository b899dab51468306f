// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8_backward.h"
#include "tilework/experimental/matmul_mxfp8/mx_factor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tilework/experimental/matmul_mxfp8/matmul_mxfp8_backward_host.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After foreach_target.h.
#include "tilework/common/simd/rows-inl.h"
#include "tilework/experimental/matmul_mxfp8/mx_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows are summed in parts, so that errors grow with the root of their number.
constexpr int64_t kRowsInPart = 64;
constexpr int64_t kColsInTask = 256;

// to[c] = sum of rows [row, row + rows) of column col + c.
template <typename T>
void SumRows(const ConstTensor& x, int64_t row, int64_t rows, int64_t col,
             int64_t cols, float* HWY_RESTRICT to) {
  std::fill_n(to, cols, 0.0f);
  for (int64_t r = row; r < row + rows; ++r) {
    AddScaled(x.At<T>(r, col), x.stride(1), 1.0f, cols, to);
  }
}

void SumColumns(const ConstTensor& x, const Tensor& sums,
                HostContext& context) {
  const int64_t m = x.dim(0);
  const int64_t n = x.dim(1);
  const int64_t tasks = (n + kColsInTask - 1) / kColsInTask;
  context.pool().ParallelFor(tasks, [&](int64_t task, int /*thread*/) HWY_ATTR {
    const int64_t col = task * kColsInTask;
    const int64_t cols = std::min(kColsInTask, n - col);
    HWY_ALIGN float total[kColsInTask] = {};
    HWY_ALIGN float part[kColsInTask];
    for (int64_t row = 0; row < m; row += kRowsInPart) {
      VisitFloat(x.dtype(), [&](auto type) HWY_ATTR {
        SumRows<decltype(type)>(x, row, std::min(kRowsInPart, m - row), col,
                                cols, part);
      });
      AddScaled(part, 1, 1.0f, cols, total);
    }
    StoreRow(total, sums.stride(0), cols, sums.At<float>(col));
  });
}

void MatmulMxfp8BackwardHost(const MatmulMxfp8BackwardArgs& args,
                             HostContext& context) {
  namespace internal = matmul_mxfp8_internal;
  if (args.input_grad.present() && args.input_grad.NumElements() > 0) {
    MultiplyFactors(internal::GradAlongN(args), internal::WeightsAlongN(args),
                    {.out = AsTokens(args.input_grad)}, context);
  }
  if (args.weight_grad.present() && args.weight_grad.NumElements() > 0) {
    StoreArgs store = {.out = AsTokens(args.weight_grad)};
    if (args.accumulate_weight_grad) store.residual = store.out;
    MultiplyFactors(internal::GradAlongM(args), internal::InputAlongM(args),
                    store, context);
  }
  if (args.bias_grad.present()) {
    SumColumns(args.output_grad, args.bias_grad, context);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(MatmulMxfp8BackwardHost);

absl::Status MatmulMxfp8Backward(const MatmulMxfp8BackwardArgs& args,
                                 HostContext& context) {
  return CallOnHost(args, context, [&] {
    HWY_DYNAMIC_DISPATCH(MatmulMxfp8BackwardHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
