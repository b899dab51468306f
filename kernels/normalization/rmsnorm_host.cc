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
#include "tilework/kernels/normalization/rmsnorm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/normalization/rmsnorm_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/math-inl.h"
#include "tilework/common/simd/norm-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/kernels/normalization/norm_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

class RmsNormRows {
 public:
  RmsNormRows(const RmsNormArgs& args, ScratchScope& scratch)
      : hidden_(args),
        gate_(args.gate),
        output_(args.output, SameView(args.output, args.input)),
        rstd_(args.rstd, args.input.rank() - 1),
        weight_(LoadVector(args.gamma, hidden_.size(), args.gamma_offset, 1,
                           scratch)),
        cast_type_(args.cast_mode == RmsNormCastMode::kLlama
                       ? args.input.dtype()
                       : DType::kF32),
        gate_mode_(args.gate_mode),
        group_size_(args.group_size.value_or(hidden_.size())),
        num_groups_(hidden_.size() / group_size_),
        divisor_(num_groups_ > 1 ? group_size_
                                 : args.hidden_actual.value_or(group_size_)),
        eps_(args.eps) {}

  const HiddenRows& hidden() const { return hidden_; }

  // Rows [begin, end); `scratch` holds two rows.
  void Run(int64_t begin, int64_t end, float* scratch) const {
    VisitFloat(output_.dtype(), [&](auto type) HWY_ATTR {
      hidden_.Visit(
          begin, end, scratch,
          [&](int64_t row, const auto* h, float* spare, ReadAhead& next)
              HWY_ATTR { RunRow<decltype(type)>(row, h, spare, next); });
    });
    if (output_.stream() || hidden_.stream()) hwy::FlushStream();
  }

 private:
  template <typename Y, typename H>
  void RunRow(int64_t row, const H* h, float* spare, ReadAhead& next) const {
    const OutputRow<Y> to = output_.Row<Y>(row);
    const bool pre = gate_mode_ == RmsNormGateMode::kPre;
    if (pre) {
      LoadRow(h, 1, hidden_.size(), spare);
      MultiplySilu(row, 0, hidden_.size(), spare);
    }
    for (int64_t group = 0; group < num_groups_; ++group) {
      if (pre) {
        Normalize<float>(spare, row, group, spare, next, to);
      } else {
        Normalize(h, row, group, spare, next, to);
      }
    }
  }

  // A group of a row; `spare` may be `h`.
  template <typename H, typename Y>
  void Normalize(const H* h, int64_t row, int64_t group, float* spare,
                 ReadAhead& next, const OutputRow<Y>& to) const {
    const int64_t begin = group * group_size_;
    const int64_t end = begin + group_size_;
    const float r = RmsFactorOf(h + begin, group_size_, divisor_, eps_, next);
    rstd_.Store(row, group, r);
    const bool post = gate_mode_ == RmsNormGateMode::kPost;
    const float* weight = weight_;
    if (cast_type_ == DType::kF32 && !post) {
      WriteRow(to, begin, end, next,
               [&](auto df, int64_t i, size_t count) HWY_ATTR {
                 const auto v = LoadUpTo(df, h + i, count);
                 return hn::Mul(hn::Mul(v, hn::Set(df, r)),
                                LoadUpTo(df, weight + i, count));
               });
    } else if (cast_type_ == kDTypeOf<H> && !post) {
      WriteRow(to, begin, end, next,
               [&](auto df, int64_t i, size_t count) HWY_ATTR {
                 const auto v = LoadUpTo(df, h + i, count);
                 return hn::Mul(RoundTo<H>(df, hn::Mul(v, hn::Set(df, r))),
                                LoadUpTo(df, weight + i, count));
               });
    } else {
      ScaleRow(h + begin, r, kNoGamma, 0, group_size_, spare + begin);
      Finish(row, begin, spare);
      WriteRow(to, begin, end, next,
               [&](auto df, int64_t i, size_t count)
                   HWY_ATTR { return LoadUpTo(df, spare + i, count); });
    }
  }

  // What follows the multiplication by r, step by step.
  void Finish(int64_t row, int64_t begin, float* spare) const {
    VisitFloat(cast_type_, [&](auto type) HWY_ATTR {
      RoundRow<decltype(type)>(group_size_, spare + begin);
    });
    ScaleRow(spare + begin, 1, weight_ + begin, 0, group_size_, spare + begin);
    if (gate_mode_ == RmsNormGateMode::kPost) {
      MultiplySilu(row, begin, begin + group_size_, spare);
    }
  }

  // row[i] *= silu(gate[i]) for i in [begin, end).
  void MultiplySilu(int64_t row_index, int64_t begin, int64_t end,
                    float* row) const {
    gate_.VisitPieces(
        row_index, begin, end,
        [&](const float* z, int64_t first, int64_t size) HWY_ATTR {
          ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
            float* to = row + first + i;
            const auto factor = Silu(df, LoadUpTo(df, z + i, count));
            StoreUpTo(hn::Mul(LoadUpTo(df, to, count), factor), df, to, count);
          });
        });
  }

  static constexpr const float* kNoGamma = nullptr;

  HiddenRows hidden_;
  InputRows gate_;
  OutputRows output_;
  RowValues rstd_;
  const float* weight_;  // gamma + gamma_offset
  DType cast_type_;      // to which h * r is rounded
  RmsNormGateMode gate_mode_;
  int64_t group_size_;
  int64_t num_groups_;
  int64_t divisor_;
  float eps_;
};

void RmsNormHost(const RmsNormArgs& args, HostContext& context) {
  ScratchScope scratch(context.arena());
  const RmsNormRows kernel(args, scratch);
  ForRows(kernel, scratch, context);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(RmsNormHost);

absl::Status RmsNorm(const RmsNormArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.input.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(RmsNormHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
