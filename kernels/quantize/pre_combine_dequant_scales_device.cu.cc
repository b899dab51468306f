// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Writes are the limit: 4 bytes an element of `combined`. What serves them:
// accesses of 16 bytes; the scales stay in the caches.

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/persistent_grid.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/row_tiles.h"
#include "tilework/kernels/quantize/pre_combine_dequant_scales.h"

namespace tilework {
namespace {

constexpr int kBlocksPerMultiprocessor = 4;

struct Params {
  InputRows row;  // one
  const float* factors;
  int64_t factor_stride;
  OutputRows products;  // one row a factor
  RowTiles tiles;
};

__global__ void __launch_bounds__(RowTiles::kThreads)
    MultiplyKernel(Params params) {
  for (RowTiles::Walk walk(params.tiles, blockIdx.x, gridDim.x,
                           static_cast<int>(threadIdx.x));
       !walk.Done(); walk.Next()) {
    for (int i = 0; i < params.tiles.slots(); ++i) {
      const auto [row, column, count] = walk.At(i);
      if (count == 0) continue;
      RawEight<4> raw = params.row.Load<4>(0, column, count);
      const float factor = params.factors[row * params.factor_stride];
      float x[kEight];
      ToFloats(DType::kF32, raw, x);
      for (float& value : x) value = value * factor;
      raw = FromFloats<4>(DType::kF32, x);
      params.products.Store(raw, row, column, count);
    }
  }
}

// All elements as one dimension; the only dimension that has several counts.
template <class View>
View AsVector(const View& view) {
  const int64_t stride = view.rank() == 0 ? 1 : view.stride(-1);
  return View(view.data(), view.dtype(), {view.NumElements()}, {stride},
              view.space());
}

absl::Status Multiply(const PreCombineDequantScalesArgs& args,
                      DeviceContext& context) {
  if (args.combined.NumElements() == 0) return absl::OkStatus();
  ConstTensor row = AsVector(args.weight_dequant_scale);
  ConstTensor factors = AsVector(args.input_dequant_scale);
  // [T, N] of scales that are one element may be a vector.
  const auto stride = [&](int64_t size, int dim) {
    if (args.combined.rank() == 2) return args.combined.stride(dim);
    return size == 1 ? int64_t{0} : args.combined.stride(-1);
  };
  Tensor products(args.combined.data(), DType::kF32,
                  {factors.dim(0), row.dim(0)},
                  {stride(factors.dim(0), 0), stride(row.dim(0), 1)},
                  args.combined.space());
  if (row.dim(0) == 1) {
    // A column is a row of the other scales.
    std::swap(row, factors);
    products = products.Transpose();
  }
  const Params params = {.row = InputRows(row),
                         .factors = factors.data<float>(),
                         .factor_stride = factors.stride(0),
                         .products = OutputRows(products),
                         .tiles = RowTiles(factors.dim(0), row.dim(0))};
  return Launch(MultiplyKernel,
                {.kernel = "pre_combine_dequant_scales",
                 .grid = PersistentGrid(params.tiles.num_tiles(),
                                        kBlocksPerMultiprocessor, context),
                 .block = {RowTiles::kThreads}},
                context, params);
}

}  // namespace

absl::Status PreCombineDequantScales(const PreCombineDequantScalesArgs& args,
                                     DeviceContext& context) {
  return CallOnDevice(args, context, [&] { return Multiply(args, context); });
}

}  // namespace tilework
