// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The algorithm of attention_cte and attention_tkg: blocks of query rows
// against ascending blocks of keys with an online softmax, in f32. Include
// after hwy/highway.h inside a foreach_target file.
//
// The rows of one KV head are its G query heads at all positions: row r is
// query r / G of head r % G. They share K and V, which are packed once per task
// and key block.
//
// A row's arithmetic depends on the row, its keys and their places on the key
// axis alone: blocks and splits begin at multiples of their size. Hence the
// same bits for any number of threads and whatever the other rows are.

#if defined(TILEWORK_KERNELS_ATTENTION_ATTENTION_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_KERNELS_ATTENTION_ATTENTION_INL_H_
#undef TILEWORK_KERNELS_ATTENTION_ATTENTION_INL_H_
#else
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/simd/math-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_call.h"
#include "tilework/kernels/attention/attention_plan.h"
#include "tilework/kernels/attention/attention_tile-inl.h"
#include "tilework/kernels/attention/key_range.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr float kMinusInf = -std::numeric_limits<float>::infinity();

// Sizes that all parts of a call share.
template <typename T>
struct AttentionSizes {
  int64_t d, dv;
  int64_t q_stride;    // words of a packed query, padded
  int64_t sum_stride;  // columns of V, padded to panels

  AttentionSizes(int64_t d_in, int64_t dv_in)
      : d(d_in),
        dv(dv_in),
        q_stride(PaddedWords<T>(d)),
        sum_stride(RoundUp(dv, kPanel)) {}
};

// The running softmax of some rows: for each the largest score so far, the sum
// of exp(score - max), and the sum of these weights times V.
struct RowSums {
  float* max;
  float* weight;
  float* values;  // [rows, sum_stride]

  RowSums(ScratchScope& scratch, int64_t rows, int64_t sum_stride)
      : max(scratch.Allocate<float>(rows)),
        weight(scratch.Allocate<float>(rows)),
        values(scratch.Allocate<float>(rows * sum_stride)) {}
};

// What a thread works with.
template <typename T>
struct Workspace {
  float* queries;  // [rows, q_stride]
  float* keys;     // a block of K^T, see PackKeys
  float* values;   // a block of V, see PackValues
  float* scores;   // [kTileRows, kKeyBlock], and in place the weights
  float* rests;    // the same, what rounding the weights lost
  T* row_copies;
  RowSums sums;

  Workspace(ScratchScope& scratch, const AttentionSizes<T>& sizes, int64_t rows)
      : queries(scratch.Allocate<float>(rows * sizes.q_stride)),
        keys(scratch.Allocate<float>(kKeyBlock * sizes.q_stride)),
        values(scratch.Allocate<float>(NumValues(sizes))),
        scores(scratch.Allocate<float>(kTileRows * kKeyBlock)),
        rests(scratch.Allocate<float>(kTileRows * kKeyBlock)),
        row_copies(scratch.Allocate<T>(kLanes * std::max(sizes.d, sizes.dv))),
        sums(scratch, rows, sizes.sum_stride) {
    // PackValues leaves the columns beyond V's as they are.
    std::fill_n(values, NumValues(sizes), 0.0f);
  }
  static int64_t NumValues(const AttentionSizes<T>& sizes) {
    return kKeyBlock / kPerWord<T> * sizes.sum_stride;
  }
};

// Query row r of the packed rows, as words.
template <typename T>
HWY_INLINE void PackQuery(const T* HWY_RESTRICT from, int64_t stride,
                          int64_t size, float* HWY_RESTRICT to) {
  if constexpr (kPairs<T>) {
    to[NumWords<T>(size) - 1] = 0.0f;
    auto* bytes = reinterpret_cast<unsigned char*>(to);
    for (int64_t i = 0; i < size; ++i) {
      hwy::CopyBytes<sizeof(T)>(from + i * stride,
                                bytes + i * static_cast<int64_t>(sizeof(T)));
    }
  } else {
    LoadRow(from, stride, size, to);
  }
}

// Sets the scores [0, size) outside `visible` to -inf; returns the largest,
// NaNs aside. `size` is a multiple of kLanes.
HWY_INLINE float MaskScores(const KeyRange& visible, int64_t size,
                            float* HWY_RESTRICT scores) {
  const hn::FixedTag<float, kLanes> df;
  const hn::RebindToSigned<decltype(df)> di32;
  const auto lowest = hn::Set(df, kMinusInf);
  const auto begin = hn::Set(di32, static_cast<int32_t>(visible.begin));
  const auto end = hn::Set(di32, static_cast<int32_t>(visible.end));
  auto max = lowest;
  for (int64_t i = 0; i < size; i += kLanes) {
    auto score = hn::LoadU(df, scores + i);
    if (i < visible.begin || i + kLanes > visible.end) {
      const auto index = hn::Iota(di32, static_cast<int32_t>(i));
      const auto inside = hn::AndNot(hn::Lt(index, begin), hn::Lt(index, end));
      score = hn::IfThenElse(hn::RebindMask(df, inside), score, lowest);
      hn::StoreU(score, df, scores + i);
    }
    max = hn::Max(max, hn::IfThenElse(hn::IsNaN(score), lowest, score));
  }
  return LargestLane(df, max);
}

// Replaces the scores [0, size) by weights exp(score - max) and returns their
// sum. `size` is a multiple of 2 * kLanes.
HWY_INLINE float WeighScores(float max, int64_t size,
                             float* HWY_RESTRICT scores) {
  const hn::FixedTag<float, kLanes> df;
  const auto shift = hn::Set(df, max);
  auto sum0 = hn::Zero(df);
  auto sum1 = hn::Zero(df);
  for (int64_t i = 0; i < size; i += 2 * kLanes) {
    const auto w0 = Exp(df, hn::Sub(hn::LoadU(df, scores + i), shift));
    const auto w1 = Exp(df, hn::Sub(hn::LoadU(df, scores + i + kLanes), shift));
    sum0 = hn::Add(sum0, w0);
    sum1 = hn::Add(sum1, w1);
    hn::StoreU(w0, df, scores + i);
    hn::StoreU(w1, df, scores + i + kLanes);
  }
  return hn::ReduceSum(df, hn::Add(sum0, sum1));
}

#if HWY_NATIVE_DOT_BF16
// Rounds the weights [0, size) to bf16, in place: words i come from weights
// 2 i, which are read before. What was lost is rounded to `rest` if kRest.
template <bool kRest>
HWY_INLINE void RoundWeights(int64_t size, float* weights,
                             float* HWY_RESTRICT rest) {
  const hn::FixedTag<float, kLanes> df;
  const hn::RebindToUnsigned<decltype(df)> du32;
  const hn::Repartition<hwy::bfloat16_t, decltype(df)> dbf16;
  // The f32 number whose upper half is rounded.
  const auto rounded = [&](auto w) HWY_ATTR {
    return hn::BitCast(
        df, hn::And(hn::Add(hn::BitCast(du32, w), hn::Set(du32, 0x8000u)),
                    hn::Set(du32, 0xFFFF0000u)));
  };
  for (int64_t i = 0; i < size; i += 2 * kLanes) {
    auto w0 = hn::LoadU(df, weights + i);
    auto w1 = hn::LoadU(df, weights + i + kLanes);
    if constexpr (kRest) {
      const auto high0 = rounded(w0);
      const auto high1 = rounded(w1);
      hn::StoreU(hn::BitCast(df, hn::OrderedDemote2To(dbf16, hn::Sub(w0, high0),
                                                      hn::Sub(w1, high1))),
                 df, rest + i / 2);
      w0 = high0;
      w1 = high1;
    }
    hn::StoreU(hn::BitCast(df, hn::OrderedDemote2To(dbf16, w0, w1)), df,
               weights + i / 2);
  }
}

// Rounding the weights to bf16 costs up to 2^-8 of a row, and rounding the
// result as much again: too much together. With many keys the errors of the
// weights average out; a weight above this share of the sum so far is kept to
// 16 bits instead.
constexpr float kLargeShare = 0.125f;
#endif

// exp(-inf - -inf) must not appear: a row that has seen nothing yet, or only
// scores of -inf, is shifted by 0.
HWY_INLINE float Shift(float max) { return max == kMinusInf ? 0.0f : max; }

// The rows [first_row, first_row + rows) of a KV head of batch `batch`.
template <typename T>
class AttentionTask {
 public:
  AttentionTask(const AttentionCall& call, const AttentionSizes<T>& sizes,
                int64_t batch, int64_t kv_head, const Workspace<T>& work)
      : call_(call),
        sizes_(sizes),
        work_(work),
        keys_(call.keys(batch)),
        batch_(batch),
        group_(call.q.dim(1) / call.num_kv_heads),
        first_head_(kv_head * group_) {
    k_ = Rows(call.k_prior, call.k, kv_head, sizes.d);
    v_ = Rows(call.v_prior, call.v, kv_head, sizes.dv);
  }

  // Runs the softmax over the keys in `split`.
  void Run(int64_t first_row, int64_t rows, const KeyRange& split) {
    first_row_ = first_row;
    split_ = split;
    std::fill_n(work_.sums.max, rows, kMinusInf);
    std::fill_n(work_.sums.weight, rows, 0.0f);
    std::fill_n(work_.sums.values, rows * sizes_.sum_stride, 0.0f);
    const KeyRange seen =
        Intersect(VisibleKeys(keys_.mask, first_row / group_,
                              (first_row + rows - 1) / group_ + 1),
                  split);
    if (seen.empty()) return;
    PackQueries(rows);
    // What none of these rows sees is not read.
    k_.visible = seen;
    v_.visible = seen;
    for (int64_t key = seen.begin / kKeyBlock * kKeyBlock; key < seen.end;
         key += kKeyBlock) {
      const int64_t count = std::min(kKeyBlock, seen.end - key);
      PackKeys(k_, key, count, work_.row_copies, work_.keys);
      PackValues(v_, key, count, work_.row_copies, work_.values);
      for (int64_t r = 0; r < rows; r += kTileRows) {
        VisitTile(r, std::min<int64_t>(kTileRows, rows - r), key);
      }
    }
  }

  // Keys that row `row` sees.
  KeyRange RowKeys(int64_t row) const {
    return VisibleKeys(keys_.mask, row / group_);
  }

  // Divides the sums of row `row` and writes its result.
  void Finish(int64_t row, float max, float weight,
              float* HWY_RESTRICT values) const {
    const int64_t head = first_head_ + row % group_;
    const int64_t query = row / group_;
    if (weight == 0.0f) {
      std::fill_n(values, sizes_.dv, 0.0f);  // a dead row
    } else {
      const hn::FixedTag<float, kLanes> df;
      const auto divisor = hn::Set(df, weight);
      for (int64_t i = 0; i < sizes_.dv; i += kLanes) {
        hn::StoreU(hn::Div(hn::LoadU(df, values + i), divisor), df, values + i);
      }
    }
    VisitFloat(call_.out.dtype(), [&](auto type) {
      using TO = decltype(type);
      StoreRow(values, call_.out.stride(3), sizes_.dv,
               call_.out.At<TO>(batch_, head, query));
    });
    if (!call_.lse.present()) return;
    *call_.lse.At<float>(batch_, head, query) =
        weight == 0.0f ? kMinusInf : max + std::log(weight);
  }

 private:
  KeyRows<T> Rows(const ConstTensor& prior, const ConstTensor& active,
                  int64_t kv_head, int64_t size) const {
    const auto part = [&](const ConstTensor& t) -> typename KeyRows<T>::Part {
      if (!t.present()) return {};
      return {t.At<T>(batch_, kv_head), t.stride(2), t.stride(3)};
    };
    return {part(prior),         part(active), keys_.num_prior,
            keys_.mask.num_keys, size,         {}};
  }

  void PackQueries(int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t row = first_row_ + r;
      PackQuery(call_.q.At<T>(batch_, first_head_ + row % group_, row / group_),
                call_.q.stride(3), sizes_.d,
                work_.queries + r * sizes_.q_stride);
    }
  }

  void VisitTile(int64_t r, int64_t rows, int64_t key) {
    switch (rows) {
      case 1:
        return Tile<1>(r, key);
      case 2:
        return Tile<2>(r, key);
      case 3:
        return Tile<3>(r, key);
      case 4:
        return Tile<4>(r, key);
      case 5:
        return Tile<5>(r, key);
      default:
        return Tile<kTileRows>(r, key);
    }
  }

  // Rows [r, r + kRows) of the task against the block of keys at `key`.
  template <int kRows>
  void Tile(int64_t r, int64_t key) {
    KeyRange visible[kRows];  // in the block
    int64_t size = 0;
    for (int i = 0; i < kRows; ++i) {
      const KeyRange keys =
          Intersect(RowKeys(first_row_ + r + i),
                    Intersect(split_, {key, key + kKeyBlock}));
      visible[i] = {keys.begin - key, keys.end - key};
      if (!keys.empty()) size = std::max(size, visible[i].end);
    }
    if (size == 0) return;
    for (int64_t c = 0; c < size; c += kPanel) {
      ScorePanel<kPairs<T>, kRows>(
          work_.queries + r * sizes_.q_stride, sizes_.q_stride,
          work_.keys + c * sizes_.q_stride, NumWords<T>(sizes_.d), call_.scale,
          work_.scores + c);
    }
    Factors factors;
    UpdateSoftmax<kRows>(r, visible, RoundUp(size, 2 * kLanes), factors);
    const int64_t words = NumWords<T>(size);
    const bool has_rests =
        RoundTile<kRows>(r, RoundUp(size, 2 * kLanes), factors);
    AddValues<kRows>(r, words, work_.scores, factors.old);
    if (has_rests) AddValues<kRows>(r, words, work_.rests, factors.one);
  }

  // Of the rows of a tile.
  struct Factors {
    static constexpr int64_t kSize = RoundUp(kTileRows, kLanes);
    HWY_ALIGN float old[kSize] = {};  // for the old sums
    HWY_ALIGN float top[kSize] = {};  // the largest weight in the block
    HWY_ALIGN float one[kSize];

    Factors() { std::fill_n(one, kSize, 1.0f); }
  };

  // Turns scores into weights and updates max and weight.
  template <int kRows>
  HWY_INLINE void UpdateSoftmax(int64_t r, const KeyRange* visible,
                                int64_t size, Factors& factors) {
    const hn::FixedTag<float, kLanes> df;
    float* max = work_.sums.max + r;
    float* weight = work_.sums.weight + r;
    for (int i = 0; i < kRows; ++i) {
      const float top =
          MaskScores(visible[i], size, work_.scores + i * kKeyBlock);
      const float old_max = max[i];
      max[i] = std::max(old_max, top);
      factors.old[i] = old_max - Shift(max[i]);
      factors.top[i] = top - Shift(max[i]);
    }
    for (int64_t i = 0; i < kRows; i += kLanes) {
      for (float* factor : {factors.old, factors.top}) {
        hn::StoreU(Exp(df, hn::LoadU(df, factor + i)), df, factor + i);
      }
    }
    for (int i = 0; i < kRows; ++i) {
      const float sum =
          WeighScores(Shift(max[i]), size, work_.scores + i * kKeyBlock);
      weight[i] = weight[i] * factors.old[i] + sum;
    }
  }

  // Turns weights into words. Returns whether there are rests: each row has
  // some or none whatever its neighbours have.
  template <int kRows>
  HWY_INLINE bool RoundTile(int64_t r, int64_t size, const Factors& factors) {
#if HWY_NATIVE_DOT_BF16
    if constexpr (kPairs<T>) {
      bool large[kRows];
      bool any = false;
      for (int i = 0; i < kRows; ++i) {
        large[i] = factors.top[i] > kLargeShare * work_.sums.weight[r + i];
        any = any || large[i];
      }
      for (int i = 0; i < kRows; ++i) {
        float* weights = work_.scores + i * kKeyBlock;
        float* rest = work_.rests + i * kKeyBlock;
        if (large[i]) {
          RoundWeights<true>(size, weights, rest);
        } else {
          RoundWeights<false>(size, weights, rest);
          if (any) std::fill_n(rest, size / 2, 0.0f);
        }
      }
      return any;
    }
#endif
    (void)r;
    (void)size;
    (void)factors;
    return false;
  }

  // Multiplies the sums of V by alpha and adds weights times V.
  template <int kRows>
  HWY_INLINE void AddValues(int64_t r, int64_t words, const float* weights,
                            const float* alpha) {
    const int64_t stride = sizes_.sum_stride;
    for (int64_t c = 0; c < sizes_.dv; c += kPanel) {
      float* out = work_.sums.values + r * stride + c;
      const float* panel = work_.values + c * (kKeyBlock / kPerWord<T>);
      if (sizes_.dv - c > kPanel / 2) {
        WeighPanel<kPairs<T>, kRows, kVectors>(weights, panel, words, alpha,
                                               out, stride);
      } else {
        WeighPanel<kPairs<T>, kRows, kVectors / 2>(weights, panel, words, alpha,
                                                   out, stride);
      }
    }
  }

  const AttentionCall& call_;
  const AttentionSizes<T>& sizes_;
  const Workspace<T>& work_;
  const BatchKeys keys_;
  const int64_t batch_;
  const int64_t group_;
  const int64_t first_head_;
  KeyRows<T> k_, v_;
  int64_t first_row_ = 0;
  KeyRange split_;
};

// The results of several splits of the keys, [rows, splits].
struct PartialSums {
  RowSums sums;
  int64_t splits;
  int64_t stride;  // of a row of values

  PartialSums(ScratchScope& scratch, int64_t rows, int64_t num_splits,
              int64_t sum_stride)
      : sums(scratch, rows * num_splits, sum_stride),
        splits(num_splits),
        stride(sum_stride) {}

  void Keep(const RowSums& from, int64_t r, int64_t row, int64_t split) const {
    const int64_t to = row * splits + split;
    sums.max[to] = from.max[r];
    sums.weight[to] = from.weight[r];
    std::copy_n(from.values + r * stride, stride, sums.values + to * stride);
  }

  // Merges the first `count` splits of row `row`, in ascending order, into the
  // first; returns max and weight.
  HWY_INLINE std::pair<float, float> Merge(int64_t row, int64_t count) const {
    const hn::FixedTag<float, kLanes> df;
    const float* max = sums.max + row * splits;
    const float* weight = sums.weight + row * splits;
    float* values = sums.values + row * splits * stride;
    float top = kMinusInf;
    for (int64_t s = 0; s < count; ++s) top = std::max(top, max[s]);
    float total = 0.0f;
    for (int64_t s = 0; s < count; ++s) {
      const float factor =
          hn::GetLane(Exp(df, hn::Set(df, max[s] - Shift(top))));
      total += factor * weight[s];
      const auto vector = hn::Set(df, factor);
      for (int64_t i = 0; i < stride; i += kLanes) {
        const auto term = hn::LoadU(df, values + s * stride + i);
        const auto sum =
            s == 0 ? hn::Mul(term, vector)
                   : hn::MulAdd(term, vector, hn::LoadU(df, values + i));
        hn::StoreU(sum, df, values + i);
      }
    }
    return {top, total};
  }
};

// Merging less than this is not worth waking other threads for.
constexpr int64_t kSerialMerge = int64_t{1} << 17;

// A call for one type: the tasks of a plan, and the merging of splits.
template <typename T>
class AttentionRun {
 public:
  AttentionRun(const AttentionCall& call, HostContext& context)
      : call_(call),
        context_(context),
        sizes_(call.q.dim(3), call.dv),
        rows_(call.q.dim(2) * (call.q.dim(1) / call.num_kv_heads)),
        plan_(Plan()),
        scratch_(context.arena()),
        work_(scratch_.Allocate<Workspace<T>>(context.num_threads())),
        partial_(scratch_,
                 plan_.splits == 1 ? 0 : plan_.wave_blocks * plan_.block_rows,
                 plan_.splits, sizes_.sum_stride) {
    for (int i = 0; i < context.num_threads(); ++i) {
      new (work_ + i) Workspace<T>(scratch_, sizes_, plan_.block_rows);
    }
  }

  void Run() {
    const int64_t blocks = plan_.num_tasks / plan_.splits;
    for (int64_t first = 0; first < blocks; first += plan_.wave_blocks) {
      const int64_t count = std::min(plan_.wave_blocks, blocks - first);
      context_.pool().ParallelFor(
          count * plan_.splits, [&](int64_t task, int thread) HWY_ATTR {
            RunTask(first, task / plan_.splits, task % plan_.splits, thread);
          });
      if (plan_.splits > 1) MergeWave(first, count);
    }
  }

 private:
  // A block of rows of one head.
  struct Block {
    int64_t head, row, rows;
  };

  AttentionPlan Plan() const {
    int64_t most_keys = 0;
    for (int64_t b = 0; b < call_.q.dim(0); ++b) {
      most_keys = std::max(most_keys, call_.keys(b).mask.num_keys);
    }
    return PlanAttention({.heads = call_.q.dim(0) * call_.num_kv_heads,
                          .rows = rows_,
                          .keys = most_keys,
                          .d = sizes_.d,
                          .dv = sizes_.dv,
                          .split = call_.split});
  }

  Block BlockAt(int64_t block) const {
    // The last rows first: with a causal mask they are the longest.
    const int64_t row =
        (plan_.row_blocks - 1 - block % plan_.row_blocks) * plan_.block_rows;
    return {block / plan_.row_blocks, row,
            std::min(plan_.block_rows, rows_ - row)};
  }

  AttentionTask<T> TaskOf(const Block& block, int thread) const {
    return AttentionTask<T>(call_, sizes_, block.head / call_.num_kv_heads,
                            block.head % call_.num_kv_heads, work_[thread]);
  }

  // Block number `index` of the wave that begins with block `first`.
  void RunTask(int64_t first, int64_t index, int64_t split, int thread) const {
    const Block block = BlockAt(first + index);
    const int64_t key = split * plan_.split_keys;
    AttentionTask<T> attention = TaskOf(block, thread);
    attention.Run(block.row, block.rows, {key, key + plan_.split_keys});
    const RowSums& sums = work_[thread].sums;
    for (int64_t r = 0; r < block.rows; ++r) {
      if (plan_.splits > 1) {
        partial_.Keep(sums, r, index * plan_.block_rows + r, split);
      } else {
        attention.Finish(block.row + r, sums.max[r], sums.weight[r],
                         sums.values + r * sizes_.sum_stride);
      }
    }
  }

  void MergeWave(int64_t first, int64_t count) const {
    const auto merge = [&](int64_t index, int thread)
                           HWY_ATTR { MergeBlock(first, index, thread); };
    const int64_t partial_floats =
        count * plan_.block_rows * plan_.splits * sizes_.sum_stride;
    if (partial_floats < kSerialMerge) {
      for (int64_t index = 0; index < count; ++index) merge(index, 0);
    } else {
      context_.pool().ParallelFor(count, merge);
    }
  }

  void MergeBlock(int64_t first, int64_t index, int thread) const {
    const Block block = BlockAt(first + index);
    const AttentionTask<T> attention = TaskOf(block, thread);
    for (int64_t r = 0; r < block.rows; ++r) {
      const int64_t kept = index * plan_.block_rows + r;
      const int64_t keys = attention.RowKeys(block.row + r).end;
      // A dead row has one split, too.
      const int64_t used = std::max<int64_t>(
          (keys + plan_.split_keys - 1) / plan_.split_keys, 1);
      const auto [max, weight] = partial_.Merge(kept, used);
      attention.Finish(
          block.row + r, max, weight,
          partial_.sums.values + kept * plan_.splits * sizes_.sum_stride);
    }
  }

  const AttentionCall& call_;
  HostContext& context_;
  const AttentionSizes<T> sizes_;
  const int64_t rows_;  // of a head
  const AttentionPlan plan_;
  ScratchScope scratch_;
  Workspace<T>* const work_;  // one a thread
  const PartialSums partial_;
};

// Computes the call, which has rows (B, Hq, Sq > 0).
inline void RunAttention(const AttentionCall& call, HostContext& context) {
  VisitFloat(call.q.dtype(), [&](auto type) {
    AttentionRun<decltype(type)>(call, context).Run();
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_INL_H_
