// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/mx_dequantize.h"
#include "tilework/kernels/quantize/mx_order.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/quantize/mx_dequantize_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/narrow-inl.h"
// After narrow-inl.h.
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/stream-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Elements that are worked on at a time: whole blocks.
constexpr int64_t kPiece = 1024;

// A row of scales; those of other rows of scales are `stride` apart.
struct ScaleRow {
  const E8M0* data;
  int64_t stride;
};

// F is the type in memory, Float4E2M1Pair for f4e2m1.
template <typename F, typename Y>
class MxDequantizer {
 public:
  explicit MxDequantizer(const MxDequantizeArgs& args)
      : data_(args.data.data<F>()),
        scales_(static_cast<const E8M0*>(args.scales.data())),
        y_(args.y.data<Y>()),
        data_offsets_(args.data, args.data.rank() - 1),
        scale_offsets_(args.scales, args.scales.rank() - 1),
        y_offsets_(args.y, args.y.rank() - 1),
        // Elements of 4 bits are adjacent, also where there is only one.
        data_stride_(kPack > 1 ? 1 : args.data.stride(-1)),
        scale_stride_(args.scales.stride(-1)),
        y_stride_(args.y.stride(-1)),
        along_rows_(args.axis == -1),
        matrix_rows_(along_rows_ ? 1 : args.y.dim(-2)),
        bands_(along_rows_ ? 1 : CeilDiv(matrix_rows_, kMxBlockSize)),
        stream_(y_stride_ == 1 && args.y.NumBytes() >= kStreamBytes) {}

  void Run(const Box& box) const {
    for (int64_t row = box.row; row < box.row + box.num_rows; ++row) {
      for (int64_t begin = box.begin; begin < box.end; begin += kPiece) {
        RunPiece(row, begin, std::min(kPiece, box.end - begin));
      }
    }
    if (stream_) hwy::FlushStream();
  }

 private:
  static constexpr int64_t kPack = PackFactor(kDTypeOf<F>);

  ScaleRow Scales(int64_t row) const {
    const int64_t band = along_rows_ ? row
                                     : row / matrix_rows_ * bands_ +
                                           row % matrix_rows_ / kMxBlockSize;
    return {scales_ + scale_offsets_[band], scale_stride_};
  }

  void RunPiece(int64_t row, int64_t begin, int64_t size) const {
    HWY_ALIGN F gathered[kPiece];
    HWY_ALIGN Y values[kPiece];
    const F* from = data_ + (data_offsets_[row] + begin * data_stride_) / kPack;
    if (data_stride_ != 1) {
      for (int64_t i = 0; i < size; ++i) gathered[i] = from[i * data_stride_];
      from = gathered;
    }
    Y* to = y_ + y_offsets_[row] + begin * y_stride_;
    Y* target = y_stride_ == 1 && !stream_ ? to : values;
    if (along_rows_) {
      DecodeBlocks(from, size, Scales(row), begin / kMxBlockSize, target);
    } else {
      DecodeColumns(from, size, Scales(row), begin, target);
    }
    if (stream_) {
      StreamRow(values, size, to);
    } else if (y_stride_ != 1) {
      for (int64_t i = 0; i < size; ++i) to[i * y_stride_] = values[i];
    }
  }

  // Blocks with the scales from `first` on.
  static void DecodeBlocks(const F* HWY_RESTRICT from, int64_t size,
                           const ScaleRow& scales, int64_t first,
                           Y* HWY_RESTRICT to) {
    for (int64_t i = 0; i < size; i += kMxBlockSize) {
      const E8M0* code =
          scales.data + (first + i / kMxBlockSize) * scales.stride;
      const float scale = static_cast<float>(*code);
      ForEachVector(
          std::min(kMxBlockSize, size - i),
          [&](auto df, int64_t j, size_t count) HWY_ATTR {
            const auto v = LoadUpTo(df, from + (i + j) / kPack, count);
            StoreUpTo(hn::Mul(v, hn::Set(df, scale)), df, to + i + j, count);
          });
    }
  }
  // Elements of different blocks.
  static void DecodeColumns(const F* HWY_RESTRICT from, int64_t size,
                            const ScaleRow& scales, int64_t first,
                            Y* HWY_RESTRICT to) {
    HWY_ALIGN float factors[kPiece];
    LoadRow(scales.data + first * scales.stride, scales.stride, size, factors);
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      const auto v = LoadUpTo(df, from + i / kPack, count);
      const auto factor = LoadUpTo(df, factors + i, count);
      StoreUpTo(hn::Mul(v, factor), df, to + i, count);
    });
  }

  const F* data_;
  const E8M0* scales_;
  Y* y_;
  RowOffsets data_offsets_;
  RowOffsets scale_offsets_;
  RowOffsets y_offsets_;
  int64_t data_stride_;
  int64_t scale_stride_;
  int64_t y_stride_;
  bool along_rows_;      // axis -1
  int64_t matrix_rows_;  // rows that blocks of axis -2 do not cross
  int64_t bands_;        // rows of scales of a matrix
  bool stream_;          // past the caches
};

template <typename F>
void Dequantize(const MxDequantizeArgs& args, const ThreadPool& pool) {
  const Pieces pieces({0, NumRows(args.y), 0, args.y.dim(-1)});
  VisitFloat(args.y.dtype(), [&](auto type) HWY_ATTR {
    const MxDequantizer<F, decltype(type)> kernel(args);
    pool.ParallelFor(pieces.num(), [&](int64_t task, int)
                                       HWY_ATTR { kernel.Run(pieces[task]); });
  });
}

void MxDequantizeHost(const MxDequantizeArgs& original, HostContext& context) {
  MxDequantizeArgs args = original;
  OrderByCodes(args.data, args.scales, args.y, args.axis);
  switch (args.data.dtype()) {
    case DType::kF8E4M3:
      return Dequantize<Float8E4M3>(args, context.pool());
    case DType::kF8E5M2:
      return Dequantize<Float8E5M2>(args, context.pool());
    default:
      return Dequantize<Float4E2M1Pair>(args, context.pool());
  }
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(MxDequantizeHost);

absl::Status MxDequantize(const MxDequantizeArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.y.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(MxDequantizeHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
