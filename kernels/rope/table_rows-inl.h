// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The cosines and sines of tokens, from tables or computed. Include after
// hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_KERNELS_ROPE_TABLE_ROWS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_KERNELS_ROPE_TABLE_ROWS_INL_H_
#undef TILEWORK_KERNELS_ROPE_TABLE_ROWS_INL_H_
#else
#define TILEWORK_KERNELS_ROPE_TABLE_ROWS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/rotate-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/sincos-inl.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Tells the cosines and sines of one token from those of another: the row of a
// table (of a batch), or the position.
struct RowKey {
  int64_t batch;
  int64_t row;

  friend bool operator==(const RowKey&, const RowKey&) = default;
};

// Of one token, as contiguous f32.
struct TableRows {
  const float* cos;
  const float* sin;
};

inline Rotation RotationOf(const RopeArgs& args) {
  Rotation rotation = {.rotary_dim = args.rotary_dim.value_or(args.x_in.dim(3)),
                       .contiguous_layout = args.contiguous_layout,
                       .inverse = args.inverse};
  rotation.table_width = args.mode == RopeMode::kComputed
                             ? rotation.rotary_dim / 2
                             : args.cos.dim(-1);
  const RopeOutLayout other = args.contiguous_layout
                                  ? RopeOutLayout::kInterleaved
                                  : RopeOutLayout::kContiguous;
  rotation.changes_layout = args.out_layout == other;
  return rotation;
}

// Where the cosines and sines of the tokens come from. In mode kIndexed the
// tables may also be one for each batch.
class RowSource {
 public:
  explicit RowSource(const RopeArgs& args)
      : args_(args),
        width_(RotationOf(args).table_width),
        batched_(args.mode != RopeMode::kComputed && args.cos.rank() == 3 &&
                 args.cos.dim(0) > 1) {}

  int64_t width() const { return width_; }
  // Whether batches have cosines and sines of their own.
  bool by_batch() const {
    return batched_ ||
           (args_.positions.present() && args_.positions.rank() == 2 &&
            args_.positions.dim(0) > 1);
  }

  // Of token s of batch b.
  RowKey Key(int64_t b, int64_t s) const {
    const int64_t batch = batched_ ? b : 0;
    return {batch, args_.mode == RopeMode::kTable ? s : Position(b, s)};
  }

  // The rows are in `scratch`, 2 * width() values, if they have to be made.
  TableRows Load(const RowKey& key, float* scratch) const {
    if (args_.mode == RopeMode::kComputed) return Compute(key.row, scratch);
    return {LoadRowOf(args_.cos, key, scratch),
            LoadRowOf(args_.sin, key, scratch + width_)};
  }

 private:
  int64_t Position(int64_t b, int64_t s) const {
    const ConstTensor& positions = args_.positions;
    int64_t offset = s * positions.stride(-1);
    if (positions.rank() == 2 && positions.dim(0) > 1) {
      offset += b * positions.stride(0);
    }
    return positions.dtype() == DType::kI32 ? positions.data<int32_t>()[offset]
                                            : positions.data<int64_t>()[offset];
  }

  const float* LoadRowOf(const ConstTensor& table, const RowKey& key,
                         float* scratch) const {
    int64_t offset = key.row * table.stride(-2);
    if (batched_) offset += key.batch * table.stride(0);
    if (table.dtype() == DType::kF32 && table.stride(-1) == 1) {
      return table.data<float>() + offset;
    }
    VisitFloat(table.dtype(), [&](auto type) HWY_ATTR {
      LoadRow(table.data<decltype(type)>() + offset, table.stride(-1), width_,
              scratch);
    });
    return scratch;
  }

  TableRows Compute(int64_t position, float* scratch) const {
    float* cos = scratch;
    float* sin = scratch + width_;
    LoadRow(args_.inv_freq.data<float>(), args_.inv_freq.stride(0), width_,
            cos);
    Multiply(cos, static_cast<float>(position));
    CosSinRow(cos, width_, cos, sin);
    Multiply(cos, args_.attention_factor);
    Multiply(sin, args_.attention_factor);
    return {cos, sin};
  }

  // By 1 it changes nothing.
  void Multiply(float* row, float factor) const {
    ForEachVector(width_, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      const auto product =
          hn::Mul(LoadUpTo(df, row + i, count), hn::Set(df, factor));
      StoreUpTo(product, df, row + i, count);
    });
  }

  const RopeArgs& args_;
  int64_t width_;
  bool batched_;
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_ROPE_TABLE_ROWS_INL_H_
