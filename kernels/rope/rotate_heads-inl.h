// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rotation of tensors head by head: at memory's speed where the elements of a
// head are adjacent, with any strides and types otherwise. Include after
// hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_KERNELS_ROPE_ROTATE_HEADS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_KERNELS_ROPE_ROTATE_HEADS_INL_H_
#undef TILEWORK_KERNELS_ROPE_ROTATE_HEADS_INL_H_
#else
#define TILEWORK_KERNELS_ROPE_ROTATE_HEADS_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/rotate-inl.h"
#include "tilework/common/simd/rotation.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/stream-inl.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_rotation.h"
#include "tilework/kernels/rope/rotate_tasks.h"
#include "tilework/kernels/rope/row_source.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

// Rotates the heads of a task. x_in is of type X.
template <typename X>
class HeadRotator {
 public:
  explicit HeadRotator(const HeadTask& task)
      : task_(task),
        x_in_(task.args.x_in),
        x_out_(task.args.x_out),
        rotation_(RotationOf(task.args)),
        d_(x_in_.dim(3)),
        in_place_(x_in_.data() == x_out_.data()),
        direct_(x_out_.dtype() == kDTypeOf<X> && x_in_.stride(3) == 1 &&
                x_out_.stride(3) == 1 &&
                !(in_place_ && rotation_.changes_layout)),
        stream_(direct_ && !in_place_ && task.written_bytes >= kStreamBytes),
        rows_(task.scratch +
              HeadTask::kMaxTokens * HeadTask::TokenScratch(task.args)),
        spare_(rows_ + 2 * task.source.width()) {}

  void Rotate() {
    LoadTokens();
    const int64_t heads = task_.head_end - task_.head_begin;
    const int64_t num = count_ * heads;
    // In the order of memory.
    const bool by_token = x_in_.stride(2) <= x_in_.stride(1);
    Walk walk = {.inner_size = by_token ? heads : count_};
    Walk ahead = walk;
    const auto token = [&](const Walk& at) {
      return by_token ? at.outer : at.inner;
    };
    const auto head = [&](const Walk& at) {
      return task_.head_begin + (by_token ? at.inner : at.outer);
    };
    const int64_t distance = std::max<int64_t>(
        1, kBytesAhead / (d_ * static_cast<int64_t>(sizeof(X))));
    ahead.Skip(distance);
    for (int64_t i = 0; i < num; ++i) {
      // Less is likely to be in a cache already.
      if (stream_) {
        if (i + distance < num) {
          Fetch(tokens_[static_cast<size_t>(token(ahead))].in, head(ahead));
        } else {
          FetchNext(i + distance - num, by_token);
        }
      }
      RotateHeadOf(tokens_[static_cast<size_t>(token(walk))], head(walk));
      walk.Advance();
      ahead.Advance();
    }
    if (stream_) hwy::FlushStream();
  }

 private:
  // Input that is fetched before it is read.
  static constexpr int64_t kBytesAhead = 8192;

  struct Token {
    PairTables tables;
    int64_t in, out;  // offsets of head 0
  };
  // Two nested loops.
  struct Walk {
    int64_t inner_size;
    int64_t outer = 0;
    int64_t inner = 0;

    void Skip(int64_t steps) {
      outer = steps / inner_size;
      inner = steps % inner_size;
    }
    void Advance() {
      if (++inner < inner_size) return;
      inner = 0;
      ++outer;
    }
  };
  // The same in the next task, where this thread is likely to go on: with the
  // next heads of these tokens, or else with the next tokens.
  void FetchNext(int64_t i, bool by_token) const {
    const int64_t heads = task_.head_end - task_.head_begin;
    const int64_t t = by_token ? i / heads : i % count_;
    const int64_t n = by_token ? i % heads : i / count_;
    if (task_.head_end < x_in_.dim(2)) {
      if (t >= count_ || task_.head_end + n >= x_in_.dim(2)) return;
      Fetch(tokens_[static_cast<size_t>(t)].in, task_.head_end + n);
      return;
    }
    const int64_t token = task_.token_end + t;
    const int64_t num_tokens = x_in_.dim(1);
    if (token >= x_in_.dim(0) * num_tokens || n >= x_in_.dim(2)) return;
    Fetch(token / num_tokens * x_in_.stride(0) +
              token % num_tokens * x_in_.stride(1),
          n);
  }
  HWY_INLINE void Fetch(int64_t token_offset, int64_t head) const {
    const X* x = x_in_.data<X>() + token_offset + head * x_in_.stride(2);
    const char* bytes = reinterpret_cast<const char*>(x);
    const int64_t size = d_ * static_cast<int64_t>(sizeof(X));
    for (int64_t i = 0; i < size; i += 64) hwy::Prefetch(bytes + i);
  }

  void LoadTokens() {
    const int64_t num_tokens = x_in_.dim(1);
    int64_t b = task_.token_begin / num_tokens;
    int64_t s = task_.token_begin % num_tokens;
    float* scratch = task_.scratch;
    count_ = task_.token_end - task_.token_begin;
    for (int64_t t = 0; t < count_; ++t) {
      tokens_[static_cast<size_t>(t)] = {
          .tables = Load(task_.source.Key(b, s), scratch),
          .in = b * x_in_.stride(0) + s * x_in_.stride(1),
          .out = b * x_out_.stride(0) + s * x_out_.stride(1)};
      scratch += HeadTask::TokenScratch(task_.args);
      if (++s < num_tokens) continue;
      s = 0;
      ++b;
    }
  }

  PairTables Load(const RowKey& key, float* scratch) const {
    const TableRows rows = task_.source.Load(
        key, PairTables::Rewrites(rotation_) ? rows_ : scratch);
    return PairTablesOf(rotation_, rows.cos, rows.sin, scratch);
  }

  HWY_INLINE void RotateHeadOf(const Token& token, int64_t n) const {
    const X* x = x_in_.data<X>() + token.in + n * x_in_.stride(2);
    const int64_t out = token.out + n * x_out_.stride(2);
    if (!direct_) {
      VisitFloat(x_out_.dtype(), [&](auto type) HWY_ATTR {
        RotateIndirectly(token.tables, x, x_out_.data<decltype(type)>() + out);
      });
      return;
    }
    X* y = x_out_.data<X>() + out;
    if (!stream_) {
      RotateDirectly(token.tables, x, y);
    } else if (CanStream(rotation_, y + task_.args.rotary_offset)) {
      RotateAndStream(token.tables, x, y);
    } else {
      X* staged = reinterpret_cast<X*>(spare_);
      RotateDirectly(token.tables, x, staged);
      StreamRow(staged, d_, y);
    }
  }

  // Adjacent elements.
  void RotateDirectly(const PairTables& tables, const X* x, X* y) const {
    const int64_t begin = task_.args.rotary_offset;
    const int64_t end = begin + rotation_.rotary_dim;
    if (x != y) {
      CopyElements(x, begin, y);
      CopyElements(x + end, d_ - end, y + end);
    }
    RotateHead(rotation_, tables, x + begin, y + begin);
  }
  static void CopyElements(const X* from, int64_t count, X* to) {
    if (count == 0) return;
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(X));
  }
  HWY_INLINE void RotateAndStream(const PairTables& tables, const X* x,
                                  X* y) const {
    const int64_t begin = task_.args.rotary_offset;
    const int64_t end = begin + rotation_.rotary_dim;
    if (begin > 0) StreamRow(x, begin, y);
    RotateHead<true>(rotation_, tables, x + begin, y + begin);
    if (end < d_) StreamRow(x + end, d_ - end, y + end);
  }

  // By way of f32 rows, so that types need not meet in pairs.
  template <typename Y>
  void RotateIndirectly(const PairTables& tables, const X* x, Y* y) const {
    const int64_t begin = task_.args.rotary_offset;
    const int64_t size = rotation_.rotary_dim;
    const int64_t stride = x_out_.stride(3);
    if (!in_place_) {
      CopyStrided(x, 0, begin, y);
      CopyStrided(x, begin + size, d_, y);
    }
    float* rotated = rotation_.changes_layout ? spare_ + size : spare_;
    LoadRow(x + begin * x_in_.stride(3), x_in_.stride(3), size, spare_);
    RotateSpare(tables, rotated);
    StoreRow(rotated, stride, size, y + begin * stride);
  }
  HWY_NOINLINE void RotateSpare(const PairTables& tables,
                                float* rotated) const {
    RotateHead(rotation_, tables, spare_, rotated);
  }
  template <typename Y>
  void CopyStrided(const X* x, int64_t begin, int64_t end, Y* y) const {
    for (int64_t i = begin; i < end; ++i) {
      const X value = x[i * x_in_.stride(3)];
      if constexpr (std::is_same_v<X, Y>) {
        y[i * x_out_.stride(3)] = value;
      } else {
        y[i * x_out_.stride(3)] = Y(static_cast<float>(value));
      }
    }
  }

  const HeadTask& task_;
  const ConstTensor& x_in_;
  const Tensor& x_out_;
  Rotation rotation_;
  int64_t d_;
  bool in_place_;
  bool direct_;
  bool stream_;
  float* rows_;
  float* spare_;
  std::array<Token, HeadTask::kMaxTokens> tokens_;
  int64_t count_ = 0;
};

template <typename X>
void RotateHeadsOf(const HeadTask& task) {
  HeadRotator<X>(task).Rotate();
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_ROPE_ROTATE_HEADS_INL_H_
