// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// One pass over memory, and memory is the limit: 1 + b bytes an element (1/2 +
// b of f4e2m1) and 1/32 for the scales. What serves it: 8 codes an access and
// 16 bytes of y, several under way in each thread, and codes that are read in
// the order in which they lie.

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/fp8.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/persistent_grid.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/divisor.h"
#include "tilework/common/tiling/row_tiles.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/mx_dequantize.h"
#include "tilework/kernels/quantize/mx_order.h"

namespace tilework {
namespace {

constexpr int kBlocksPerMultiprocessor = 4;

struct Params {
  InputRows codes;
  InputRows scales;
  OutputRows y;
  bool along_rows;      // axis -1
  Divisor matrix_rows;  // rows that blocks of axis -2 do not cross
  int64_t bands;        // rows of scales of a matrix
  RowTiles tiles;
};

// Codes as they lie in memory; f4e2m1 has one word.
__device__ RawEight<1> LoadCodes(const InputRows& codes,
                                 const RowTiles::Place& place) {
  const auto& [row, column, count] = place;
  if (codes.dtype() == DType::kF4E2M1) {
    return {{codes.LoadF4(row, column, count), 0}};
  }
  return codes.Load<1>(row, column, count);
}

__device__ void Decode(DType dtype, const RawEight<1>& codes,
                       float (&x)[kEight]) {
  if (dtype != DType::kF4E2M1) {
    DecodeF8(dtype, codes.words, x);
    return;
  }
  TILEWORK_UNROLL
  for (int i = 0; i < kEight; ++i) {
    x[i] = DecodeMinifloat<Float4E2M1>(codes.words[0] >> (4 * i));
  }
}

__device__ float ScaleOf(uint32_t code) {
  return static_cast<float>(E8M0::FromBits(static_cast<uint8_t>(code)));
}

__device__ void Scale(const Params& params, const RowTiles::Place& place,
                      float (&x)[kEight]) {
  const auto& [row, column, count] = place;
  if (params.along_rows) {
    const RawEight<1> code =
        params.scales.Load<1>(row, column / kMxBlockSize, 1);
    const float scale = ScaleOf(code.words[0]);
    for (float& value : x) value = value * scale;
    return;
  }
  const int64_t matrix = params.matrix_rows.Quotient(row);
  const int64_t band =
      matrix * params.bands +
      (row - matrix * params.matrix_rows.value()) / kMxBlockSize;
  const RawEight<1> codes = params.scales.Load<1>(band, column, count);
  TILEWORK_UNROLL
  for (int i = 0; i < kEight; ++i) {
    x[i] = x[i] * ScaleOf(codes.words[i / 4] >> (i % 4 * 8));
  }
}

template <int kBytes>
__device__ RawEight<kBytes> Decode(const Params& params,
                                   const RowTiles::Place& place,
                                   const RawEight<1>& codes) {
  float x[kEight];
  Decode(params.codes.dtype(), codes, x);
  Scale(params, place, x);
  return FromFloats<kBytes>(params.y.dtype(), x);
}

// kWide: all of the tile, and rows that are aligned.
template <int kBytes, bool kWide>
__device__ void DecodeTile(const Params& params, const RowTiles::Walk& walk) {
  RawEight<1> codes[RowTiles::kSlots];
  TILEWORK_UNROLL
  for (int i = 0; i < RowTiles::kSlots; ++i) {
    if (i >= params.tiles.slots()) continue;
    if constexpr (kWide) {
      codes[i] = params.codes.LoadAll<1>(walk.Row(i), walk.Column(i));
    } else {
      const RowTiles::Place place = walk.At(i);
      if (place.count > 0) codes[i] = LoadCodes(params.codes, place);
    }
  }
  TILEWORK_UNROLL
  for (int i = 0; i < RowTiles::kSlots; ++i) {
    if (i >= params.tiles.slots()) continue;
    const RowTiles::Place place = walk.At(i);
    if (place.count == 0) continue;
    const auto y = Decode<kBytes>(params, place, codes[i]);
    if constexpr (kWide) {
      params.y.StoreAll(y, place.row, place.column);
    } else {
      params.y.Store(y, place.row, place.column, place.count);
    }
  }
}

template <int kBytes>
__global__ void __launch_bounds__(RowTiles::kThreads)
    MxDequantizeKernel(Params params) {
  const bool wide = params.codes.dtype() != DType::kF4E2M1 &&
                    params.codes.template IsWide<1>() &&
                    params.y.template IsWide<kBytes>();
  for (RowTiles::Walk walk(params.tiles, blockIdx.x, gridDim.x,
                           static_cast<int>(threadIdx.x));
       !walk.Done(); walk.Next()) {
    if (wide && walk.Full()) {
      DecodeTile<kBytes, true>(params, walk);
    } else {
      DecodeTile<kBytes, false>(params, walk);
    }
  }
}

absl::Status Dequantize(const MxDequantizeArgs& original,
                        DeviceContext& context) {
  if (original.y.NumElements() == 0) return absl::OkStatus();
  MxDequantizeArgs args = original;
  OrderByCodes(args.data, args.scales, args.y, args.axis);
  const bool along_rows = args.axis == -1;
  const int64_t matrix_rows = along_rows ? 1 : args.y.dim(-2);
  const Params params = {.codes = InputRows(args.data),
                         .scales = InputRows(args.scales),
                         .y = OutputRows(args.y),
                         .along_rows = along_rows,
                         .matrix_rows = Divisor(matrix_rows),
                         .bands = CeilDiv(matrix_rows, kMxBlockSize),
                         .tiles = RowTiles(NumRows(args.y), args.y.dim(-1))};
  const auto kernel = SizeOf(args.y.dtype()) == 4 ? MxDequantizeKernel<4>
                                                  : MxDequantizeKernel<2>;
  return Launch(kernel,
                {.kernel = "mx_dequantize",
                 .grid = PersistentGrid(params.tiles.num_tiles(),
                                        kBlocksPerMultiprocessor, context),
                 .block = {RowTiles::kThreads}},
                context, params);
}

}  // namespace

absl::Status MxDequantize(const MxDequantizeArgs& args,
                          DeviceContext& context) {
  return CallOnDevice(args, context, [&] { return Dequantize(args, context); });
}

}  // namespace tilework
