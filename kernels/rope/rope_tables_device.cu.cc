// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Tables are built once for a model. The limit is f64 arithmetic, about 100
// operations a pair and row, of which a multiprocessor does 64 a clock; writes
// are far below what memory takes. A thread has one pair of a row, neighbours
// neighbouring pairs.

#include <cmath>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/persistent_grid.h"
#include "tilework/common/device/sincos.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/divisor.h"
#include "tilework/common/tiling/tile_range.h"
#include "tilework/kernels/rope/rope_scaling.h"
#include "tilework/kernels/rope/rope_tables.h"

namespace tilework {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocksPerMultiprocessor = 4;

// A vector of f32, or none.
struct Floats {
  float* data = nullptr;
  int64_t stride = 0;

  Floats() = default;
  explicit Floats(const ConstTensor& tensor) {
    if (!tensor.present()) return;
    data = const_cast<float*>(tensor.data<float>());
    stride = tensor.stride(0);
  }

  __device__ bool present() const { return data != nullptr; }
  __device__ float& operator[](int64_t i) const { return data[i * stride]; }
};

struct FrequencyParams {
  PairScaling pairs;
  int64_t num_pairs;  // h
  Floats divisors;    // of kLongrope
  Floats freq_factors;
  double* inv_freq;  // result, not rounded
  Floats inv_freq_out;
};

__global__ void __launch_bounds__(kThreads)
    FrequencyKernel(FrequencyParams params) {
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
       i < params.num_pairs; i += int64_t{gridDim.x} * kThreads) {
    const auto element = [&](const Floats& floats) {
      return floats.present() ? static_cast<double>(floats[i]) : 1.0;
    };
    const double f = pow(params.pairs.base, params.pairs.Exponent(i));
    const double inv_freq =
        params.pairs.Scaled(f, i, element(params.divisors)) /
        element(params.freq_factors);
    params.inv_freq[i] = inv_freq;
    if (params.inv_freq_out.present()) {
      params.inv_freq_out[i] = static_cast<float>(inv_freq);
    }
  }
}

__global__ void StoreKernel(float value, float* to) { *to = value; }

// A table of cosines or sines, or none.
struct Table {
  void* data = nullptr;
  DType dtype = DType::kNone;
  int64_t row_stride = 0;
  int64_t stride = 0;

  Table() = default;
  explicit Table(const Tensor& tensor) {
    if (!tensor.present()) return;
    data = tensor.data();
    dtype = tensor.dtype();
    row_stride = tensor.stride(0);
    stride = tensor.stride(1);
  }
};

struct TableParams {
  Table cos, sin;
  Table cache_cos, cache_sin;
  const double* inv_freq;
  double attention_factor;
  Divisor num_pairs;   // h
  int64_t num_values;  // rows * h
  // None: rows count from position_start on.
  const void* positions;
  DType position_dtype;
  int64_t axis_stride;  // 0 where there is one position a row
  int64_t position_stride;
  int64_t position_start;
  int64_t mrope_section[3];
  bool mrope_interleaved;
  bool is_f64;
  bool duplicate;
  bool contiguous;
};

// In the two precisions, each rounded once.
struct Position {
  float f32;
  double f64;
};

template <typename T>
__device__ Position PositionOf(T value) {
  return {static_cast<float>(value), static_cast<double>(value)};
}

__device__ Position PositionOf(const TableParams& params, int64_t row,
                               int64_t pair) {
  if (params.positions == nullptr) {
    return PositionOf(params.position_start + row);
  }
  int64_t at = row * params.position_stride;
  if (params.axis_stride != 0) {
    at += params.axis_stride *
          MropeAxis(params.mrope_section, params.mrope_interleaved, pair);
  }
  switch (params.position_dtype) {
    case DType::kI32:
      return PositionOf(static_cast<const int32_t*>(params.positions)[at]);
    case DType::kI64:
      return PositionOf(static_cast<const int64_t*>(params.positions)[at]);
    default:
      return PositionOf(static_cast<const float*>(params.positions)[at]);
  }
}

// The cosine and sine of an angle, times the attention factor.
__device__ CosSinValues ValuesOf(const TableParams& params,
                                 const Position& position, int64_t pair) {
  const double inv_freq = params.inv_freq[pair];
  if (params.is_f64) {
    const CosSinValues values = CosSin(position.f64 * inv_freq);
    return {values.cos * params.attention_factor,
            values.sin * params.attention_factor};
  }
  const float angle = position.f32 * static_cast<float>(inv_freq);
  const CosSinValues values = CosSin(static_cast<double>(angle));
  const float factor = static_cast<float>(params.attention_factor);
  return {static_cast<double>(static_cast<float>(values.cos) * factor),
          static_cast<double>(static_cast<float>(values.sin) * factor)};
}

__device__ void Store(const TableParams& params, const Table& table,
                      int64_t row, int64_t pair, double value) {
  if (table.data == nullptr) return;
  const float rounded = table.dtype == DType::kF32 ? static_cast<float>(value)
                                                   : RoundToOdd(value);
  const auto store = [&](int64_t column) {
    StoreFloat(table.dtype, rounded, table.data,
               row * table.row_stride + column * table.stride);
  };
  if (!params.duplicate) {
    store(pair);
  } else if (params.contiguous) {
    store(pair);
    store(params.num_pairs.value() + pair);
  } else {
    store(2 * pair);
    store(2 * pair + 1);
  }
}

__global__ void __launch_bounds__(kThreads) TableKernel(TableParams params) {
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
       i < params.num_values; i += int64_t{gridDim.x} * kThreads) {
    const int64_t row = params.num_pairs.Quotient(i);
    const int64_t pair = i - row * params.num_pairs.value();
    const CosSinValues values =
        ValuesOf(params, PositionOf(params, row, pair), pair);
    Store(params, params.cos, row, pair, values.cos);
    Store(params, params.sin, row, pair, values.sin);
    Store(params, params.cache_cos, row, pair, values.cos);
    Store(params, params.cache_sin, row, pair, values.sin);
  }
}

LaunchShape ShapeFor(int64_t threads, const DeviceContext& context) {
  return {.kernel = "rope_tables",
          .grid = PersistentGrid(CeilDiv(threads, kThreads),
                                 kBlocksPerMultiprocessor, context),
          .block = {kThreads}};
}

TableParams ParamsOf(const RopeTablesArgs& args, const RopeScaling& scaling,
                     const double* inv_freq) {
  TableParams params = {.cos = Table(args.cos),
                        .sin = Table(args.sin),
                        .inv_freq = inv_freq,
                        .attention_factor = scaling.AttentionFactor(),
                        .num_pairs = Divisor(args.rotary_dim / 2),
                        .positions = args.positions.data(),
                        .position_dtype = args.positions.dtype(),
                        .position_start = args.position_start,
                        .mrope_interleaved = args.mrope_interleaved,
                        .is_f64 = args.precision == RopePrecision::kF64,
                        .duplicate = args.duplicate,
                        .contiguous = args.contiguous_layout};
  int64_t rows = 0;
  for (const Tensor& table : {args.cos, args.sin, args.rope_cache}) {
    if (table.present()) rows = table.dim(0);
  }
  params.num_values = rows * params.num_pairs.value();
  if (args.positions.present()) {
    params.position_stride = args.positions.stride(-1);
  }
  if (args.mrope_section.has_value() && args.positions.rank() == 2) {
    params.axis_stride = args.positions.stride(0);
    for (int i = 0; i < 3; ++i) {
      params.mrope_section[i] = (*args.mrope_section)[static_cast<size_t>(i)];
    }
  }
  if (args.rope_cache.present()) {
    const int64_t width = args.rope_cache.dim(1) / 2;
    params.cache_cos = Table(args.rope_cache.Slice(1, 0, width));
    params.cache_sin = Table(args.rope_cache.Slice(1, width, width));
  }
  return params;
}

absl::Status Build(const RopeTablesArgs& args, DeviceContext& context) {
  const RopeScaling scaling(args);
  absl::Status status;
  if (args.attention_factor_out.present()) {
    status = Launch(StoreKernel,
                    {.kernel = "rope_tables", .grid = {1}, .block = {1}},
                    context, static_cast<float>(scaling.AttentionFactor()),
                    args.attention_factor_out.data<float>());
    if (!status.ok()) return status;
  }
  const int64_t pairs = args.rotary_dim / 2;
  DeviceScratchScope scratch(context);
  const absl::StatusOr<double*> inv_freq = scratch.Allocate<double>(pairs);
  if (!inv_freq.ok()) return inv_freq.status();
  const TableParams tables = ParamsOf(args, scaling, *inv_freq);
  if (tables.num_values == 0 && !args.inv_freq.present()) return status;
  const FrequencyParams frequencies = {
      .pairs = scaling.pairs(),
      .num_pairs = pairs,
      .divisors = Floats(scaling.Divisors()),
      .freq_factors = Floats(args.freq_factors),
      .inv_freq = *inv_freq,
      .inv_freq_out = Floats(args.inv_freq)};
  status =
      Launch(FrequencyKernel, ShapeFor(pairs, context), context, frequencies);
  if (!status.ok() || tables.num_values == 0) return status;
  return Launch(TableKernel, ShapeFor(tables.num_values, context), context,
                tables);
}

}  // namespace

absl::Status RopeTables(const RopeTablesArgs& args, DeviceContext& context) {
  return CallOnDevice(args, context, [&] { return Build(args, context); });
}

}  // namespace tilework
