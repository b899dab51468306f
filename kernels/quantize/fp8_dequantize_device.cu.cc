// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// One pass over memory, and memory is the limit: 1 + b bytes an element and the
// scales. What serves it: accesses of 8 codes and of 16 bytes of y, several
// under way in each thread, and one look at the scale for 8 elements wherever
// units are multiples of 8 long.

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
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/row_tiles.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/device_scales.h"
#include "tilework/kernels/quantize/fp8_dequantize.h"

namespace tilework {
namespace {

constexpr int kBlocksPerMultiprocessor = 4;

struct Params {
  InputRows codes;
  OutputRows y;
  DeviceScales scales;
  ScaleUnits units;
  int64_t size;  // H
  bool packed;
  RowTiles tiles;
};

// The f32 that follows the codes of a row.
__device__ float PackedScale(const Params& params, int64_t row) {
  const RawEight<1> bytes = params.codes.Load<1>(row, params.size, 4);
  return std::bit_cast<float>(bytes.words[0]);
}

// y = x * scale, for elements of a row from a column on.
__device__ void Scale(const Params& params, const RowTiles::Place& place,
                      float (&x)[kEight]) {
  const int64_t unit = params.units.unit_size();
  const int64_t band = params.units.Band(place.row);
  int64_t column = params.units.Column(place.column);
  float scale = params.packed ? PackedScale(params, place.row)
                              : params.scales.Load(band, column);
  int64_t end = (column + 1) * unit;  // of the unit
  TILEWORK_UNROLL
  for (int i = 0; i < kEight; ++i) {
    if (i < place.count && place.column + i == end) {
      scale = params.scales.Load(band, ++column);
      end += unit;
    }
    x[i] = x[i] * scale;
  }
}

template <int kBytes>
__device__ RawEight<kBytes> Decode(const Params& params,
                                   const RowTiles::Place& place,
                                   const RawEight<1>& codes) {
  float x[kEight];
  DecodeF8(params.codes.dtype(), codes.words, x);
  Scale(params, place, x);
  return FromFloats<kBytes>(params.y.dtype(), x);
}

template <int kBytes>
__device__ void DecodeWholeTile(const Params& params,
                                const RowTiles::Walk& walk) {
  RawEight<1> codes[RowTiles::kSlots];
  TILEWORK_UNROLL
  for (int i = 0; i < RowTiles::kSlots; ++i) {
    if (i < params.tiles.slots()) {
      codes[i] = params.codes.LoadAll<1>(walk.Row(i), walk.Column(i));
    }
  }
  TILEWORK_UNROLL
  for (int i = 0; i < RowTiles::kSlots; ++i) {
    if (i < params.tiles.slots()) {
      const RowTiles::Place place = {walk.Row(i), walk.Column(i), kEight};
      params.y.StoreAll(Decode<kBytes>(params, place, codes[i]), place.row,
                        place.column);
    }
  }
}

// A part of a tile, or rows without alignment.
template <int kBytes>
__device__ void DecodeTile(const Params& params, const RowTiles::Walk& walk) {
  for (int i = 0; i < params.tiles.slots(); ++i) {
    const RowTiles::Place place = walk.At(i);
    if (place.count == 0) continue;
    const auto codes =
        params.codes.Load<1>(place.row, place.column, place.count);
    params.y.Store(Decode<kBytes>(params, place, codes), place.row,
                   place.column, place.count);
  }
}

template <int kBytes>
__global__ void __launch_bounds__(RowTiles::kThreads)
    Fp8DequantizeKernel(Params params) {
  const bool wide =
      params.codes.template IsWide<1>() && params.y.template IsWide<kBytes>();
  for (RowTiles::Walk walk(params.tiles, blockIdx.x, gridDim.x,
                           static_cast<int>(threadIdx.x));
       !walk.Done(); walk.Next()) {
    if (wide && walk.Full()) {
      DecodeWholeTile<kBytes>(params, walk);
    } else {
      DecodeTile<kBytes>(params, walk);
    }
  }
}

absl::Status Dequantize(const Fp8DequantizeArgs& args, DeviceContext& context) {
  if (args.y.NumElements() == 0) return absl::OkStatus();
  Params params = {
      .codes = InputRows(args.quantized),
      .y = OutputRows(args.y),
      .units = ScaleUnits(args.y, args.granularity, args.group_size),
      .size = args.y.dim(-1),
      .packed = args.packed,
      .tiles = RowTiles(NumRows(args.y), args.y.dim(-1))};
  if (!args.packed) {
    params.scales =
        DeviceScales(args.dequant_scale, args.y.rank(), args.granularity);
  }
  const auto kernel = SizeOf(args.y.dtype()) == 4 ? Fp8DequantizeKernel<4>
                                                  : Fp8DequantizeKernel<2>;
  return Launch(kernel,
                {.kernel = "fp8_dequantize",
                 .grid = PersistentGrid(params.tiles.num_tiles(),
                                        kBlocksPerMultiprocessor, context),
                 .block = {RowTiles::kThreads}},
                context, params);
}

}  // namespace

absl::Status Fp8Dequantize(const Fp8DequantizeArgs& args,
                           DeviceContext& context) {
  return CallOnDevice(args, context, [&] { return Dequantize(args, context); });
}

}  // namespace tilework
