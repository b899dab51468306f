// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Tables are built once for a model, so this is scalar code on the C library's
// f64 functions: they are exact to less than an f32 ulp for any angle.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_tables.h"

namespace tilework {
namespace {

constexpr int64_t kElementsPerTask = int64_t{1} << 12;

double InverseFrequency(const RopeTablesArgs& args, int64_t i) {
  const double r = static_cast<double>(args.rotary_dim);
  const double f = std::pow(args.base, -2.0 * static_cast<double>(i) / r);
  if (args.rope_type == RopeType::kDefault) return f;
  const double scaled = f / args.factor;
  if (args.rope_type == RopeType::kLinear) return scaled;
  const double wavelength = 2 * std::numbers::pi / f;
  const double m0 = static_cast<double>(args.original_max_position);
  const double low = args.low_freq_factor;
  const double high = args.high_freq_factor;
  if (wavelength < m0 / high) return f;
  if (wavelength > m0 / low) return scaled;
  const double g = (m0 / wavelength - low) / (high - low);
  return (1 - g) * scaled + g * f;
}

// To f32 with the last bit set if anything is lost: a further rounding, to a
// narrower type, then gives what one rounding of `value` would.
float RoundToOdd(double value) {
  const float nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value) return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (std::abs(static_cast<double>(nearest)) > std::abs(value)) --bits;
  return std::bit_cast<float>(bits | 1u);
}

template <typename T>
T RoundOnce(double value) {
  if constexpr (kDTypeOf<T> == DType::kF32) {
    return static_cast<float>(value);
  } else {
    return T(RoundToOdd(value));
  }
}

class Builder {
 public:
  Builder(const RopeTablesArgs& args, const double* inv_freq,
          const float* inv_freq_f32)
      : args_(args),
        inv_freq_(inv_freq),
        inv_freq_f32_(inv_freq_f32),
        h_(args.rotary_dim / 2) {}

  // Row `row` of `table`, with the values of `function`, cos or sin.
  void WriteRow(const Tensor& table, int64_t row,
                double (*function)(double)) const {
    if (!table.present()) return;
    const double position = static_cast<double>(args_.position_start + row);
    VisitFloat(table.dtype(), [&](auto type) {
      using T = decltype(type);
      for (int64_t i = 0; i < h_; ++i) {
        T value;
        if (args_.precision == RopePrecision::kF64) {
          value = RoundOnce<T>(function(position * inv_freq_[i]));
        } else {
          const float angle = static_cast<float>(position) * inv_freq_f32_[i];
          value = T(static_cast<float>(function(static_cast<double>(angle))));
        }
        WritePair(table.At<T>(row), table.stride(1), i, value);
      }
    });
  }

 private:
  template <typename T>
  void WritePair(T* row, int64_t stride, int64_t i, T value) const {
    if (!args_.duplicate) {
      row[i * stride] = value;
    } else if (args_.contiguous_layout) {
      row[i * stride] = value;
      row[(h_ + i) * stride] = value;
    } else {
      row[2 * i * stride] = value;
      row[(2 * i + 1) * stride] = value;
    }
  }

  const RopeTablesArgs& args_;
  const double* inv_freq_;
  const float* inv_freq_f32_;
  int64_t h_;
};

double Cos(double angle) { return std::cos(angle); }
double Sin(double angle) { return std::sin(angle); }

}  // namespace

absl::Status RopeTables(const RopeTablesArgs& args, HostContext& context) {
  if (absl::Status status = Validate(args); !status.ok()) return status;
  const int64_t h = args.rotary_dim / 2;
  ScratchScope scratch(context.arena());
  double* inv_freq = scratch.Allocate<double>(h);
  float* inv_freq_f32 = scratch.Allocate<float>(h);
  for (int64_t i = 0; i < h; ++i) {
    inv_freq[i] = InverseFrequency(args, i);
    if (args.freq_factors.present()) {
      inv_freq[i] /= static_cast<double>(*args.freq_factors.At<float>(i));
    }
    inv_freq_f32[i] = static_cast<float>(inv_freq[i]);
    if (args.inv_freq.present()) *args.inv_freq.At<float>(i) = inv_freq_f32[i];
  }
  const Tensor& either = args.cos.present() ? args.cos : args.sin;
  const int64_t rows = either.present() ? either.dim(0) : 0;
  const Builder builder(args, inv_freq, inv_freq_f32);
  const int64_t step = std::max<int64_t>(kElementsPerTask / h, 1);
  context.pool().ParallelFor(
      (rows + step - 1) / step, [&](int64_t task, int /*thread*/) {
        const int64_t end = std::min(rows, (task + 1) * step);
        for (int64_t row = task * step; row < end; ++row) {
          builder.WriteRow(args.cos, row, Cos);
          builder.WriteRow(args.sin, row, Sin);
        }
      });
  return absl::OkStatus();
}

}  // namespace tilework
