// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Neighbouring threads have heads, called columns here, that are neighbours in
// memory: in [D, B, N, S] tensors those of neighbouring tokens. A thread goes
// through some pairs of its column, so that what it reads of a row of the
// tables stays in the first level of cache. The accesses are of one element; a
// warp's fill whole sectors.

#include "tilework/kernels/rope/rotate_strided_device.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/persistent_grid.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/rotation.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/divisor.h"
#include "tilework/common/tiling/tile_range.h"
#include "tilework/kernels/rope/device_tables.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_rotation.h"

namespace tilework {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocksPerMultiprocessor = 6;
// Pairs, or elements to copy, of a column that a thread goes through.
constexpr int64_t kJobs = 16;

// Elements of heads [B, S, N, D].
struct View {
  void* data;
  DType dtype;
  // By batch, token, head and element.
  int64_t strides[4];

  explicit View(const ConstTensor& x)
      : data(const_cast<void*>(x.data())), dtype(x.dtype()) {
    for (int i = 0; i < 4; ++i) strides[i] = x.stride(i);
  }
};

// Which columns are neighbours: the dimensions by their strides, the smallest
// first.
struct ColumnOrder {
  int dims[3] = {0, 1, 2};
  Divisor sizes[2];
  int64_t count;

  explicit ColumnOrder(const ConstTensor& x)
      : count(x.dim(0) * x.dim(1) * x.dim(2)) {
    std::sort(dims, dims + 3, [&](int i, int j) {
      return (x.dim(i) == 1 ? 0 : x.stride(i)) <
             (x.dim(j) == 1 ? 0 : x.stride(j));
    });
    for (int i = 0; i < 2; ++i) sizes[i] = Divisor(x.dim(dims[i]));
  }
};

struct Params {
  View in;
  View out;
  ColumnOrder order;
  std::optional<DeviceTables> tables;  // none: all elements are copied
  int64_t pairs;                       // h
  int64_t offset;                      // of the rotated elements
  int64_t jobs;                        // pairs, and elements to copy
  bool contiguous_in;
  bool contiguous_out;
  bool inverse;
  int64_t column_tiles;
  Divisor job_tiles;
};

// A head: its batch and token, and the offsets of its elements.
struct Column {
  int64_t b;
  int64_t s;
  int64_t in;
  int64_t out;

  __device__ Column(const Params& params, int64_t column) {
    const ColumnOrder& order = params.order;
    const int64_t rest = order.sizes[0].Quotient(column);
    const int64_t outer = order.sizes[1].Quotient(rest);
    const int64_t indices[3] = {column - rest * order.sizes[0].value(),
                                rest - outer * order.sizes[1].value(), outer};
    in = 0;
    out = 0;
    b = 0;
    s = 0;
    TILEWORK_UNROLL
    for (int i = 0; i < 3; ++i) {
      const int dim = order.dims[i];
      if (dim == 0) b = indices[i];
      if (dim == 1) s = indices[i];
      in += indices[i] * params.in.strides[dim];
      out += indices[i] * params.out.strides[dim];
    }
  }
};

__device__ void CopyElement(const Params& params, const Column& column,
                            int64_t i) {
  const int64_t from = column.in + i * params.in.strides[3];
  const int64_t to = column.out + i * params.out.strides[3];
  if (params.in.dtype != params.out.dtype) {
    const float x = LoadFloat(params.in.dtype, params.in.data, from);
    StoreFloat(params.out.dtype, x, params.out.data, to);
  } else if (params.in.dtype == DType::kF32) {
    // A copy keeps all bits, those of NaNs too.
    static_cast<uint32_t*>(params.out.data)[to] =
        static_cast<const uint32_t*>(params.in.data)[from];
  } else {
    static_cast<uint16_t*>(params.out.data)[to] =
        static_cast<const uint16_t*>(params.in.data)[from];
  }
}

__device__ void RotatePair(const Params& params, const Column& column,
                           int64_t row, int64_t i) {
  PairValues cos;
  PairValues sin;
  params.tables->LoadOne(column.b, row, i, cos, sin);
  // The inverse exchanges the members' sines and negates them.
  if (params.inverse) sin = {-sin.b, -sin.a};
  const auto a_at = [&](bool contiguous) {
    return params.offset + (contiguous ? i : 2 * i);
  };
  const auto b_at = [&](bool contiguous) {
    return params.offset + (contiguous ? params.pairs + i : 2 * i + 1);
  };
  const auto load = [&](int64_t at) {
    return LoadFloat(params.in.dtype, params.in.data,
                     column.in + at * params.in.strides[3]);
  };
  const auto store = [&](float x, int64_t at) {
    StoreFloat(params.out.dtype, x, params.out.data,
               column.out + at * params.out.strides[3]);
  };
  const float a = load(a_at(params.contiguous_in));
  const float b = load(b_at(params.contiguous_in));
  store(a * cos.a - b * sin.a, a_at(params.contiguous_out));
  store(b * cos.b + a * sin.b, b_at(params.contiguous_out));
}

__global__ void __launch_bounds__(kThreads) RotateStridedKernel(Params params) {
  const int64_t num_tiles = params.column_tiles * params.job_tiles.value();
  for (int64_t tile = blockIdx.x; tile < num_tiles; tile += gridDim.x) {
    const int64_t column_tile = params.job_tiles.Quotient(tile);
    const int64_t job_tile = tile - column_tile * params.job_tiles.value();
    const int64_t index = column_tile * kThreads + threadIdx.x;
    if (index >= params.order.count) continue;
    const Column column(params, index);
    const int64_t row =
        params.pairs > 0 ? params.tables->Row(column.b, column.s) : 0;
    const int64_t end = min((job_tile + 1) * kJobs, params.jobs);
    for (int64_t job = job_tile * kJobs; job < end; ++job) {
      if (job < params.pairs) {
        RotatePair(params, column, row, job);
      } else {
        // The elements before the rotated ones, then those after them.
        const int64_t i = job - params.pairs;
        CopyElement(params, column,
                    i < params.offset ? i : i + 2 * params.pairs);
      }
    }
  }
}

absl::Status Run(Params params, DeviceContext& context) {
  params.column_tiles = CeilDiv(params.order.count, kThreads);
  params.job_tiles = Divisor(std::max<int64_t>(CeilDiv(params.jobs, kJobs), 1));
  return Launch(
      RotateStridedKernel,
      {.kernel = "rope",
       .grid = PersistentGrid(params.column_tiles * params.job_tiles.value(),
                              kBlocksPerMultiprocessor, context),
       .block = {kThreads}},
      context, params);
}

}  // namespace

absl::Status RotateStrided(const RopeArgs& args, DeviceContext& context) {
  const Rotation rotation = RotationOf(args);
  const int64_t pairs = rotation.rotary_dim / 2;
  const bool in_place = args.x_in.data() == args.x_out.data();
  const int64_t copied = in_place ? 0 : args.x_in.dim(3) - rotation.rotary_dim;
  return Run(
      {.in = View(args.x_in),
       .out = View(args.x_out),
       .order = ColumnOrder(args.x_in),
       .tables = DeviceTables(args),
       .pairs = pairs,
       .offset = args.rotary_offset,
       .jobs = pairs + copied,
       .contiguous_in = rotation.contiguous_layout,
       .contiguous_out = rotation.contiguous_layout != rotation.changes_layout,
       .inverse = rotation.inverse,
       .column_tiles = 0,
       .job_tiles = Divisor()},
      context);
}

absl::Status CopyHeads(const ConstTensor& from, const Tensor& to,
                       DeviceContext& context) {
  return Run({.in = View(from),
              .out = View(to),
              .order = ColumnOrder(from),
              .tables = std::nullopt,
              .pairs = 0,
              .offset = 0,
              .jobs = from.dim(3),
              .contiguous_in = true,
              .contiguous_out = true,
              .inverse = false,
              .column_tiles = 0,
              .job_tiles = Divisor()},
             context);
}

}  // namespace tilework
