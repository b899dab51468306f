// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/layernorm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/normalization/layernorm_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/simd/moments-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/kernels/normalization/norm_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

class LayerNormRows {
 public:
  LayerNormRows(const LayerNormArgs& args, ScratchScope& scratch)
      : hidden_(args),
        output_(args.output, SameView(args.output, args.input)),
        mean_(args.mean, args.input.rank() - 1),
        rstd_(args.rstd, args.input.rank() - 1),
        gamma_(LoadVector(args.gamma, hidden_.size(), 0, 1, scratch)),
        beta_(LoadVector(args.beta, hidden_.size(), 0, 0, scratch)),
        eps_(args.eps) {}

  const HiddenRows& hidden() const { return hidden_; }

  // Rows [begin, end); `scratch` holds two rows.
  void Run(int64_t begin, int64_t end, float* scratch) const {
    VisitFloat(output_.dtype(), [&](auto type) HWY_ATTR {
      hidden_.Visit(
          begin, end, scratch,
          [&](int64_t row, const auto* h, float*, ReadAhead& next) HWY_ATTR {
            Normalize(h, row, next, output_.Row<decltype(type)>(row));
          });
    });
    if (output_.stream() || hidden_.stream()) hwy::FlushStream();
  }

 private:
  template <typename H, typename Y>
  void Normalize(const H* h, int64_t row, ReadAhead& next,
                 const OutputRow<Y>& to) const {
    const Moments moments = MomentsOf(h, hidden_.size(), next);
    const float mean = moments.mean;
    const float rstd = ReciprocalDeviation(moments.variance, eps_);
    mean_.Store(row, 0, mean);
    rstd_.Store(row, 0, rstd);
    // Copies: the compiler can't know that the stores leave the class alone.
    const float* gamma = gamma_;
    const float* beta = beta_;
    WriteRow(to, 0, hidden_.size(), next,
             [&](auto df, int64_t i, size_t count) HWY_ATTR {
               return LayerNormed(df, LoadUpTo(df, h + i, count), mean, rstd,
                                  LoadUpTo(df, gamma + i, count),
                                  LoadUpTo(df, beta + i, count));
             });
  }

  HiddenRows hidden_;
  OutputRows output_;
  RowValues mean_, rstd_;
  const float* gamma_;
  const float* beta_;
  float eps_;
};

void LayerNormHost(const LayerNormArgs& args, HostContext& context) {
  ScratchScope scratch(context.arena());
  const LayerNormRows kernel(args, scratch);
  ForRows(kernel, scratch, context);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(LayerNormHost);

absl::Status LayerNorm(const LayerNormArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.input.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(LayerNormHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
