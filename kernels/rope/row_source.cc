// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/row_source.h"

#include <cstddef>
#include <cstdint>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_rotation.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/rope/row_source.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/sincos-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Elements of a table from `offset` on, as f32.
void LoadTableRow(const ConstTensor& table, int64_t offset, int64_t size,
                  float* to) {
  VisitFloat(table.dtype(), [&](auto type) HWY_ATTR {
    LoadRow(table.data<decltype(type)>() + offset, table.stride(-1), size, to);
  });
}

// By 1 it changes nothing.
void Multiply(float* row, int64_t size, float factor) {
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto product =
        hn::Mul(LoadUpTo(df, row + i, count), hn::Set(df, factor));
    StoreUpTo(product, df, row + i, count);
  });
}

// Of mode kComputed.
void ComputeRows(const RopeArgs& args, int64_t position, int64_t size,
                 float* cos, float* sin) {
  LoadRow(args.inv_freq.data<float>(), args.inv_freq.stride(0), size, cos);
  Multiply(cos, size, static_cast<float>(position));
  CosSinRow(cos, size, cos, sin);
  Multiply(cos, size, args.attention_factor);
  Multiply(sin, size, args.attention_factor);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(LoadTableRow);
HWY_EXPORT(ComputeRows);

RowSource::RowSource(const RopeArgs& args)
    : args_(args),
      width_(RotationOf(args).table_width),
      batched_(args.mode != RopeMode::kComputed && args.cos.rank() == 3 &&
               args.cos.dim(0) > 1) {}

bool RowSource::by_batch() const {
  return batched_ ||
         (args_.positions.present() && args_.positions.rank() == 2 &&
          args_.positions.dim(0) > 1);
}

RowKey RowSource::Key(int64_t b, int64_t s) const {
  const int64_t batch = batched_ ? b : 0;
  return {batch, args_.mode == RopeMode::kTable ? s : Position(b, s)};
}

TableRows RowSource::Load(const RowKey& key, float* scratch) const {
  float* sin = scratch + width_;
  if (args_.mode != RopeMode::kComputed) {
    return {LoadRowOf(args_.cos, key, scratch), LoadRowOf(args_.sin, key, sin)};
  }
  HWY_DYNAMIC_DISPATCH(ComputeRows)(args_, key.row, width_, scratch, sin);
  return {scratch, sin};
}

int64_t RowSource::Position(int64_t b, int64_t s) const {
  const ConstTensor& positions = args_.positions;
  int64_t offset = s * positions.stride(-1);
  if (positions.rank() == 2 && positions.dim(0) > 1) {
    offset += b * positions.stride(0);
  }
  return positions.dtype() == DType::kI32 ? positions.data<int32_t>()[offset]
                                          : positions.data<int64_t>()[offset];
}

const float* RowSource::LoadRowOf(const ConstTensor& table, const RowKey& key,
                                  float* scratch) const {
  int64_t offset = key.row * table.stride(-2);
  if (batched_) offset += key.batch * table.stride(0);
  if (table.dtype() == DType::kF32 && table.stride(-1) == 1) {
    return table.data<float>() + offset;
  }
  HWY_DYNAMIC_DISPATCH(LoadTableRow)(table, offset, width_, scratch);
  return scratch;
}

}  // namespace tilework
#endif  // HWY_ONCE
