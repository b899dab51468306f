// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// One pass over memory, and memory is the limit: b + 1 bytes an element, at
// 4.3 TB/s of an H200 (3.0 of an H100) n * (b + 1) / that. What serves it:
// accesses of 16 bytes, two of them or four under way in each of 1024 threads
// of a multiprocessor (32 KiB, where memory's latency needs about 20), and a
// conversion of about six instructions an element, a quarter of what fits into
// the time that memory needs.

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
#include "tilework/kernels/quantize/static_quantization.h"

namespace tilework {
namespace {

constexpr int kBlocksPerMultiprocessor = 4;

struct Params {
  InputRows x;
  OutputRows codes;
  const float* dequant_scale;
  const float* quant_scale;  // null: 1 / dequant_scale
  RowTiles tiles;
};

template <int kBytes>
__device__ RawEight<1> Encode(const Params& params, const RawEight<kBytes>& raw,
                              float qs) {
  float x[kEight];
  ToFloats(params.x.dtype(), raw, x);
  for (float& value : x) value = value * qs;
  RawEight<1> codes;
  EncodeF8(params.codes.dtype(), x, codes.words);
  return codes;
}

template <int kBytes>
__device__ void EncodeWholeTile(const Params& params,
                                const RowTiles::Walk& walk, float qs) {
  RawEight<kBytes> raw[RowTiles::kSlots];
  TILEWORK_UNROLL
  for (int i = 0; i < RowTiles::kSlots; ++i) {
    if (i < params.tiles.slots()) {
      raw[i] = params.x.template LoadAll<kBytes>(walk.Row(i), walk.Column(i));
    }
  }
  TILEWORK_UNROLL
  for (int i = 0; i < RowTiles::kSlots; ++i) {
    if (i < params.tiles.slots()) {
      params.codes.StoreAll(Encode(params, raw[i], qs), walk.Row(i),
                            walk.Column(i));
    }
  }
}

// A part of a tile, or rows without alignment.
template <int kBytes>
__device__ void EncodeTile(const Params& params, const RowTiles::Walk& walk,
                           float qs) {
  for (int i = 0; i < params.tiles.slots(); ++i) {
    const auto [row, column, count] = walk.At(i);
    if (count == 0) continue;
    const auto raw = params.x.template Load<kBytes>(row, column, count);
    params.codes.Store(Encode(params, raw, qs), row, column, count);
  }
}

template <int kBytes>
__global__ void __launch_bounds__(RowTiles::kThreads)
    StaticQuantizationKernel(Params params) {
  const float qs = params.quant_scale != nullptr ? *params.quant_scale
                                                 : 1.0f / *params.dequant_scale;
  const bool wide =
      params.x.template IsWide<kBytes>() && params.codes.template IsWide<1>();
  for (RowTiles::Walk walk(params.tiles, blockIdx.x, gridDim.x,
                           static_cast<int>(threadIdx.x));
       !walk.Done(); walk.Next()) {
    if (wide && walk.Full()) {
      EncodeWholeTile<kBytes>(params, walk, qs);
    } else {
      EncodeTile<kBytes>(params, walk, qs);
    }
  }
}

absl::Status Quantize(const StaticQuantizationArgs& args,
                      DeviceContext& context) {
  if (args.hidden_state.NumElements() == 0) return absl::OkStatus();
  ConstTensor x = args.hidden_state;
  Tensor codes = args.quantized;
  OrderForStreaming(x, codes);
  const auto scale = [](const ConstTensor& tensor) {
    return tensor.present() ? tensor.data<float>() : nullptr;
  };
  const Params params = {.x = InputRows(x),
                         .codes = OutputRows(codes),
                         .dequant_scale = scale(args.input_dequant_scale),
                         .quant_scale = scale(args.quant_scale),
                         .tiles = RowTiles(NumRows(x), x.dim(-1))};
  const auto kernel = SizeOf(x.dtype()) == 4 ? StaticQuantizationKernel<4>
                                             : StaticQuantizationKernel<2>;
  return Launch(kernel,
                {.kernel = "static_quantization",
                 .grid = PersistentGrid(params.tiles.num_tiles(),
                                        kBlocksPerMultiprocessor, context),
                 .block = {RowTiles::kThreads}},
                context, params);
}

}  // namespace

absl::Status StaticQuantization(const StaticQuantizationArgs& args,
                                DeviceContext& context) {
  return CallOnDevice(args, context, [&] { return Quantize(args, context); });
}

}  // namespace tilework
