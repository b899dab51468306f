// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/fp8_dequantize.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/kernels/quantize/scale_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/quantize/fp8_dequantize_host.cc"
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

// to[i] = number of from[i] * scale.
template <Float8 F, typename Y>
HWY_INLINE void DecodeRow(const F* HWY_RESTRICT from, int64_t size, float scale,
                          Y* HWY_RESTRICT to) {
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto v = LoadUpTo(df, from + i, count);
    StoreUpTo(hn::Mul(v, hn::Set(df, scale)), df, to + i, count);
  });
}

template <Float8 F, typename Y>
class Dequantizer {
 public:
  explicit Dequantizer(const Fp8DequantizeArgs& args)
      : codes_(args.quantized.data<F>()),
        y_(args.y.data<Y>()),
        codes_offsets_(args.quantized, args.quantized.rank() - 1),
        y_offsets_(args.y, args.y.rank() - 1),
        codes_stride_(args.quantized.stride(-1)),
        y_stride_(args.y.stride(-1)),
        size_(args.y.dim(-1)),
        units_(args.y, args.granularity, args.group_size),
        packed_(args.packed),
        stream_(y_stride_ == 1 && args.y.NumBytes() >= kStreamBytes) {
    if (packed_) return;
    scales_ = ScaleRows<ConstTensor>(args.dequant_scale, args.y.rank(),
                                     args.granularity);
  }

  void Run(const Box& box) const {
    for (int64_t row = box.row; row < box.row + box.num_rows; ++row) {
      const F* from = codes_ + codes_offsets_[row];
      Y* to = y_ + y_offsets_[row];
      if (packed_) {
        DecodeUnit(from, box.begin, box.end, PackedScale(from), to);
        continue;
      }
      const int64_t band = units_.Band(row);
      int64_t column = box.begin / units_.unit_size();
      for (int64_t begin = box.begin; begin < box.end; ++column) {
        const int64_t end =
            std::min(box.end, (column + 1) * units_.unit_size());
        DecodeUnit(from, begin, end, scales_.Load(band, column), to);
        begin = end;
      }
    }
    if (stream_) hwy::FlushStream();
  }

 private:
  // The f32 that follows the codes of a row.
  float PackedScale(const F* row) const {
    uint32_t bits = 0;
    for (int64_t i = 3; i >= 0; --i) {
      bits = bits << 8 | row[(size_ + i) * codes_stride_].bits;
    }
    return std::bit_cast<float>(bits);
  }

  void DecodeUnit(const F* from, int64_t begin, int64_t end, float scale,
                  Y* to) const {
    // Elements that are worked on at a time where the strides ask for a buffer.
    constexpr int64_t kPiece = 1024;
    HWY_ALIGN F codes[kPiece];
    HWY_ALIGN Y values[kPiece];
    const bool direct = y_stride_ == 1 && !stream_;
    for (int64_t first = begin; first < end; first += kPiece) {
      const int64_t size = std::min(kPiece, end - first);
      const F* source = from + first;
      if (codes_stride_ != 1) {
        for (int64_t i = 0; i < size; ++i) {
          codes[i] = from[(first + i) * codes_stride_];
        }
        source = codes;
      }
      DecodeRow(source, size, scale, direct ? to + first : values);
      if (stream_) {
        StreamRow(values, size, to + first);
      } else if (!direct) {
        for (int64_t i = 0; i < size; ++i) {
          to[(first + i) * y_stride_] = values[i];
        }
      }
    }
  }

  const F* codes_;
  Y* y_;
  RowOffsets codes_offsets_;
  RowOffsets y_offsets_;
  int64_t codes_stride_;
  int64_t y_stride_;
  int64_t size_;
  ScaleUnits units_;
  ScaleRows<ConstTensor> scales_;
  bool packed_;
  bool stream_;  // past the caches
};

void Fp8DequantizeHost(const Fp8DequantizeArgs& args, HostContext& context) {
  const Pieces pieces({0, NumRows(args.y), 0, args.y.dim(-1)});
  VisitFloat8(args.quantized.dtype(), [&](auto code_type) HWY_ATTR {
    VisitFloat(args.y.dtype(), [&](auto y_type) HWY_ATTR {
      const Dequantizer<decltype(code_type), decltype(y_type)> kernel(args);
      context.pool().ParallelFor(pieces.num(), [&](int64_t task, int) HWY_ATTR {
        kernel.Run(pieces[task]);
      });
    });
  });
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(Fp8DequantizeHost);

absl::Status Fp8Dequantize(const Fp8DequantizeArgs& args,
                           HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.y.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(Fp8DequantizeHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
