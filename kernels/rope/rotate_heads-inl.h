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
#include "tilework/common/simd/rotate-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/stream-inl.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/table_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

// Tokens of all batches and heads of each.
struct HeadBlock {
  // Their cosines and sines stay in the first levels of cache, from head to
  // head where the heads lie far apart.
  static constexpr int64_t kMaxTokens = 64;

  int64_t token_begin, token_end;
  int64_t head_begin, head_end;

  // f32 values of memory that a block takes: the rows of its tables, and two
  // heads.
  static int64_t ScratchSize(const RopeArgs& args, int64_t width) {
    return kMaxTokens * 2 * width + 2 * args.x_in.dim(3);
  }
};

// x_in is of type X, x_out of type Y.
template <typename X, typename Y>
class HeadRotator {
 public:
  HeadRotator(const RopeArgs& args, const RowSource& source)
      : args_(args),
        source_(source),
        rotation_(RotationOf(args)),
        d_(args.x_in.dim(3)),
        in_stride_(args.x_in.stride(3)),
        out_stride_(args.x_out.stride(3)),
        in_place_(args.x_in.data() == args.x_out.data()),
        direct_(std::is_same_v<X, Y> && in_stride_ == 1 && out_stride_ == 1 &&
                !(in_place_ && rotation_.changes_layout)),
        stream_(direct_ && !in_place_ &&
                args.x_out.NumBytes() >= kStreamBytes) {}

  void Rotate(const HeadBlock& block, float* scratch) const {
    std::array<Token, HeadBlock::kMaxTokens> tokens;
    const size_t count = LoadTokens(block, scratch, tokens.data());
    float* spare = scratch + HeadBlock::kMaxTokens * 2 * source_.width();
    // In the order of memory.
    if (args_.x_in.stride(2) <= args_.x_in.stride(1)) {
      for (size_t t = 0; t < count; ++t) {
        for (int64_t n = block.head_begin; n < block.head_end; ++n) {
          RotateHeadOf(tokens[t], n, spare);
        }
      }
    } else {
      for (int64_t n = block.head_begin; n < block.head_end; ++n) {
        for (size_t t = 0; t < count; ++t) RotateHeadOf(tokens[t], n, spare);
      }
    }
    if (stream_) hwy::FlushStream();
  }

 private:
  struct Token {
    TableRows rows;
    const X* x;  // head 0
    Y* y;
  };

  size_t LoadTokens(const HeadBlock& block, float* scratch,
                    Token* tokens) const {
    const int64_t num_tokens = args_.x_in.dim(1);
    int64_t b = block.token_begin / num_tokens;
    int64_t s = block.token_begin % num_tokens;
    const int64_t count = block.token_end - block.token_begin;
    for (int64_t t = 0; t < count; ++t) {
      tokens[t] = {.rows = source_.Load(source_.Key(b, s), scratch),
                   .x = args_.x_in.At<X>(b, s),
                   .y = args_.x_out.At<Y>(b, s)};
      scratch += 2 * source_.width();
      if (++s < num_tokens) continue;
      s = 0;
      ++b;
    }
    return static_cast<size_t>(count);
  }

  void RotateHeadOf(const Token& token, int64_t n, float* spare) const {
    const X* x = token.x + n * args_.x_in.stride(2);
    Y* y = token.y + n * args_.x_out.stride(2);
    if constexpr (std::is_same_v<X, Y>) {
      if (stream_) {
        Y* staged = reinterpret_cast<Y*>(spare);
        RotateDirectly(token.rows, x, staged);
        StreamRow(staged, d_, y);
        return;
      }
      if (direct_) {
        RotateDirectly(token.rows, x, y);
        return;
      }
    }
    RotateIndirectly(token.rows, x, y, spare);
  }

  // Adjacent elements.
  void RotateDirectly(const TableRows& rows, const X* x, Y* y) const {
    const int64_t begin = args_.rotary_offset;
    const int64_t end = begin + rotation_.rotary_dim;
    if (x != y) {
      CopyElements(x, begin, y);
      CopyElements(x + end, d_ - end, y + end);
    }
    RotateHead(rotation_, rows.cos, rows.sin, x + begin, y + begin);
  }
  static void CopyElements(const X* from, int64_t count, Y* to) {
    if (count == 0) return;
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(X));
  }

  // By way of f32 rows.
  void RotateIndirectly(const TableRows& rows, const X* x, Y* y,
                        float* spare) const {
    const int64_t begin = args_.rotary_offset;
    const int64_t size = rotation_.rotary_dim;
    if (!in_place_) {
      CopyStrided(x, 0, begin, y);
      CopyStrided(x, begin + size, d_, y);
    }
    float* rotated = rotation_.changes_layout ? spare + size : spare;
    LoadRow(x + begin * in_stride_, in_stride_, size, spare);
    RotateHead(rotation_, rows.cos, rows.sin, spare, rotated);
    StoreRow(rotated, out_stride_, size, y + begin * out_stride_);
  }
  void CopyStrided(const X* x, int64_t begin, int64_t end, Y* y) const {
    for (int64_t i = begin; i < end; ++i) {
      if constexpr (std::is_same_v<X, Y>) {
        y[i * out_stride_] = x[i * in_stride_];
      } else {
        y[i * out_stride_] = Y(static_cast<float>(x[i * in_stride_]));
      }
    }
  }

  const RopeArgs& args_;
  const RowSource& source_;
  Rotation rotation_;
  int64_t d_;
  int64_t in_stride_;
  int64_t out_stride_;
  bool in_place_;
  bool direct_;
  bool stream_;
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_ROPE_ROTATE_HEADS_INL_H_
