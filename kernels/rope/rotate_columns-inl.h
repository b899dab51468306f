// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rotation of tensors like [D, B, N, S] in memory, where not the elements of a
// head but those of many heads are adjacent. A vector then holds one element of
// many heads, which are called columns here. Include after hwy/highway.h inside
// a foreach_target file.

#if defined(TILEWORK_KERNELS_ROPE_ROTATE_COLUMNS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_KERNELS_ROPE_ROTATE_COLUMNS_INL_H_
#undef TILEWORK_KERNELS_ROPE_ROTATE_COLUMNS_INL_H_
#else
#define TILEWORK_KERNELS_ROPE_ROTATE_COLUMNS_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/simd/rotate-inl.h"
#include "tilework/common/simd/stream-inl.h"
#include "tilework/kernels/rope/column_plan.h"
#include "tilework/kernels/rope/column_tables.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_rotation.h"
#include "tilework/kernels/rope/rotate_tasks.h"
#include "tilework/kernels/rope/row_source.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

// x_in and x_out are of type T; the layout may change unless they are the same.
template <typename T>
class ColumnRotator {
 public:
  explicit ColumnRotator(const ColumnTask& task)
      : args_(task.args),
        plan_(task.plan),
        source_(task.source),
        rotation_(RotationOf(args_)),
        in_place_(args_.x_in.data() == args_.x_out.data()),
        stream_(!in_place_ && task.written_bytes >= kStreamBytes) {}

  void Rotate(const ColumnPlan::Tile& tile, float* scratch) const {
    ColumnTables tables(source_, scratch);
    tables.Load(plan_, tile);
    const auto& [b, s, n] = tile.first;
    const T* x = args_.x_in.At<T>(b, s, n);
    T* y = args_.x_out.At<T>(b, s, n);
    if (!in_place_) {
      CopyRows(x, 0, args_.rotary_offset, tile.count, y);
      CopyRows(x, args_.rotary_offset + rotation_.rotary_dim, args_.x_in.dim(3),
               tile.count, y);
    }
    for (int64_t i = 0; i < rotation_.rotary_dim / 2; ++i) {
      RotatePair(tables, i, x, tile.count, y);
    }
    if (stream_) hwy::FlushStream();
  }

 private:
  // The members' elements of pair i in a row of `contiguous` layout, or not.
  Members<int64_t> PlacesOf(int64_t i, bool contiguous) const {
    if (contiguous) return {i, rotation_.rotary_dim / 2 + i};
    return {2 * i, 2 * i + 1};
  }

  void RotatePair(const ColumnTables& tables, int64_t i, const T* x,
                  int64_t count, T* y) const {
    const bool contiguous = rotation_.contiguous_layout;
    const Members<int64_t> from = PlacesOf(i, contiguous);
    const Members<int64_t> to =
        PlacesOf(i, contiguous != rotation_.changes_layout);
    const Members<int64_t> columns =
        rotation_.table_width == rotation_.rotary_dim ? from
                                                      : Members<int64_t>{i, i};
    const Members<const T*> in = {InRow(x, from.a), InRow(x, from.b)};
    const Members<T*> out = {OutRow(y, to.a), OutRow(y, to.b)};
    HWY_ALIGN T staged[2][ColumnPlan::kTileSize];
    const Members<T*> target =
        stream_ ? Members<T*>{staged[0], staged[1]} : out;
    RotateRows<T, T>(count, rotation_.inverse,
                     {tables.cos(columns.a), tables.cos(columns.b)},
                     {tables.sin(columns.a), tables.sin(columns.b)}, in,
                     target);
    if (!stream_) return;
    StreamRow(staged[0], count, out.a);
    StreamRow(staged[1], count, out.b);
  }

  // Row i of the rotated ones.
  const T* InRow(const T* x, int64_t i) const {
    return x + (args_.rotary_offset + i) * args_.x_in.stride(3);
  }
  T* OutRow(T* y, int64_t i) const {
    return y + (args_.rotary_offset + i) * args_.x_out.stride(3);
  }

  // Rows [begin, end) of all.
  void CopyRows(const T* x, int64_t begin, int64_t end, int64_t count,
                T* y) const {
    for (int64_t i = begin; i < end; ++i) {
      const T* from = x + i * args_.x_in.stride(3);
      T* to = y + i * args_.x_out.stride(3);
      if (stream_) {
        StreamRow(from, count, to);
      } else {
        std::memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
      }
    }
  }

  const RopeArgs& args_;
  const ColumnPlan& plan_;
  const RowSource& source_;
  Rotation rotation_;
  bool in_place_;
  bool stream_;
};

// x_in and x_out are of type T.
template <typename T>
void RotateColumnsOf(const ColumnTask& task) {
  const ColumnRotator<T> rotator(task);
  for (int64_t tile = task.begin; tile < task.end; ++tile) {
    rotator.Rotate(task.plan.At(tile), task.scratch);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_ROPE_ROTATE_COLUMNS_INL_H_
