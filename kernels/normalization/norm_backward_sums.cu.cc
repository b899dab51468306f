// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/persistent_grid.h"
#include "tilework/common/device/row.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/tile_range.h"
#include "tilework/kernels/normalization/norm_backward_device.h"

namespace tilework {
namespace norm_backward_internal {
namespace {

constexpr int kColumnThreads = 128;

__global__ void __launch_bounds__(kColumnThreads)
    ColumnSumsKernel(const __grid_constant__ BackwardParams p,
                     const float* mean, const float* rstd) {
  const int64_t column_tiles = CeilDiv(p.shape.size, kColumnThreads);
  for (int64_t tile = blockIdx.x; tile < p.slices * column_tiles;
       tile += gridDim.x) {
    const int64_t slice = tile / column_tiles;
    const int64_t column =
        (tile - slice * column_tiles) * kColumnThreads + threadIdx.x;
    if (column >= p.shape.size) continue;
    const TileRange rows = Tile(slice, p.rows_per_slice, p.shape.rows);
    float dgamma = 0;
    float dbeta = 0;
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const float dy = LoadElement(p.dy.Row(row, 0), column);
      const float h = LoadElement(p.input.Row(row, 0), column);
      dgamma += dy * ((h - mean[row]) * rstd[row]);
      dbeta += dy;
    }
    const int64_t at = slice * p.sums.pitch + column;
    if (p.sums.dgamma != nullptr) p.sums.dgamma[at] = dgamma;
    if (p.sums.dbeta != nullptr) p.sums.dbeta[at] = dbeta;
  }
}

constexpr int kTotalColumns = 32;
constexpr int kTotalGroups = 32;  // of slices

struct TotalsStorage {
  double sums[kTotalGroups][kTotalColumns];
};

__global__ void __launch_bounds__(kTotalColumns* kTotalGroups)
    SliceTotalsKernel(const float* slices, int64_t num_slices, int64_t pitch,
                      int64_t size, RowInMemory to) {
  auto& shared = SharedMemory<TotalsStorage>();
  const int column_of_block = static_cast<int>(threadIdx.x) % kTotalColumns;
  const int group = static_cast<int>(threadIdx.x) / kTotalColumns;
  const int64_t column = int64_t{blockIdx.x} * kTotalColumns + column_of_block;
  double sum = 0;
  if (column < size) {
    for (int64_t s = group; s < num_slices; s += kTotalGroups) {
      sum += static_cast<double>(slices[s * pitch + column]);
    }
  }
  shared.sums[group][column_of_block] = sum;
  __syncthreads();
  if (group > 0 || column >= size) return;
  double total = 0;
  for (int g = 0; g < kTotalGroups; ++g) {
    total += shared.sums[g][column_of_block];
  }
  StoreElement(static_cast<float>(total), to, column);
}

}  // namespace

absl::Status LaunchColumnSums(const BackwardParams& p, const float* mean,
                              const float* rstd, DeviceContext& context) {
  const int64_t tiles = p.slices * CeilDiv(p.shape.size, kColumnThreads);
  return Launch(ColumnSumsKernel,
                {.kernel = "norm_backward_columns",
                 .grid = PersistentGrid(tiles, 2048 / kColumnThreads, context),
                 .block = {kColumnThreads}},
                context, p, mean, rstd);
}

absl::Status LaunchSliceTotals(const float* slices, int64_t num_slices,
                               int64_t pitch, const Tensor& to,
                               DeviceContext& context) {
  if (!to.present()) return absl::OkStatus();
  const int64_t size = to.dim(0);
  const RowInMemory row = {static_cast<unsigned char*>(to.data()), to.stride(0),
                           0, to.dtype()};
  return Launch(SliceTotalsKernel,
                {.kernel = "norm_backward_totals",
                 .grid = {static_cast<uint32_t>(CeilDiv(size, kTotalColumns))},
                 .block = {kTotalColumns * kTotalGroups},
                 .shared_bytes = sizeof(TotalsStorage)},
                context, slices, num_slices, pitch, size, row);
}

}  // namespace norm_backward_internal
}  // namespace tilework
