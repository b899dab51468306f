// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/random/philox.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/transformer/sample_tokens.h"
#include "tilework/experimental/transformer/token_draw.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tilework/experimental/transformer/sample_tokens_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

// After foreach_target.
#include "hwy/highway.h"
#include "tilework/common/simd/math-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr float kLowest = -std::numeric_limits<float>::infinity();

// A row is scanned in blocks of this many vectors. Each lane of a block gives a
// group of 64 logits, whose maximum is kept.
constexpr int64_t kBlockVectors = 64;

int64_t Lanes() {
  return static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>()));
}
int64_t BlockSize() { return kBlockVectors * Lanes(); }
int64_t NumBlocks(int64_t size) {
  return (size + BlockSize() - 1) / BlockSize();
}

// The maximum of each lane over z[0, size), and whether there is a NaN.
template <class DF>
HWY_INLINE hn::Vec<DF> LaneMaxima(DF df, const float* HWY_RESTRICT z,
                                  int64_t size, bool& has_nan) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const auto lowest = hn::Set(df, kLowest);
  // Four chains hide the latency.
  auto max0 = lowest, max1 = lowest, max2 = lowest, max3 = lowest;
  auto nan = hn::IsNaN(lowest);
  int64_t i = 0;
  for (; i + 4 * lanes <= size; i += 4 * lanes) {
    const auto v0 = hn::LoadU(df, z + i);
    const auto v1 = hn::LoadU(df, z + i + lanes);
    const auto v2 = hn::LoadU(df, z + i + 2 * lanes);
    const auto v3 = hn::LoadU(df, z + i + 3 * lanes);
    // Either of a pair being NaN makes it unordered.
    nan = hn::Or(nan, hn::Or(hn::IsEitherNaN(v0, v1), hn::IsEitherNaN(v2, v3)));
    max0 = hn::Max(max0, v0);
    max1 = hn::Max(max1, v1);
    max2 = hn::Max(max2, v2);
    max3 = hn::Max(max3, v3);
  }
  for (; i < size; i += lanes) {
    const size_t count = static_cast<size_t>(std::min(lanes, size - i));
    const auto v = hn::IfThenElse(hn::FirstN(df, count),
                                  LoadUpTo(df, z + i, count), lowest);
    nan = hn::Or(nan, hn::IsNaN(v));
    max0 = hn::Max(max0, v);
  }
  has_nan = !hn::AllFalse(df, nan);
  return hn::Max(hn::Max(max0, max1), hn::Max(max2, max3));
}

// exp((z - max) / temperature)
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Weight(DF df, VF z, float max, float temperature) {
  return Exp(df,
             hn::Div(hn::Sub(z, hn::Set(df, max)), hn::Set(df, temperature)));
}

// The sum of the weights in f64.
double SumOfRowWeights(const float* HWY_RESTRICT z, int64_t size, float max,
                       float temperature) {
  const hn::ScalableTag<float> df;
  const hn::Repartition<double, decltype(df)> dd;
  auto lower = hn::Zero(dd);
  auto upper = hn::Zero(dd);
  ForEachVector(size, [&](auto d, int64_t i, size_t count) HWY_ATTR {
    const auto v = LoadUpTo(d, z + i, count);
    const auto w = hn::IfThenElseZero(hn::FirstN(d, count),
                                      Weight(d, v, max, temperature));
    lower = hn::Add(lower, hn::PromoteLowerTo(dd, w));
    upper = hn::Add(upper, hn::PromoteUpperTo(dd, w));
  });
  return hn::ReduceSum(dd, hn::Add(lower, upper));
}

// Scratch of one task.
struct Scratch {
  float* row;            // V
  float* group_max;      // one a lane and block
  float* weights;        // V, and no fewer than there are groups
  uint64_t* candidates;  // V
  uint64_t* spare;       // V

  static Scratch Allocate(int64_t size, ScratchScope& scope) {
    const int64_t groups = NumBlocks(size) * Lanes();
    return {.row = scope.Allocate<float>(size),
            .group_max = scope.Allocate<float>(groups),
            .weights = scope.Allocate<float>(std::max(size, groups)),
            .candidates = scope.Allocate<uint64_t>(size),
            .spare = scope.Allocate<uint64_t>(size)};
  }
};

class RowSampler {
 public:
  RowSampler(const SampleTokensArgs& args, const Scratch& scratch)
      : args_(args), scratch_(scratch), size_(args.logits.dim(1)) {}

  void Run(int64_t row) {
    VisitFloat(args_.logits.dtype(), [&](auto type) HWY_ATTR {
      Scan(args_.logits.At<decltype(type)>(row), args_.logits.stride(1));
    });
    int64_t token = -1;
    float logprob = std::numeric_limits<float>::quiet_NaN();
    if (!has_nan_ && std::isfinite(max_)) {
      token = args_.temperature == 0 ? Greedy() : Sample(row);
      if (args_.logprob.present()) {
        logprob = static_cast<float>(
            (static_cast<double>(z_[token]) - static_cast<double>(max_)) -
            std::log(SumOfRowWeights(z_, size_, max_, 1)));
      }
    }
    *args_.tokens.At<int32_t>(row) = static_cast<int32_t>(token);
    if (args_.logprob.present()) *args_.logprob.At<float>(row) = logprob;
  }

 private:
  // Sets z_ (the row in f32), max_, max_block_ and has_nan_, and stores the
  // maxima of the groups.
  template <typename T>
  void Scan(const T* logits, int64_t stride) {
    const hn::ScalableTag<float> df;
    constexpr bool kF32 = kDTypeOf<T> == DType::kF32;
    if constexpr (kF32) z_ = logits;
    if (!kF32 || stride != 1) z_ = scratch_.row;
    max_ = kLowest;
    max_block_ = 0;
    has_nan_ = false;
    for (int64_t i = 0; i < size_; i += BlockSize()) {
      const int64_t count = std::min(BlockSize(), size_ - i);
      if (z_ == scratch_.row) {
        LoadRow(logits + i * stride, stride, count, scratch_.row + i);
      }
      bool nan = false;
      const auto maxima = LaneMaxima(df, z_ + i, count, nan);
      has_nan_ |= nan;
      hn::StoreU(maxima, df, scratch_.group_max + i / kBlockVectors);
      const float max = LargestLane(df, maxima);
      if (max > max_) {
        max_ = max;
        max_block_ = i;
      }
    }
  }

  // The first place of the maximum.
  int64_t Greedy() const {
    return std::find(z_ + max_block_, z_ + size_, max_) - z_;
  }

  int64_t Sample(int64_t row) {
    const PhiloxState random = {
        .seed = args_.seed,
        .stream = static_cast<uint64_t>(*args_.request_id.At<int64_t>(row)),
        .offset = static_cast<uint64_t>(*args_.step.At<int32_t>(row))};
    const DrawRules rules = {.top_p = static_cast<double>(args_.top_p),
                             .min_p = static_cast<double>(args_.min_p),
                             .u = static_cast<double>(Unit24(random.Word(0)))};
    if (args_.top_k > 0 && args_.top_k < size_) {
      return SampleTopK(args_.top_k, rules);
    }
    const int64_t token = SampleFromTheNeeded(rules);
    return token >= 0 ? token : SampleTopK(size_, rules);
  }

  // From the first k tokens of order pi.
  int64_t SampleTopK(int64_t k, const DrawRules& rules) {
    const int64_t count = std::min(k, SortTokensFrom(ThresholdOfLargest(k)));
    LoadWeights(count);
    const double total = SumOfWeights(scratch_.weights, count);
    return Draw({.weights = scratch_.weights, .count = count, .total = total},
                rules);
  }

  // From all tokens, but looking only at those that the draw may depend on.
  // -1 if that is not enough.
  int64_t SampleFromTheNeeded(const DrawRules& rules) {
    const double total = SumOfRowWeights(z_, size_, max_, args_.temperature);
    const NeededTokens needed = FindNeeded(rules, size_, total);
    const int64_t count = SortTokensFrom(ThresholdOfWeight(needed.weight));
    LoadWeights(count);
    return Draw({.weights = scratch_.weights,
                 .count = count,
                 .rest = count < size_ ? needed.rest : Rest::kNone,
                 .total = total,
                 .slack = DrawSlack(size_)},
                rules);
  }

  int64_t Draw(const DrawTokens& tokens, const DrawRules& rules) const {
    const int64_t place = DrawToken(tokens, rules);
    if (place < 0) return -1;
    return CandidateIndex(scratch_.candidates[place]);
  }

  // A logit that at least the k largest reach, and few others: the maxima of
  // the groups are logits of different tokens.
  float ThresholdOfLargest(int64_t k) const {
    const int64_t groups = NumBlocks(size_) * Lanes();
    if (k > groups) return kLowest;
    float* maxima = scratch_.weights;
    std::copy(scratch_.group_max, scratch_.group_max + groups, maxima);
    std::nth_element(maxima, maxima + (k - 1), maxima + groups,
                     std::greater<float>());
    return maxima[k - 1];
  }

  // A logit below which all weights are smaller than `weight`, rounding
  // included: half the weight is far more than that.
  float ThresholdOfWeight(double weight) const {
    const double z =
        static_cast<double>(max_) +
        static_cast<double>(args_.temperature) * std::log(weight / 2);
    return std::nextafter(static_cast<float>(z), kLowest);
  }

  // Sorts the tokens from this logit on; returns how many there are.
  int64_t SortTokensFrom(float threshold) const {
    const hn::ScalableTag<float> df;
    const auto limit = hn::Set(df, threshold);
    int64_t count = 0;
    for (int64_t begin = 0; begin < size_; begin += BlockSize()) {
      const auto maxima =
          hn::LoadU(df, scratch_.group_max + begin / kBlockVectors);
      if (hn::AllFalse(df, hn::Ge(maxima, limit))) continue;
      const int64_t end = std::min(begin + BlockSize(), size_);
      count = Collect(begin, end, threshold, count);
    }
    SortCandidates(scratch_.candidates, count, scratch_.spare);
    return count;
  }

  // Appends the tokens of [begin, end) from `threshold` on to the candidates.
  int64_t Collect(int64_t begin, int64_t end, float threshold,
                  int64_t count) const {
    ForEachVector(end - begin, [&](auto df, int64_t i, size_t n) HWY_ATTR {
      const auto found = hn::And(
          hn::Ge(LoadUpTo(df, z_ + begin + i, n), hn::Set(df, threshold)),
          hn::FirstN(df, n));
      static_assert(hn::MaxLanes(df) <= 64);
      uint64_t bits = 0;
      hn::StoreMaskBits(df, found, reinterpret_cast<uint8_t*>(&bits));
      for (; bits != 0; bits &= bits - 1) {
        const int64_t index = begin + i + std::countr_zero(bits);
        scratch_.candidates[count++] =
            PackCandidate(z_[index], static_cast<uint32_t>(index));
      }
    });
    return count;
  }

  // Weights of the first `count` candidates.
  void LoadWeights(int64_t count) const {
    float* weights = scratch_.weights;
    for (int64_t i = 0; i < count; ++i) {
      weights[i] = z_[CandidateIndex(scratch_.candidates[i])];
    }
    ForEachVector(count, [&](auto df, int64_t i, size_t n) HWY_ATTR {
      const auto z = LoadUpTo(df, weights + i, n);
      StoreUpTo(Weight(df, z, max_, args_.temperature), df, weights + i, n);
    });
  }

  const SampleTokensArgs& args_;
  const Scratch scratch_;
  const int64_t size_;
  const float* z_ = nullptr;
  float max_ = 0;
  int64_t max_block_ = 0;
  bool has_nan_ = false;
};

void SampleTokensHost(const SampleTokensArgs& args, HostContext& context) {
  const int64_t rows = args.logits.dim(0);
  // Each task takes every so many rows, so that scratch is bounded.
  const int64_t tasks = std::min<int64_t>(rows, context.num_threads());
  ScratchScope scope(context.arena());
  Scratch* scratch = scope.Allocate<Scratch>(tasks);
  for (int64_t task = 0; task < tasks; ++task) {
    scratch[task] = Scratch::Allocate(args.logits.dim(1), scope);
  }
  context.pool().ParallelFor(tasks, [&](int64_t task, int) HWY_ATTR {
    RowSampler sampler(args, scratch[task]);
    for (int64_t row = task; row < rows; row += tasks) sampler.Run(row);
  });
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(SampleTokensHost);

absl::Status SampleTokens(const SampleTokensArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.logits.dim(0) == 0) return;
    HWY_DYNAMIC_DISPATCH(SampleTokensHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
