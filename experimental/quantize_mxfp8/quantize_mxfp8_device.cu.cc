// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// One pass over memory, and memory is the limit: b + 1 bytes an element (b +
// 1/2 of f4e2m1) and 1/32 for the scales; with data_t the same again, but for
// the source. What serves it: 8 elements an access, several accesses under way
// in each thread, and largest magnitudes by shuffles of their bits.
//
// Blocks along the last dimension alone: 4 adjacent lanes have one. Otherwise a
// warp has 32 rows of 64 columns, each lane 8 x 8 elements in registers: it
// sees blocks both ways, and has 8 adjacent codes for rows and for transposed
// rows, whose pieces of 32 bytes fill whole sectors. So there is no need of a
// tile in shared memory.

#include <bit>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/fp8.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/persistent_grid.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/device/warp.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/divisor.h"
#include "tilework/common/tiling/row_tiles.h"
#include "tilework/common/tiling/tile_range.h"
#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"

namespace tilework {
namespace {

constexpr int kBlock = static_cast<int>(kMxBlockSize);
constexpr int kBlocksPerMultiprocessor = 4;

// Codes and their scales; absent if not asked for.
struct Output {
  OutputRows codes;
  OutputRows scales;
  bool present = false;

  Output() = default;
  Output(const Tensor& data, const Tensor& scale_codes)
      : codes(data), scales(scale_codes), present(true) {}
};

__device__ uint32_t Magnitude(float value) {
  return std::bit_cast<uint32_t>(value) & 0x7FFFFFFFu;
}

// Over lanes that differ by `a` and by `b`.
__device__ uint32_t MaxOfFour(uint32_t value, int a, int b) {
  value = max(value, __shfl_xor_sync(kAllLanes, value, a));
  return max(value, __shfl_xor_sync(kAllLanes, value, b));
}

// The scale of a block by the bits of its largest magnitude, of which a NaN's
// are the largest.
__device__ E8M0 ScaleOf(DType dtype, uint32_t amax_bits, MxScaleMode mode) {
  const float amax = std::bit_cast<float>(amax_bits);
  if (dtype == DType::kF8E4M3) return MxScale<Float8E4M3>(amax, mode);
  if (dtype == DType::kF8E5M2) return MxScale<Float8E5M2>(amax, mode);
  return MxScale<Float4E2M1>(amax, mode);
}

// Writes the codes of a row's elements from a column on, or 0 for all.
template <bool kWide = false>
__device__ void Encode(const OutputRows& to, const float (&x)[kEight],
                       bool zero, int64_t row, int64_t column, int count) {
  if (to.dtype() == DType::kF4E2M1) {
    to.StoreF4(zero ? 0 : EncodeEightF4(x), row, column, count);
    return;
  }
  RawEight<1> codes;
  EncodeF8(to.dtype(), x, codes.words);
  if (zero) codes = {};
  if constexpr (kWide) {
    to.StoreAll(codes, row, column);
  } else {
    to.Store(codes, row, column, count);
  }
}

// The codes of elements of one block, whose reciprocal scale may be NaN.
template <bool kWide = false>
__device__ void EncodeScaled(const OutputRows& to, float (&x)[kEight],
                             float factor, int64_t row, int64_t column,
                             int count) {
  for (float& value : x) value = value * factor;
  Encode<kWide>(to, x, factor != factor, row, column, count);
}

__device__ void StoreScale(const OutputRows& to, E8M0 scale, int64_t row,
                           int64_t column) {
  to.Store(RawEight<1>{{scale.bits, 0}}, row, column, 1);
}

struct RowParams {
  InputRows x;
  Output out;
  MxScaleMode mode;
  RowTiles tiles;
};

// kWide: all of the tile, and rows that are aligned (codes of 4 bits may not
// be).
template <int kBytes, bool kWide>
__device__ void EncodeTile(const RowParams& params,
                           const RowTiles::Walk& walk) {
  RawEight<kBytes> raw[RowTiles::kSlots] = {};
  TILEWORK_UNROLL
  for (int i = 0; i < RowTiles::kSlots; ++i) {
    if (i >= params.tiles.slots()) continue;
    if constexpr (kWide) {
      raw[i] = params.x.template LoadAll<kBytes>(walk.Row(i), walk.Column(i));
    } else {
      const auto [row, column, count] = walk.At(i);
      if (count > 0) {
        raw[i] = params.x.template Load<kBytes>(row, column, count);
      }
    }
  }
  TILEWORK_UNROLL
  for (int i = 0; i < RowTiles::kSlots; ++i) {
    if (i >= params.tiles.slots()) continue;
    const auto [row, column, count] = walk.At(i);
    float x[kEight];
    ToFloats(params.x.dtype(), raw[i], x);
    uint32_t amax = 0;
    for (const float value : x) amax = max(amax, Magnitude(value));
    const E8M0 scale =
        ScaleOf(params.out.codes.dtype(), MaxOfFour(amax, 1, 2), params.mode);
    if (count == 0) continue;
    EncodeScaled<kWide>(params.out.codes, x, MxReciprocal(scale), row, column,
                        count);
    if (column % kBlock == 0) {
      StoreScale(params.out.scales, scale, row, column / kBlock);
    }
  }
}

// Blocks along rows.
template <int kBytes>
__global__ void __launch_bounds__(RowTiles::kThreads)
    RowsKernel(RowParams params) {
  const bool wide = params.x.template IsWide<kBytes>() &&
                    (params.out.codes.dtype() == DType::kF4E2M1 ||
                     params.out.codes.template IsWide<1>());
  for (RowTiles::Walk walk(params.tiles, blockIdx.x, gridDim.x,
                           static_cast<int>(threadIdx.x));
       !walk.Done(); walk.Next()) {
    if (wide && walk.Full()) {
      EncodeTile<kBytes, true>(params, walk);
    } else {
      EncodeTile<kBytes, false>(params, walk);
    }
  }
}

struct MatrixParams {
  InputRows x;        // matrices [rows, columns], one after another
  Output along;       // blocks along rows
  Output across;      // along columns
  Output transposed;  // the same, as rows
  MxScaleMode mode;
  int64_t num_rows;
  int64_t num_columns;
  int64_t bands;         // blocks of a column
  Divisor column_tiles;  // of a matrix
  Divisor tiles;         // of a matrix
  int64_t num_tiles;     // of all
};

// A block's tile: warps of 32 x 64 elements, 4 of them one below the other, so
// that transposed rows are written in pieces of 128 bytes, and 2 side by side.
constexpr int kTileRows = 4 * kBlock;
constexpr int kTileColumns = 2 * 64;
constexpr int kMatrixThreads = 256;
constexpr int kMatrixBlocksPerMultiprocessor = 2;

// A lane's 8 x 8 elements of a matrix.
template <int kBytes>
class Square {
 public:
  __device__ Square(const MatrixParams& params, int64_t tile)
      : params_(params) {
    const int64_t matrix = params.tiles.Quotient(tile);
    const int64_t in_matrix = tile - matrix * params.tiles.value();
    const int64_t row_tile = params.column_tiles.Quotient(in_matrix);
    const int64_t column_tile =
        in_matrix - row_tile * params.column_tiles.value();
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    matrix_ = matrix;
    row_ = row_tile * kTileRows + warp / 2 * kBlock + lane / kEight * kEight;
    column_ =
        column_tile * kTileColumns + warp % 2 * 64 + lane % kEight * kEight;
    rows_ = Count(params.num_rows - row_);
    columns_ = Count(params.num_columns - column_);
    TILEWORK_UNROLL
    for (int r = 0; r < kEight; ++r) {
      raw_[r] = {};
      if (r < rows_ && columns_ > 0) {
        raw_[r] = params.x.template Load<kBytes>(Row(r), column_, columns_);
      }
    }
  }

  // Each row's blocks lie in the 4 lanes that differ by 1 and 2.
  __device__ void EncodeAlong() const {
    const Output& out = params_.along;
    TILEWORK_UNROLL
    for (int r = 0; r < kEight; ++r) {
      float x[kEight];
      ToFloats(params_.x.dtype(), raw_[r], x);
      uint32_t amax = 0;
      for (const float value : x) amax = max(amax, Magnitude(value));
      const E8M0 scale =
          ScaleOf(out.codes.dtype(), MaxOfFour(amax, 1, 2), params_.mode);
      if (r >= rows_ || columns_ == 0) continue;
      EncodeScaled(out.codes, x, MxReciprocal(scale), Row(r), column_,
                   columns_);
      if (column_ % kBlock == 0) {
        StoreScale(out.scales, scale, Row(r), column_ / kBlock);
      }
    }
  }

  // Each column's block lies in the 4 lanes that differ by 8 and 16.
  __device__ void EncodeAcross() const {
    const Output& out = params_.across;
    uint32_t amax[kEight] = {};
    TILEWORK_UNROLL
    for (int r = 0; r < kEight; ++r) {
      float x[kEight];
      ToFloats(params_.x.dtype(), raw_[r], x);
      TILEWORK_UNROLL
      for (int c = 0; c < kEight; ++c) amax[c] = max(amax[c], Magnitude(x[c]));
    }
    float factors[kEight];
    RawEight<1> scales = {};
    TILEWORK_UNROLL
    for (int c = 0; c < kEight; ++c) {
      const E8M0 scale =
          ScaleOf(out.codes.dtype(), MaxOfFour(amax[c], 8, 16), params_.mode);
      factors[c] = MxReciprocal(scale);
      scales.words[c / 4] |= uint32_t{scale.bits} << (c % 4 * 8);
    }
    if (rows_ == 0 || columns_ == 0) return;
    TILEWORK_UNROLL
    for (int r = 0; r < kEight; ++r) {
      if (r >= rows_) break;
      float x[kEight];
      ToFloats(params_.x.dtype(), raw_[r], x);
      // Each element is of a block of its own.
      TILEWORK_UNROLL
      for (int c = 0; c < kEight; ++c) {
        x[c] = factors[c] != factors[c] ? 0.0f : x[c] * factors[c];
      }
      Encode(out.codes, x, false, Row(r), column_, columns_);
    }
    if (row_ % kBlock == 0) {
      out.scales.Store(scales, matrix_ * params_.bands + row_ / kBlock, column_,
                       columns_);
    }
  }

  __device__ void EncodeTransposed() const {
    const Output& out = params_.transposed;
    TILEWORK_UNROLL
    for (int c = 0; c < kEight; ++c) {
      float x[kEight];
      uint32_t amax = 0;
      TILEWORK_UNROLL
      for (int r = 0; r < kEight; ++r) {
        x[r] = ToFloat(params_.x.dtype(), raw_[r], c);
        amax = max(amax, Magnitude(x[r]));
      }
      const E8M0 scale =
          ScaleOf(out.codes.dtype(), MaxOfFour(amax, 8, 16), params_.mode);
      if (rows_ == 0 || c >= columns_) continue;
      const int64_t row = matrix_ * params_.num_columns + column_ + c;
      EncodeScaled(out.codes, x, MxReciprocal(scale), row, row_, rows_);
      if (row_ % kBlock == 0) {
        StoreScale(out.scales, scale, row, row_ / kBlock);
      }
    }
  }

 private:
  static __device__ int Count(int64_t left) {
    return static_cast<int>(max(min(left, int64_t{kEight}), int64_t{0}));
  }
  __device__ int64_t Row(int r) const {
    return matrix_ * params_.num_rows + row_ + r;
  }

  const MatrixParams& params_;
  int64_t matrix_;
  int64_t row_;  // in the matrix
  int64_t column_;
  int rows_;  // that there are
  int columns_;
  RawEight<kBytes> raw_[kEight];
};

template <int kBytes>
__global__ void __launch_bounds__(kMatrixThreads,
                                  kMatrixBlocksPerMultiprocessor)
    MatrixKernel(MatrixParams params) {
  for (int64_t tile = blockIdx.x; tile < params.num_tiles; tile += gridDim.x) {
    const Square<kBytes> square(params, tile);
    if (params.along.present) square.EncodeAlong();
    if (params.across.present) square.EncodeAcross();
    if (params.transposed.present) square.EncodeTransposed();
  }
}

absl::Status QuantizeRows(const QuantizeMxfp8Args& args,
                          DeviceContext& context) {
  const ConstTensor& x = args.src_tensor;
  const int64_t size = x.dim(-1);
  const RowParams params = {
      .x = InputRows(x),
      .out = Output(args.data, args.scales),
      .mode = args.scale_mode,
      // The lanes of a block of 32 are in one row.
      .tiles = RowTiles(x.NumElements() / size, size, kBlock / kEight)};
  return Launch(SizeOf(x.dtype()) == 4 ? RowsKernel<4> : RowsKernel<2>,
                {.kernel = "quantize_mxfp8",
                 .grid = PersistentGrid(params.tiles.num_tiles(),
                                        kBlocksPerMultiprocessor, context),
                 .block = {RowTiles::kThreads}},
                context, params);
}

// `x` [..., rows, columns].
absl::Status QuantizeMatrices(const ConstTensor& x, const Output& along,
                              const Output& across, const Output& transposed,
                              MxScaleMode mode, DeviceContext& context) {
  const int64_t rows = x.dim(-2);
  const int64_t columns = x.dim(-1);
  const int64_t column_tiles = CeilDiv(columns, kTileColumns);
  const int64_t tiles = column_tiles * CeilDiv(rows, kTileRows);
  const MatrixParams params = {
      .x = InputRows(x),
      .along = along,
      .across = across,
      .transposed = transposed,
      .mode = mode,
      .num_rows = rows,
      .num_columns = columns,
      .bands = CeilDiv(rows, kBlock),
      .column_tiles = Divisor(column_tiles),
      .tiles = Divisor(tiles),
      .num_tiles = x.NumElements() / (rows * columns) * tiles};
  return Launch(SizeOf(x.dtype()) == 4 ? MatrixKernel<4> : MatrixKernel<2>,
                {.kernel = "quantize_mxfp8",
                 .grid = PersistentGrid(
                     params.num_tiles, kMatrixBlocksPerMultiprocessor, context),
                 .block = {kMatrixThreads}},
                context, params);
}

absl::Status Quantize(const QuantizeMxfp8Args& args, DeviceContext& context) {
  const ConstTensor& x = args.src_tensor;
  if (x.NumElements() == 0) return absl::OkStatus();
  const Output none;
  // A source that is a transposed view is read as it lies: its transposed rows
  // are the rows that are asked for.
  const bool reversed = x.rank() >= 2 && x.stride(-1) != 1 && x.stride(-2) == 1;
  if (args.axis == -1) {
    const Output rows(args.data, args.scales);
    const Output columns =
        args.data_t.present() ? Output(args.data_t, args.scales_t) : none;
    if (reversed) {
      return QuantizeMatrices(x.Transpose(), columns, none, rows,
                              args.scale_mode, context);
    }
    if (!columns.present) return QuantizeRows(args, context);
    return QuantizeMatrices(x, rows, none, columns, args.scale_mode, context);
  }
  if (reversed) {
    const Output rows(args.data.Transpose(), args.scales.Transpose());
    return QuantizeMatrices(x.Transpose(), rows, none, none, args.scale_mode,
                            context);
  }
  return QuantizeMatrices(x, none, Output(args.data, args.scales), none,
                          args.scale_mode, context);
}

}  // namespace

absl::Status QuantizeMxfp8(const QuantizeMxfp8Args& args,
                           DeviceContext& context) {
  return CallOnDevice(args, context, [&] { return Quantize(args, context); });
}

}  // namespace tilework
