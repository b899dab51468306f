// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The cosines and sines of tokens in device code: RowSource (row_source.h) as a
// parameter of kernels.

#ifndef TILEWORK_KERNELS_ROPE_DEVICE_TABLES_H_
#define TILEWORK_KERNELS_ROPE_DEVICE_TABLES_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/sincos.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_rotation.h"

namespace tilework {

// Of eight pairs: those of their first and of their second members.
struct EightPairs {
  float a[kEight];
  float b[kEight];
};

// Of one pair.
struct PairValues {
  float a;
  float b;
};

// Cosines, or sines, by row and column.
class DeviceTable {
 public:
  DeviceTable() = default;
  explicit DeviceTable(const ConstTensor& table)
      : data_(static_cast<const unsigned char*>(table.data())),
        batch_stride_(table.rank() == 3 && table.dim(0) > 1 ? table.stride(0)
                                                            : 0),
        row_stride_(table.stride(-2)),
        stride_(table.stride(-1)),
        alignment_(RowAlignment(table, kEight)),
        dtype_(table.dtype()) {}

  // `count` <= 8 values of a row from a column on, which is a multiple of 8
  // unless `whole` is false.
  __device__ void Load(int64_t batch, int64_t row, int64_t column, int count,
                       bool whole, float (&values)[kEight]) const {
    const int64_t at =
        batch * batch_stride_ + row * row_stride_ + column * stride_;
    const int alignment = whole ? alignment_ : 0;
    if (dtype_ == DType::kF32) {
      ToFloats(dtype_, LoadEight<4>(data_ + 4 * at, stride_, alignment, count),
               values);
    } else {
      ToFloats(dtype_, LoadEight<2>(data_ + 2 * at, stride_, alignment, count),
               values);
    }
  }

  __device__ float LoadOne(int64_t batch, int64_t row, int64_t column) const {
    const int64_t at =
        batch * batch_stride_ + row * row_stride_ + column * stride_;
    return LoadFloat(dtype_, data_, at);
  }

 private:
  const unsigned char* data_ = nullptr;
  int64_t batch_stride_ = 0;
  int64_t row_stride_ = 0;
  int64_t stride_ = 0;
  int alignment_ = 0;
  DType dtype_ = DType::kNone;
};

// Where the cosines and sines of the tokens come from.
class DeviceTables {
 public:
  explicit DeviceTables(const RopeArgs& args)
      : mode_(args.mode), attention_factor_(args.attention_factor) {
    const Rotation rotation = RotationOf(args);
    num_pairs_ = rotation.rotary_dim / 2;
    per_member_ = rotation.table_width == rotation.rotary_dim;
    contiguous_ = rotation.contiguous_layout;
    if (mode_ != RopeMode::kTable) {
      const ConstTensor& positions = args.positions;
      positions_ = positions.data();
      positions_are_i64_ = positions.dtype() == DType::kI64;
      position_stride_ = positions.stride(-1);
      if (positions.rank() == 2 && positions.dim(0) > 1) {
        position_batch_stride_ = positions.stride(0);
      }
    }
    if (mode_ == RopeMode::kComputed) {
      inv_freq_ = args.inv_freq.data<float>();
      inv_freq_stride_ = args.inv_freq.stride(0);
    } else {
      cos_ = DeviceTable(args.cos);
      sin_ = DeviceTable(args.sin);
      num_rows_ = args.cos.dim(-2);
    }
  }

  __device__ bool computed() const { return mode_ == RopeMode::kComputed; }

  // The row of token s of batch b, or its position if computed(). A position
  // beyond the table counts as its nearest row.
  __device__ int64_t Row(int64_t b, int64_t s) const {
    if (mode_ == RopeMode::kTable) return s;
    const int64_t at = b * position_batch_stride_ + s * position_stride_;
    const int64_t position = positions_are_i64_
                                 ? static_cast<const int64_t*>(positions_)[at]
                                 : static_cast<const int32_t*>(positions_)[at];
    if (computed()) return position;
    return max(min(position, num_rows_ - 1), int64_t{0});
  }

  // Of pair i, if computed().
  __device__ void Compute(int64_t position, int64_t i, float& cos,
                          float& sin) const {
    const float angle =
        inv_freq_[i * inv_freq_stride_] * static_cast<float>(position);
    const CosSinValues values = CosSin(static_cast<double>(angle));
    cos = static_cast<float>(values.cos) * attention_factor_;
    sin = static_cast<float>(values.sin) * attention_factor_;
  }

  // Of pair i.
  __device__ void LoadOne(int64_t b, int64_t row, int64_t i, PairValues& cos,
                          PairValues& sin) const {
    if (computed()) {
      Compute(row, i, cos.a, sin.a);
      cos.b = cos.a;
      sin.b = sin.a;
      return;
    }
    int64_t a = i;
    int64_t other = i;
    if (per_member_) {
      a = contiguous_ ? i : 2 * i;
      other = contiguous_ ? num_pairs_ + i : 2 * i + 1;
    }
    cos = {cos_.LoadOne(b, row, a), cos_.LoadOne(b, row, other)};
    sin = {sin_.LoadOne(b, row, a), sin_.LoadOne(b, row, other)};
  }

  // Of `count` <= 8 pairs from `first` on, not if computed().
  __device__ void Load(int64_t b, int64_t row, int64_t first, int count,
                       EightPairs& cos, EightPairs& sin) const {
    LoadPairs(cos_, b, row, first, count, cos);
    LoadPairs(sin_, b, row, first, count, sin);
  }

 private:
  __device__ void LoadPairs(const DeviceTable& table, int64_t b, int64_t row,
                            int64_t first, int count, EightPairs& pairs) const {
    if (!per_member_) {
      table.Load(b, row, first, count, true, pairs.a);
      TILEWORK_UNROLL
      for (int i = 0; i < kEight; ++i) pairs.b[i] = pairs.a[i];
    } else if (contiguous_) {
      table.Load(b, row, first, count, true, pairs.a);
      table.Load(b, row, num_pairs_ + first, count, num_pairs_ % kEight == 0,
                 pairs.b);
    } else {
      float low[kEight];
      float high[kEight];
      table.Load(b, row, 2 * first, min(2 * count, kEight), true, low);
      table.Load(b, row, 2 * first + kEight, max(2 * count - kEight, 0), true,
                 high);
      TILEWORK_UNROLL
      for (int i = 0; i < kEight / 2; ++i) {
        pairs.a[i] = low[2 * i];
        pairs.b[i] = low[2 * i + 1];
        pairs.a[i + kEight / 2] = high[2 * i];
        pairs.b[i + kEight / 2] = high[2 * i + 1];
      }
    }
  }

  RopeMode mode_;
  float attention_factor_;
  int64_t num_pairs_ = 0;
  bool per_member_ = false;
  bool contiguous_ = true;
  DeviceTable cos_;
  DeviceTable sin_;
  int64_t num_rows_ = 0;
  const void* positions_ = nullptr;
  bool positions_are_i64_ = false;
  int64_t position_stride_ = 0;
  int64_t position_batch_stride_ = 0;
  const float* inv_freq_ = nullptr;
  int64_t inv_freq_stride_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_DEVICE_TABLES_H_
