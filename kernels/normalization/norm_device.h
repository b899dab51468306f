// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the device kernels of the normalizations share: how they are launched,
// the rows h that they read, and the steps of a normalization. For *.cu.cc
// files.
//
// All of them are bound by memory: the floor is the bytes of their inputs and
// outputs over the bandwidth of a copy. What serves it: a row is read once, in
// 16-byte accesses, all loads of a thread under way together, and stays in
// registers until it is written; rows are shared by as few threads as hold
// them, so that a multiprocessor works on many rows at different steps; blocks
// stay, and ask for their next row while they work on one; weights come from
// the caches. With few rows the floor is the latency of one load, one
// barrier and one store.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORM_DEVICE_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORM_DEVICE_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "tilework/common/device/block.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/persistent_grid.h"
#include "tilework/common/device/row.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/tile_range.h"
#include "tilework/kernels/normalization/norm_device_plan.h"

namespace tilework {

// The most threads of a block.
inline constexpr int kNormThreads = 512;

// Kernels are templates of the packs of a tile: 1 or 4. With one, rows may have
// any strides and sizes; with four, they are aligned.
template <int kPacks>
inline constexpr bool kAlignedPacks = kPacks > 1;

// Rows whose accesses begin at columns that `step` divides: `tensor` may be
// absent.
inline InputRows InputRowsOf(const ConstTensor& tensor, int64_t step = kEight) {
  return tensor.present() ? InputRows(tensor, step) : InputRows();
}
inline OutputRows OutputRowsOf(const Tensor& tensor, int64_t step = kEight) {
  return tensor.present() ? OutputRows(tensor, step) : OutputRows();
}

// A vector [H] or [1, H], or an absent one.
inline RowInMemory VectorOf(const ConstTensor& tensor, int64_t step = kEight) {
  if (!tensor.present()) return {};
  return {static_cast<unsigned char*>(const_cast<void*>(tensor.data())),
          tensor.stride(-1), RowAlignment(tensor, step), tensor.dtype()};
}

// From a column on.
__device__ inline RowInMemory VectorFrom(const RowInMemory& vector,
                                         int64_t column) {
  const int bytes = vector.dtype == DType::kF32 ? 4 : 2;
  RowInMemory result = vector;
  if (vector.present()) result.data += column * vector.stride * bytes;
  return result;
}

// Whether rows of `size` elements of all these tensors, absent ones aside, can
// be accessed 16 bytes at a time.
inline bool AreAligned(int64_t size, std::initializer_list<InputRows> inputs,
                       std::initializer_list<OutputRows> outputs,
                       std::initializer_list<RowInMemory> vectors) {
  bool result = size % kEight == 0;
  for (const RowInMemory& vector : vectors) {
    if (vector.dtype != DType::kNone) result = result && vector.alignment == 16;
  }
  for (const InputRows& rows : inputs) {
    if (rows.present()) result = result && rows.alignment() == 16;
  }
  for (const OutputRows& rows : outputs) {
    if (rows.present()) result = result && rows.alignment() == 16;
  }
  return result;
}

inline RowShape NormRowShape(int64_t rows, int64_t size,
                             const NormDevicePlan& plan) {
  return {.rows = rows,
          .size = size,
          .threads = plan.threads_per_row,
          .packs = static_cast<int>(plan.tiles) * plan.packs_per_tile};
}

// As many threads a multiprocessor as have registers: more blocks would not
// prefetch rows for each other.
inline LaunchDims NormGrid(int64_t blocks, const NormDevicePlan& plan,
                           const DeviceContext& context) {
  return PersistentGrid(blocks, kNormThreads / plan.threads(), context);
}

inline LaunchShape NormLaunchShape(std::string_view kernel, int64_t rows,
                                   const NormDevicePlan& plan,
                                   int64_t shared_bytes,
                                   const DeviceContext& context) {
  const int64_t blocks = CeilDiv(rows, plan.rows_per_block);
  return {.kernel = kernel,
          .grid = NormGrid(blocks, plan, context),
          .block = {static_cast<uint32_t>(plan.threads())},
          .shared_bytes = shared_bytes};
}

// h = input, or input + residual rounded to the type of residual.
struct HiddenRows {
  InputRows input;
  InputRows residual;       // may be absent
  OutputRows residual_out;  // may be absent
};
struct HiddenRow {
  __device__ HiddenRow(const HiddenRows& rows, int64_t row, int64_t column)
      : input(rows.input.Row(row, column)),
        residual(rows.residual.Row(row, column)),
        residual_out(rows.residual_out.Row(row, column)) {}

  RowInMemory input;
  RowInMemory residual;
  RowInMemory residual_out;
};

// h = h + residual, rounded to its type.
template <bool kAligned, int kPacks>
__device__ inline void AddResidual(const RowInMemory& residual,
                                   const RowLoop& part, int first,
                                   float (&h)[kPacks][kEight]) {
  // Two at a time: registers are few.
  constexpr int kBatch = kPacks < 2 ? kPacks : 2;
  TILEWORK_UNROLL
  for (int b = 0; b < kPacks; b += kBatch) {
    RawPacks<kBatch> raw;
    LoadPacks<kAligned>(residual, part, first + b, raw);
    TILEWORK_UNROLL
    for (int i = 0; i < kBatch; ++i) {
      float added[kEight];
      ToFloats(residual.dtype, raw.words[i], added);
      TILEWORK_UNROLL
      for (int j = 0; j < kEight; ++j) h[b + i][j] += added[j];
    }
  }
  RoundTo(residual.dtype, h);
}

// This thread's packs `first` and following of h. If they are not loaded again
// (is_last), they are written to residual_out, which may be the residual.
template <bool kAligned, int kPacks>
__device__ inline void LoadHidden(const HiddenRow& row, const RowLoop& part,
                                  int first, bool is_last,
                                  float (&h)[kPacks][kEight]) {
  LoadFloats<kAligned>(row.input, part, first, h);
  if (!row.residual.present()) return;
  AddResidual<kAligned>(row.residual, part, first, h);
  if (!row.residual_out.present() || !is_last) return;
  StorePacks<kAligned>(h, row.residual_out, part, first);
}

// Asks for what this thread will load of its next row, so that memory is busy
// while this row is worked on. `rows` may be absent.
template <int kPacks>
__device__ inline void PrefetchNext(const InputRows& rows,
                                    const RowLoop& part) {
  if (!rows.present() || !part.HasNext()) return;
  PrefetchPacks<kPacks>(rows.Row(part.next_index(), 0), part);
}

// What the moments of rows need of their size: a parameter.
struct MomentScale {
  explicit MomentScale(int64_t row_size = 1)
      : size(static_cast<float>(row_size)),
        many(static_cast<float>(
            std::bit_ceil(static_cast<uint64_t>(row_size)))) {}

  float size;
  // A power of two: sums are divided by it first, for so many large numbers
  // have a mean, though not a sum.
  float many;
};

// Mean and variance of a row, to the accuracy of two passes over it: the mean,
// and then the distances to it, which also give what the first sum missed. A
// third one where that is much of the variance, as in rows of equal elements.
// Each thread of a warp makes the same passes. About a given mean, the third
// pass alone gives the variance.
struct RowMoments {
  static constexpr int kPasses = 3;

  __device__ bool Needs(int pass) const { return pass != 2 || any_is_near; }

  // One tile.
  template <int kPacks>
  __device__ void Add(const RowLoop& part, int first,
                      const float (&x)[kPacks][kEight]) {
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) {
      const int count = part.CountOf(part.Pack(first + i));
      if (count == 0) continue;
      TILEWORK_UNROLL
      for (int j = 0; j < kEight; ++j) {
        float distance = x[i][j] - mean;
        if constexpr (!kAlignedPacks<kPacks>) {
          // All ones if j < count: conditions are few.
          const auto keep = static_cast<uint32_t>((j - count) >> 31);
          distance =
              std::bit_cast<float>(std::bit_cast<uint32_t>(distance) & keep);
        }
        distances.Add(j, distance);
        squares.Add(j, distance * distance);
      }
    }
  }

  // After all tiles of a pass.
  template <int kMost>
  __device__ void Reduce(int pass, const MomentScale& scale,
                         BlockReducer<kMost>& reducer) {
    float sums[2] = {distances.Total() / scale.many, squares.Total()};
    reducer.Reduce(SumOperation(), sums);
    const float shift = sums[0] * (scale.many / scale.size);
    const float square = sums[1] / scale.size;
    distances = PackSum();
    squares = PackSum();
    if (pass == 0) {
      mean = shift;
      return;
    }
    if (pass == 2) {
      // Other rows of the warp must not change this one.
      if (is_near) variance = square;
      return;
    }
    // An infinite mean makes all distances NaN.
    if (!std::isinf(mean)) mean += shift;
    variance = square - shift * shift;
    if (!std::isfinite(variance) && std::isfinite(shift)) {
      variance = square;  // The squares overflow.
    }
    // Also if one of them overflows.
    is_near = !(variance > 1024 * shift * shift);
    any_is_near = __any_sync(kAllLanes, is_near) != 0;
  }

  float mean = 0;
  float variance = 0;
  bool is_near = true;  // whether the third pass counts
  bool any_is_near = false;
  PackSum distances;
  PackSum squares;
};

// x = x * weight, with offset + weight for weight; an absent one is 1. Weights
// come from the caches: one pack of them at a time is enough.
template <bool kAligned, int kPacks>
__device__ inline void MultiplyWeight(const RowInMemory& weight, float offset,
                                      const RowLoop& part, int first,
                                      float (&x)[kPacks][kEight]) {
  if (!weight.present()) return;
  TILEWORK_UNROLL
  for (int i = 0; i < kPacks; ++i) {
    float w[1][kEight];
    LoadFloats<kAligned>(weight, part, first + i, w);
    TILEWORK_UNROLL
    for (int j = 0; j < kEight; ++j) {
      // Not -0 + 0.
      if (offset != 0) w[0][j] += offset;
      x[i][j] *= w[0][j];
    }
  }
}

// x = x + weight; an absent one is 0.
template <bool kAligned, int kPacks>
__device__ inline void AddWeight(const RowInMemory& weight, const RowLoop& part,
                                 int first, float (&x)[kPacks][kEight]) {
  if (!weight.present()) return;
  TILEWORK_UNROLL
  for (int i = 0; i < kPacks; ++i) {
    float w[1][kEight];
    LoadFloats<kAligned>(weight, part, first + i, w);
    TILEWORK_UNROLL
    for (int j = 0; j < kEight; ++j) x[i][j] += w[0][j];
  }
}

template <int kPacks>
__device__ inline void MultiplyBy(float factor, float (&x)[kPacks][kEight]) {
  TILEWORK_UNROLL
  for (int i = 0; i < kPacks; ++i) {
    TILEWORK_UNROLL
    for (int j = 0; j < kEight; ++j) x[i][j] *= factor;
  }
}

template <int kPacks>
__device__ inline void AddSquares(const float (&x)[kPacks][kEight],
                                  PackSum& sum) {
  TILEWORK_UNROLL
  for (int i = 0; i < kPacks; ++i) {
    TILEWORK_UNROLL
    for (int j = 0; j < kEight; ++j) sum.Add(j, x[i][j] * x[i][j]);
  }
}

// 1 / sqrt(variance + eps), rounded as IEEE 754 has it.
__device__ inline float ReciprocalDeviation(float variance, float eps) {
  return 1.0f / sqrtf(variance + eps);
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_DEVICE_H_
