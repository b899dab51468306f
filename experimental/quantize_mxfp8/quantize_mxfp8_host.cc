// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/quantize/mx_blocks.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tilework/experimental/quantize_mxfp8/quantize_mxfp8_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/mx-inl.h"
#include "tilework/common/simd/narrow-inl.h"
// After narrow-inl.h.
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/stream-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kBlock = kMxBlockSize;
// Blocks that are worked on at a time, so that they stay in the first level of
// cache.
constexpr int64_t kMostBlocks = 32;
constexpr int64_t kMostElements = kMostBlocks * kBlock;
// The same of a row.
constexpr int64_t kRowElements = 4 * kMostElements;
// Enough elements for a task to be worth a thread's attention.
constexpr int64_t kElementsPerTask = int64_t{1} << 16;

// Where element i of type F is.
template <typename F>
constexpr int64_t At(int64_t i) {
  return i / PackFactor(kDTypeOf<F>);
}
template <typename F>
constexpr int64_t NumBytes(int64_t elements) {
  constexpr int64_t kPack = PackFactor(kDTypeOf<F>);
  return (elements + kPack - 1) / kPack;
}

// Where codes of a row or column go.
template <typename F>
struct Codes {
  F* data;
  int64_t stride;
  bool stream;  // past the caches
};
template <typename F>
HWY_INLINE void WriteCodes(const F* from, int64_t size, const Codes<F>& to) {
  if (to.stream) {
    StreamRow(from, NumBytes<F>(size), to.data);
  } else if (to.stride == 1) {
    std::copy(from, from + NumBytes<F>(size), to.data);
  } else {
    for (int64_t i = 0; i < size; ++i) to.data[i * to.stride] = from[i];
  }
}

// A row of scales.
struct Scales {
  uint8_t* data;
  int64_t stride;

  void Write(const uint8_t* from, int64_t first, int64_t num) const {
    if (stride == 1) {
      std::memcpy(data + first, from, static_cast<size_t>(num));
      return;
    }
    for (int64_t i = 0; i < num; ++i) data[(first + i) * stride] = from[i];
  }
};

// The rows along K of an output of codes and its scales.
template <typename F>
class RowOutputs {
 public:
  RowOutputs(const Tensor& data, const Tensor& scales)
      : data_(data.data<F>()),
        scales_(static_cast<uint8_t*>(scales.data())),
        offsets_(data, data.rank() - 1),
        scale_offsets_(scales, scales.rank() - 1),
        // Elements of 4 bits are adjacent, also where there is only one.
        stride_(PackFactor(kDTypeOf<F>) > 1 ? 1 : data.stride(-1)),
        scale_stride_(scales.stride(-1)),
        stream_(stride_ == 1 && data.NumBytes() >= kStreamBytes) {}

  bool stream() const { return stream_; }
  // From element `first` of the row on.
  Codes<F> Row(int64_t row, int64_t first) const {
    return {data_ + At<F>(offsets_[row] + first * stride_), stride_, stream_};
  }
  Scales ScaleRow(int64_t row) const {
    return {scales_ + scale_offsets_[row], scale_stride_};
  }

 private:
  F* data_;
  uint8_t* scales_;
  RowOffsets offsets_;
  RowOffsets scale_offsets_;
  int64_t stride_;
  int64_t scale_stride_;
  bool stream_;
};

// The rows along K of the source.
template <typename X>
struct SourceRows {
  const X* data;
  RowOffsets offsets;
  int64_t stride;

  explicit SourceRows(const ConstTensor& x)
      : data(x.data<X>()), offsets(x, x.rank() - 1), stride(x.stride(-1)) {}
};

// Of the source's elements, and of those that were gathered.
struct Encoders {
  MxBlockEncoder source;
  MxBlockEncoder f32;

  explicit Encoders(const QuantizeMxfp8Args& args)
      : source(args.src_tensor.dtype(), args.data.dtype(), args.scale_mode),
        f32(DType::kF32, args.data.dtype(), args.scale_mode) {}
};

// Quantizes elements [begin, end) of a row along K, `begin` at a block.
template <typename X, typename F>
void EncodeRow(const X* row, int64_t stride, int64_t begin, int64_t end,
               const Encoders& encoders, const Codes<F>& to,
               const Scales& scales) {
  HWY_ALIGN F codes[kRowElements];
  HWY_ALIGN float gathered[kRowElements];
  uint8_t scale_codes[kRowElements / kBlock];
  for (int64_t first = begin; first < end; first += kRowElements) {
    const int64_t size = std::min(kRowElements, end - first);
    const int64_t num = (size + kBlock - 1) / kBlock;
    const bool whole = size % kBlock == 0;
    Codes<F> target = to;
    target.data += (first - begin) * to.stride / PackFactor(kDTypeOf<F>);
    if (stride == 1 && whole && to.stream &&
        encoders.source.CanStream(target.data)) {
      encoders.source.Stream(row + first, num, /*read_ahead=*/true, target.data,
                             scale_codes);
      scales.Write(scale_codes, first / kBlock, num);
      continue;
    }
    const bool direct = whole && to.stride == 1 && !to.stream;
    F* result = direct ? target.data : codes;
    if (stride == 1 && whole) {
      encoders.source.Encode(row + first, num, result, scale_codes);
    } else {
      // Zeros after a short block change nothing.
      std::fill(gathered + size, gathered + num * kBlock, 0.0f);
      LoadRow(row + first * stride, stride, size, gathered);
      encoders.f32.Encode(gathered, num, result, scale_codes);
    }
    if (!direct) WriteCodes(codes, size, target);
    scales.Write(scale_codes, first / kBlock, num);
  }
}

// All rows of a tensor along K.
template <typename X, typename F>
void EncodeRows(const QuantizeMxfp8Args& args, const ThreadPool& pool) {
  const SourceRows<X> x(args.src_tensor);
  const RowOutputs<F> outputs(args.data, args.scales);
  const Encoders encoders(args);
  const int64_t size = args.src_tensor.dim(-1);
  const int64_t num_rows = args.src_tensor.NumElements() / size;
  const int64_t rows = std::max<int64_t>(kElementsPerTask / size, 1);
  const int64_t columns = std::min(kElementsPerTask, size);
  const int64_t pieces = (size + columns - 1) / columns;
  pool.ParallelFor((num_rows + rows - 1) / rows * pieces, [&](int64_t task,
                                                              int) HWY_ATTR {
    const int64_t first = task / pieces * rows;
    const int64_t begin = task % pieces * columns;
    const int64_t end = std::min(size, begin + columns);
    for (int64_t row = first; row < std::min(num_rows, first + rows); ++row) {
      EncodeRow(x.data + x.offsets[row], x.stride, begin, end, encoders,
                outputs.Row(row, begin), outputs.ScaleRow(row));
    }
    if (outputs.stream()) hwy::FlushStream();
  });
}

// A tensor of matrices [F, K] along F, as it lies: 32 rows and kMostElements
// columns at a time.
template <typename X, Float8 F>
class BandEncoder {
 public:
  explicit BandEncoder(const QuantizeMxfp8Args& args)
      : x_(args.src_tensor),
        data_(args.data, args.data.rank() - 1),
        scales_(args.scales, args.scales.rank() - 1),
        args_(args) {}

  // The band of rows [row, row + num) whose scales are in row `band` of those.
  void Run(int64_t row, int64_t num, int64_t band) const {
    const int64_t size = args_.src_tensor.dim(-1);
    for (int64_t begin = 0; begin < size; begin += kMostElements) {
      RunPiece(row, num, band, begin, std::min(kMostElements, size - begin));
    }
    if (Stream()) hwy::FlushStream();
  }

 private:
  bool Stream() const {
    return args_.data.stride(-1) == 1 && args_.data.NumBytes() >= kStreamBytes;
  }

  void RunPiece(int64_t row, int64_t num, int64_t band, int64_t begin,
                int64_t size) const {
    const hn::ScalableTag<float> df;
    HWY_ALIGN float amax[kMostElements] = {};
    HWY_ALIGN float reciprocals[kMostElements];
    HWY_ALIGN F codes[kMostElements];
    for (int64_t r = row; r < row + num; ++r) {
      VisitRow(r, begin, size, [&](const auto* x) HWY_ATTR {
        ForEachVector(size, [&](auto d, int64_t i, size_t count) HWY_ATTR {
          const auto v = LoadUpTo(d, x + i, count);
          hn::Store(LargerMagnitude(d, hn::Load(d, amax + i), v), d, amax + i);
        });
      });
    }
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
    uint8_t* scale_codes = reinterpret_cast<uint8_t*>(codes);
    for (int64_t i = 0; i < size; i += lanes) {
      const auto scale =
          MxScaleCodes<F>(df, hn::Load(df, amax + i), args_.scale_mode);
      const hn::Rebind<uint8_t, decltype(df)> du8;
      const hn::RebindToUnsigned<decltype(df)> du32;
      hn::StoreU(hn::TruncateTo(du8, hn::BitCast(du32, scale)), du8,
                 scale_codes + i);
      hn::Store(ReciprocalsOrZero(df, scale), df, reciprocals + i);
    }
    const Scales scales = {
        static_cast<uint8_t*>(args_.scales.data()) + scales_[band],
        args_.scales.stride(-1)};
    scales.Write(scale_codes, begin, size);
    for (int64_t r = row; r < row + num; ++r) {
      const int64_t stride = args_.data.stride(-1);
      const Codes<F> to = {args_.data.data<F>() + data_[r] + begin * stride,
                           stride, Stream()};
      const bool direct = stride == 1 && !to.stream;
      F* target = direct ? to.data : codes;
      VisitRow(r, begin, size, [&](const auto* x) HWY_ATTR {
        EncodeColumns(x, reciprocals, size, target);
      });
      if (!direct) WriteCodes(codes, size, to);
    }
  }

  template <class DF, class VF = hn::Vec<DF>>
  static HWY_INLINE VF LargerMagnitude(DF d, VF amax, VF v) {
    // As integers, a NaN is the largest.
    const hn::RebindToSigned<DF> di;
    return hn::BitCast(
        d, hn::Max(hn::BitCast(di, amax), hn::BitCast(di, hn::Abs(v))));
  }
  // 0 for the NaN scale.
  template <class DF, class VI32>
  static HWY_INLINE hn::Vec<DF> ReciprocalsOrZero(DF d, VI32 scales) {
    const hn::RebindToSigned<DF> di;
    const auto is_nan = hn::Eq(scales, hn::Set(di, E8M0::kNaNBits));
    return hn::IfThenZeroElse(hn::RebindMask(d, is_nan),
                              MxReciprocals(d, scales));
  }

  template <typename T>
  static void EncodeColumns(const T* HWY_RESTRICT x,
                            const float* HWY_RESTRICT reciprocals, int64_t size,
                            F* HWY_RESTRICT to) {
    ForEachVector(size, [&](auto d, int64_t i, size_t count) HWY_ATTR {
      const auto factor = hn::Load(d, reciprocals + i);
      const auto product = hn::Mul(LoadUpTo(d, x + i, count), factor);
      // Also of infinity.
      const auto zero = hn::Eq(factor, hn::Zero(d));
      StoreUpTo(hn::IfThenZeroElse(zero, product), d, to + i, count);
    });
  }

  // Calls f with elements [begin, begin + size) of a row, one after another.
  template <class Function>
  void VisitRow(int64_t row, int64_t begin, int64_t size,
                const Function& f) const {
    const X* from = x_.data + x_.offsets[row] + begin * x_.stride;
    if (x_.stride == 1) return f(from);
    HWY_ALIGN float gathered[kMostElements];
    LoadRow(from, x_.stride, size, gathered);
    f(static_cast<const float*>(gathered));
  }

  SourceRows<X> x_;
  RowOffsets data_;
  RowOffsets scales_;
  const QuantizeMxfp8Args& args_;
};

// All blocks of axis -2.
template <typename X, Float8 F>
void EncodeBands(const QuantizeMxfp8Args& args, const ThreadPool& pool) {
  const BandEncoder<X, F> encoder(args);
  const int64_t num_rows = args.src_tensor.dim(-2);
  const int64_t matrices =
      args.src_tensor.NumElements() / (num_rows * args.src_tensor.dim(-1));
  const int64_t bands = (num_rows + kBlock - 1) / kBlock;
  pool.ParallelFor(matrices * bands, [&](int64_t task, int) HWY_ATTR {
    const int64_t first = task % bands * kBlock;
    encoder.Run(task / bands * num_rows + first,
                std::min(kBlock, num_rows - first), task);
  });
}

// A tensor of matrices [F, K] along F, transposed: 32 rows and kMostBlocks
// columns at a time become as many blocks, one a column.
template <typename X, typename F>
class ColumnEncoder {
 public:
  explicit ColumnEncoder(const QuantizeMxfp8Args& args)
      : x_(args.src_tensor),
        outputs_(args.data_t, args.scales_t),
        num_rows_(args.src_tensor.dim(-2)),
        num_columns_(args.src_tensor.dim(-1)),
        encoder_(DType::kF32, args.data.dtype(), args.scale_mode) {}

  int64_t bands() const { return (num_rows_ + kBlock - 1) / kBlock; }

  // Columns [begin, end) of rows [32 band, 32 band + 32) of a matrix.
  void Run(int64_t matrix, int64_t band, int64_t begin, int64_t end) const {
    HWY_ALIGN float tile[kMostElements];
    HWY_ALIGN F codes[kMostElements];
    uint8_t scale_codes[kMostBlocks];
    const int64_t row = band * kBlock;
    const int64_t rows = std::min(kBlock, num_rows_ - row);
    for (int64_t k = begin; k < end; k += kMostBlocks) {
      const int64_t num = std::min(kMostBlocks, end - k);
      Transpose(matrix * num_rows_ + row, rows, k, num, tile);
      encoder_.Encode(tile, num, codes, scale_codes);
      for (int64_t i = 0; i < num; ++i) {
        const int64_t column = matrix * num_columns_ + k + i;
        Codes<F> to = outputs_.Row(column, row);
        to.stream = false;  // parts of lines
        WriteCodes(codes + At<F>(i * kBlock), rows, to);
        outputs_.ScaleRow(column).Write(scale_codes + i, band, 1);
      }
    }
  }

 private:
  // tile[i * 32 + r] = x[row + r, k + i]; zeros after a short block.
  void Transpose(int64_t row, int64_t rows, int64_t k, int64_t num,
                 float* tile) const {
    HWY_ALIGN float values[kMostBlocks];
    if (rows < kBlock) std::fill(tile, tile + num * kBlock, 0.0f);
    for (int64_t r = 0; r < rows; ++r) {
      const X* from = x_.data + x_.offsets[row + r] + k * x_.stride;
      LoadRow(from, x_.stride, num, values);
      for (int64_t i = 0; i < num; ++i) tile[i * kBlock + r] = values[i];
    }
  }

  SourceRows<X> x_;
  RowOutputs<F> outputs_;
  int64_t num_rows_;
  int64_t num_columns_;
  MxBlockEncoder encoder_;
};

// A tensor along K and along F, each part of the source at once.
template <typename X, typename F>
void EncodeBoth(const QuantizeMxfp8Args& args, const ThreadPool& pool) {
  const ConstTensor& x = args.src_tensor;
  const ColumnEncoder<X, F> columns(args);
  const SourceRows<X> rows(x);
  const RowOutputs<F> outputs(args.data, args.scales);
  const Encoders encoders(args);
  const int64_t num_rows = x.dim(-2);
  const int64_t num_columns = x.dim(-1);
  const int64_t matrices = x.NumElements() / (num_rows * num_columns);
  // A tile of 32 rows stays in the second level of cache.
  constexpr int64_t kColumns = 2048;
  const int64_t tiles = (num_columns + kColumns - 1) / kColumns;
  pool.ParallelFor(
      matrices * columns.bands() * tiles, [&](int64_t task, int) HWY_ATTR {
        const int64_t begin = task % tiles * kColumns;
        const int64_t end = std::min(num_columns, begin + kColumns);
        const int64_t band = task / tiles % columns.bands();
        const int64_t matrix = task / tiles / columns.bands();
        columns.Run(matrix, band, begin, end);
        const int64_t first = band * kBlock;
        const int64_t last = std::min(num_rows, first + kBlock);
        for (int64_t i = first; i < last; ++i) {
          const int64_t row = matrix * num_rows + i;
          EncodeRow(rows.data + rows.offsets[row], rows.stride, begin, end,
                    encoders, outputs.Row(row, begin), outputs.ScaleRow(row));
        }
        if (outputs.stream()) hwy::FlushStream();
      });
}

template <typename X, typename F>
void Encode(const QuantizeMxfp8Args& args, const ThreadPool& pool) {
  if (args.data_t.present()) {
    EncodeBoth<X, F>(args, pool);
  } else if (args.axis == -1) {
    EncodeRows<X, F>(args, pool);
  } else if constexpr (Float8<F>) {
    EncodeBands<X, F>(args, pool);
  }
}

void QuantizeMxfp8Host(const QuantizeMxfp8Args& args, HostContext& context) {
  VisitFloat(args.src_tensor.dtype(), [&](auto type) HWY_ATTR {
    using X = decltype(type);
    switch (args.data.dtype()) {
      case DType::kF8E4M3:
        return Encode<X, Float8E4M3>(args, context.pool());
      case DType::kF8E5M2:
        return Encode<X, Float8E5M2>(args, context.pool());
      default:
        return Encode<X, Float4E2M1Pair>(args, context.pool());
    }
  });
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(QuantizeMxfp8Host);

absl::Status QuantizeMxfp8(const QuantizeMxfp8Args& args,
                           HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.src_tensor.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(QuantizeMxfp8Host)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
