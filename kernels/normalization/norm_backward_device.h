// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The backward passes of RMS and layer normalization on the device. For *.cu.cc
// files.
//
// The floor is that of norm_device.h: dy, input and dres are read once, dx is
// written once. What serves it: both rows stay in registers between the sums
// and dx, and so do the sums over rows of the parameters' gradients, of which a
// block writes one row for each slice of rows; a second kernel sums these up.
// Slices follow from the shape alone, and all sums have a fixed order.
//
// Rows that a thread does not hold at once are read again, and their
// parameters' gradients are sums of another kernel.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_DEVICE_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_DEVICE_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/device/block.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/row.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/tile_range.h"
#include "tilework/kernels/normalization/norm_backward.h"
#include "tilework/kernels/normalization/norm_device.h"
#include "tilework/kernels/normalization/norm_device_plan.h"

namespace tilework {

// Where the sums of slices go: rows of `pitch` f32, one a slice; null if nobody
// asks for them.
struct SliceSums {
  float* dgamma;
  float* dbeta;
  int64_t pitch;
};

struct BackwardParams {
  RowShape shape;
  InputRows dy;
  InputRows input;
  InputRows dres;     // may be absent, as may
  RowInMemory gamma;  // this one
  OutputRows dx;      // absent: only the statistics are wanted
  RowScalars mean;
  RowScalars rstd;
  float* mean_out;  // null unless wanted
  float* rstd_out;
  SliceSums sums;
  int64_t rows_per_slice;
  int64_t slices;
  MomentScale scale;
  float divisor;  // of the sum of squares
  float eps;
  float gamma_offset;
};

struct BackwardStorage {
  BlockReduceStorage<2> reduce;
  // The sums of the rows that a block works on at a time.
  alignas(16) float sums[128 * kBackwardPacks * kEight];
};

// One row, of which `h` becomes the normalized one and `dy` its product with
// gamma.
template <int kPacks, bool kCentered>
class BackwardRow {
 public:
  static constexpr bool kAligned = kAlignedPacks<kPacks>;
  // Passes over a row: those of RowMoments, the sums, and dx.
  static constexpr int kSums = RowMoments::kPasses;
  static constexpr int kWrite = kSums + 1;

  __device__ BackwardRow(const BackwardParams& p, const RowLoop& part)
      : p_(p),
        part_(part),
        dy_row_(p.dy.Row(part.index(), 0)),
        input_(p.input.Row(part.index(), 0)),
        dres_(p.dres.Row(part.index(), 0)),
        dx_(p.dx.Row(part.index(), 0)) {
    has_mean_ = !kCentered || p.mean.present();
    if (kCentered && has_mean_) moments_.mean = p.mean.Load(part.index());
    if (p.rstd.present()) rstd_ = p.rstd.Load(part.index());
  }

  // Adds to the sums of dy * xhat and of dy.
  __device__ void Run(BlockReducer<2>& reducer, float (&dgamma)[kPacks][kEight],
                      float (&dbeta)[kPacks][kEight]) {
    const bool fits = p_.shape.packs == kPacks;
    bool is_loaded = false;
    TILEWORK_NO_UNROLL
    for (int pass = 0; pass <= kWrite; ++pass) {
      if (!Needs(pass)) continue;
      if (pass == kSums) SetStatistics();
      PackSum slopes;
      PackSum shifts;
      for (int first = 0; first < p_.shape.packs; first += kPacks) {
        if (!fits || !is_loaded) {
          LoadFloats<kAligned>(input_, part_, first, h_);
          LoadFloats<kAligned>(dy_row_, part_, first, dy_);
          is_loaded = true;
        }
        if (pass < kSums) {
          moments_.Add(part_, first, h_);
          continue;
        }
        if (pass == kSums || !fits) {
          Normalize();
          if (pass == kSums) AddGradients(dgamma, dbeta);
          MultiplyWeight<kAligned>(p_.gamma, p_.gamma_offset, part_, first,
                                   dy_);
        }
        if (pass == kSums) {
          AddTerms(slopes, shifts);
        } else {
          Write(first);
        }
      }
      if (pass < kSums) moments_.Reduce(pass, p_.scale, reducer);
      if (pass == kSums) ReduceSums(slopes, shifts, reducer);
    }
    if (!p_.dx.present()) SetStatistics();
  }

 private:
  __device__ bool Needs(int pass) const {
    if (pass >= kSums) return p_.dx.present();
    // About a given mean, the variance takes one pass.
    if (has_mean_) return pass == 2 && !p_.rstd.present();
    return moments_.Needs(pass);
  }

  __device__ void SetStatistics() {
    if (!p_.rstd.present()) {
      rstd_ = ReciprocalDeviation(moments_.variance, p_.eps);
    }
    if (p_.mean_out == nullptr || !part_.IsFirstThread()) return;
    p_.mean_out[part_.index()] = moments_.mean;
    p_.rstd_out[part_.index()] = rstd_;
  }

  __device__ void Normalize() {
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) {
      TILEWORK_UNROLL
      for (int j = 0; j < kEight; ++j) {
        if constexpr (kCentered) h_[i][j] -= moments_.mean;
        h_[i][j] *= rstd_;
      }
    }
  }

  __device__ void AddGradients(float (&dgamma)[kPacks][kEight],
                               float (&dbeta)[kPacks][kEight]) const {
    if (!part_.IsRow()) return;
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) {
      TILEWORK_UNROLL
      for (int j = 0; j < kEight; ++j) {
        dgamma[i][j] += dy_[i][j] * h_[i][j];
        if constexpr (kCentered) dbeta[i][j] += dy_[i][j];
      }
    }
  }

  __device__ void AddTerms(PackSum& slopes, PackSum& shifts) const {
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) {
      TILEWORK_UNROLL
      for (int j = 0; j < kEight; ++j) {
        slopes.Add(j, dy_[i][j] * h_[i][j]);
        if constexpr (kCentered) shifts.Add(j, dy_[i][j]);
      }
    }
  }
  __device__ void ReduceSums(const PackSum& slopes, const PackSum& shifts,
                             BlockReducer<2>& reducer) {
    float sums[2] = {slopes.Total(), shifts.Total()};
    reducer.Reduce(SumOperation(), sums);
    slope_ = sums[0] / p_.divisor;
    shift_ = sums[1] / p_.divisor;
  }

  __device__ void Write(int first) {
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) {
      TILEWORK_UNROLL
      for (int j = 0; j < kEight; ++j) {
        float w = dy_[i][j];
        if constexpr (kCentered) w -= shift_;
        dy_[i][j] = (w - h_[i][j] * slope_) * rstd_;
      }
    }
    AddWeight<kAligned>(dres_, part_, first, dy_);
    StorePacks<kAligned>(dy_, dx_, part_, first);
  }

  const BackwardParams& p_;
  const RowLoop& part_;
  RowInMemory dy_row_;
  RowInMemory input_;
  RowInMemory dres_;
  RowInMemory dx_;
  RowMoments moments_;
  bool has_mean_;
  float rstd_ = 0;
  float slope_ = 0;
  float shift_ = 0;
  float dy_[kPacks][kEight];
  float h_[kPacks][kEight];
};

// Writes the sums of a block to row `slice` of `to`: each thread has those of
// its packs of its rows, and rows side by side are summed up in order.
template <int kPacks>
__device__ void StoreSliceSums(const RowShape& shape,
                               const float (&sums)[kPacks][kEight],
                               BackwardStorage& shared, float* to,
                               int64_t pitch) {
  const int thread = static_cast<int>(threadIdx.x) % shape.threads;
  const int packs = static_cast<int>(pitch) / kEight;
  const int rows = static_cast<int>(blockDim.x) / shape.threads;
  const int row = static_cast<int>(threadIdx.x) / shape.threads;
  float* of_row = rows == 1 ? to : shared.sums + row * pitch;
  // The sums before these have been read.
  if (rows > 1) __syncthreads();
  TILEWORK_UNROLL
  for (int i = 0; i < kPacks; ++i) {
    const int pack = i * shape.threads + thread;
    if (pack >= packs) continue;
    StoreEight<4>(FromFloats<4>(DType::kF32, sums[i]),
                  of_row + int64_t{pack} * kEight, 1, 16, kEight);
  }
  if (rows == 1) return;
  __syncthreads();
  for (int column = static_cast<int>(threadIdx.x); column < pitch;
       column += static_cast<int>(blockDim.x)) {
    float sum = 0;
    for (int r = 0; r < rows; ++r) sum += shared.sums[r * pitch + column];
    to[column] = sum;
  }
}

template <int kPacks, bool kCentered>
__global__ void __launch_bounds__(kNormThreads, 1)
    NormBackwardKernel(const __grid_constant__ BackwardParams p) {
  auto& shared = SharedMemory<BackwardStorage>();
  BlockReducer reducer(shared.reduce, p.shape.threads);
  for (int64_t slice = blockIdx.x; slice < p.slices; slice += gridDim.x) {
    const int64_t begin = slice * p.rows_per_slice;
    const int64_t end = begin + p.rows_per_slice < p.shape.rows
                            ? begin + p.rows_per_slice
                            : p.shape.rows;
    float dgamma[kPacks][kEight] = {};
    float dbeta[kPacks][kEight] = {};
    for (RowLoop part(p.shape, begin, end); part.More(); part.Next()) {
      BackwardRow<kPacks, kCentered> row(p, part);
      PrefetchNext<kPacks>(p.input, part);
      PrefetchNext<kPacks>(p.dy, part);
      PrefetchNext<kPacks>(p.dres, part);
      row.Run(reducer, dgamma, dbeta);
    }
    if (p.sums.dgamma != nullptr) {
      StoreSliceSums(p.shape, dgamma, shared,
                     p.sums.dgamma + slice * p.sums.pitch, p.sums.pitch);
    }
    if (kCentered && p.sums.dbeta != nullptr) {
      StoreSliceSums(p.shape, dbeta, shared,
                     p.sums.dbeta + slice * p.sums.pitch, p.sums.pitch);
    }
  }
}

namespace norm_backward_internal {

// The sums of slices of rows of any size: a column a thread. `p` has mean and
// rstd of all rows. The y of the grid counts slices.
absl::Status LaunchColumnSums(const BackwardParams& p, const float* mean,
                              const float* rstd, DeviceContext& context);

// to[i] = the sum of all slices of column i.
absl::Status LaunchSliceTotals(const float* slices, int64_t num_slices,
                               int64_t pitch, const Tensor& to,
                               DeviceContext& context);

// The rows' statistics, and then their columns' sums.
template <typename Kernel>
absl::Status LaunchSeparateSums(Kernel kernel, const LaunchShape& shape,
                                BackwardParams& p, DeviceScratchScope& scratch,
                                DeviceContext& context) {
  absl::StatusOr<float*> mean = scratch.Allocate<float>(p.shape.rows);
  if (!mean.ok()) return mean.status();
  absl::StatusOr<float*> rstd = scratch.Allocate<float>(p.shape.rows);
  if (!rstd.ok()) return rstd.status();
  BackwardParams statistics = p;
  statistics.dx = OutputRows();
  statistics.sums = {};
  statistics.mean_out = *mean;
  statistics.rstd_out = *rstd;
  absl::Status status = Launch(kernel, shape, context, statistics);
  if (!status.ok()) return status;
  status = LaunchColumnSums(p, *mean, *rstd, context);
  p.sums = {};
  return status;
}

}  // namespace norm_backward_internal

// kCentered: layer normalization, with mean and beta. `name` is the kernel's.
template <bool kCentered>
absl::Status LaunchNormBackward(const NormBackwardArgs& args,
                                std::string_view name, DeviceContext& context) {
  const int64_t size = args.dy.dim(-1);
  const int64_t rows = args.dy.NumElements() / size;
  BackwardParams p = {.dy = InputRowsOf(args.dy),
                      .input = InputRowsOf(args.input),
                      .dres = InputRowsOf(args.dres),
                      .gamma = VectorOf(args.gamma),
                      .dx = OutputRowsOf(args.dx),
                      .mean = RowScalars(args.mean),
                      .rstd = RowScalars(args.rstd),
                      .scale = MomentScale(size),
                      .divisor = static_cast<float>(args.divisor),
                      .eps = args.eps,
                      .gamma_offset = args.gamma_offset};
  p.scale.size = p.divisor;
  const NormDevicePlan plan = PlanNorm(
      size, AreAligned(size, {p.dy, p.input, p.dres}, {p.dx}, {p.gamma}),
      kBackwardPacks);
  p.shape = NormRowShape(rows, size, plan);
  p.rows_per_slice = RowsPerSlice(rows, plan.rows_per_block);
  p.slices = CeilDiv(rows, p.rows_per_slice);
  p.sums.pitch = RoundUp(size, kEight);

  DeviceScratchScope scratch(context);
  const auto allocate = [&](const Tensor& wanted, float*& sums) {
    if (!wanted.present()) return absl::OkStatus();
    absl::StatusOr<float*> memory =
        scratch.Allocate<float>(p.slices * p.sums.pitch);
    if (memory.ok()) sums = *memory;
    return memory.status();
  };
  absl::Status status = allocate(args.dgamma, p.sums.dgamma);
  if (status.ok()) status = allocate(args.dbeta, p.sums.dbeta);
  if (!status.ok()) return status;

  const SliceSums sums = p.sums;
  if (rows > 0) {
    const auto kernel = plan.packs_per_tile == kBackwardPacks
                            ? NormBackwardKernel<kBackwardPacks, kCentered>
                            : NormBackwardKernel<1, kCentered>;
    LaunchShape shape =
        NormLaunchShape(name, rows, plan, sizeof(BackwardStorage), context);
    shape.grid = NormGrid(p.slices, plan, context);
    if (plan.tiles > 1 && (args.dgamma.present() || args.dbeta.present())) {
      status = norm_backward_internal::LaunchSeparateSums(kernel, shape, p,
                                                          scratch, context);
      if (!status.ok()) return status;
    }
    status = Launch(kernel, shape, context, p);
    if (!status.ok()) return status;
  }
  status = norm_backward_internal::LaunchSliceTotals(
      sums.dgamma, p.slices, sums.pitch, args.dgamma, context);
  if (!status.ok()) return status;
  return norm_backward_internal::LaunchSliceTotals(
      sums.dbeta, p.slices, sums.pitch, args.dbeta, context);
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_DEVICE_H_
