// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Tables are built once for a model, so this is scalar code on the C library's
// f64 functions: they are exact to less than an f32 ulp for any angle.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_scaling.h"
#include "tilework/kernels/rope/rope_tables.h"

namespace tilework {
namespace {

constexpr int64_t kElementsPerTask = int64_t{1} << 12;

template <typename T>
T RoundOnce(double value) {
  if constexpr (kDTypeOf<T> == DType::kF32) {
    return static_cast<float>(value);
  } else {
    return T(RoundToOdd(value));
  }
}

// A position in the two precisions, each rounded once.
struct Position {
  float f32;
  double f64;
};

template <typename T>
Position PositionOf(T value) {
  return {.f32 = static_cast<float>(value), .f64 = static_cast<double>(value)};
}

// Of the angle, times the attention factor.
struct Values {
  double cos;
  double sin;
};

class Builder {
 public:
  Builder(const RopeTablesArgs& args, const RopeScaling& scaling,
          ScratchScope& scratch)
      : args_(args),
        h_(args.rotary_dim / 2),
        inv_freq_(scratch.Allocate<double>(h_)),
        inv_freq_f32_(scratch.Allocate<float>(h_)),
        attention_factor_(scaling.AttentionFactor()) {
    for (int64_t i = 0; i < h_; ++i) {
      inv_freq_[i] = scaling.InverseFrequency(i);
      inv_freq_f32_[i] = static_cast<float>(inv_freq_[i]);
    }
  }

  void WriteFrequencies() const {
    if (!args_.inv_freq.present()) return;
    for (int64_t i = 0; i < h_; ++i) {
      *args_.inv_freq.At<float>(i) = inv_freq_f32_[i];
    }
  }

  // Row `row` of all tables, by way of h `values`.
  void WriteRow(int64_t row, Values* values) const {
    const std::array<Position, 3> positions = PositionsOf(row);
    for (int64_t i = 0; i < h_; ++i) {
      values[i] = ValuesOf(positions[Axis(i)], i);
    }
    if (args_.cos.present()) Write(args_.cos, row, &Values::cos, values);
    if (args_.sin.present()) Write(args_.sin, row, &Values::sin, values);
    if (!args_.rope_cache.present()) return;
    const int64_t width = args_.rope_cache.dim(1) / 2;
    Write(args_.rope_cache.Slice(1, 0, width), row, &Values::cos, values);
    Write(args_.rope_cache.Slice(1, width, width), row, &Values::sin, values);
  }

 private:
  // The axis of positions that pair i turns by.
  size_t Axis(int64_t i) const {
    if (!args_.mrope_section.has_value()) return 0;
    const auto& [t, h, w] = *args_.mrope_section;
    return static_cast<size_t>(
        MropeAxis({t, h, w}, args_.mrope_interleaved, i));
  }

  // Of each axis; all the same where there is one.
  std::array<Position, 3> PositionsOf(int64_t row) const {
    if (!args_.positions.present()) {
      const Position position = PositionOf(args_.position_start + row);
      return {position, position, position};
    }
    switch (args_.positions.dtype()) {
      case DType::kI32:
        return ReadPositions<int32_t>(row);
      case DType::kI64:
        return ReadPositions<int64_t>(row);
      default:
        return ReadPositions<float>(row);
    }
  }

  template <typename T>
  std::array<Position, 3> ReadPositions(int64_t row) const {
    const ConstTensor& positions = args_.positions;
    if (positions.rank() == 1) {
      const Position position = PositionOf(*positions.At<T>(row));
      return {position, position, position};
    }
    return {PositionOf(*positions.At<T>(0, row)),
            PositionOf(*positions.At<T>(1, row)),
            PositionOf(*positions.At<T>(2, row))};
  }

  Values ValuesOf(const Position& position, int64_t i) const {
    if (args_.precision == RopePrecision::kF64) {
      const double angle = position.f64 * inv_freq_[i];
      return {.cos = std::cos(angle) * attention_factor_,
              .sin = std::sin(angle) * attention_factor_};
    }
    const double angle = static_cast<double>(position.f32 * inv_freq_f32_[i]);
    const float factor = static_cast<float>(attention_factor_);
    return {.cos = static_cast<float>(std::cos(angle)) * factor,
            .sin = static_cast<float>(std::sin(angle)) * factor};
  }

  void Write(const Tensor& table, int64_t row, double Values::*member,
             const Values* values) const {
    VisitFloat(table.dtype(), [&](auto type) {
      using T = decltype(type);
      for (int64_t i = 0; i < h_; ++i) {
        WritePair(table.At<T>(row), table.stride(1), i,
                  RoundOnce<T>(values[i].*member));
      }
    });
  }

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
  int64_t h_;
  double* inv_freq_;
  float* inv_freq_f32_;
  double attention_factor_;
};

// P; 0 if no table is wanted.
int64_t NumRows(const RopeTablesArgs& args) {
  for (const Tensor& table : {args.cos, args.sin, args.rope_cache}) {
    if (table.present()) return table.dim(0);
  }
  return 0;
}

void BuildTables(const RopeTablesArgs& args, HostContext& context) {
  const RopeScaling scaling(args);
  if (args.attention_factor_out.present()) {
    *args.attention_factor_out.data<float>() =
        static_cast<float>(scaling.AttentionFactor());
  }
  const int64_t rows = NumRows(args);
  if (rows == 0 && !args.inv_freq.present()) return;
  ScratchScope scratch(context.arena());
  const Builder builder(args, scaling, scratch);
  builder.WriteFrequencies();
  const int64_t h = args.rotary_dim / 2;
  Values* values = scratch.Allocate<Values>(h * context.num_threads());
  const int64_t step = std::max<int64_t>(kElementsPerTask / h, 1);
  context.pool().ParallelFor(
      (rows + step - 1) / step, [&](int64_t task, int thread) {
        const int64_t end = std::min(rows, (task + 1) * step);
        for (int64_t row = task * step; row < end; ++row) {
          builder.WriteRow(row, values + h * thread);
        }
      });
}

}  // namespace

absl::Status RopeTables(const RopeTablesArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] { BuildTables(args, context); });
}

}  // namespace tilework
