// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/parallel/thread_pool.h"
#include "tilework/common/quantize/fp8_rows.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/kernels/quantize/quantize_rows.h"
#include "tilework/kernels/quantize/row_quantization.h"
#include "tilework/kernels/quantize/scale_rows.h"

namespace tilework {
namespace {

// The smallest normal power of two >= value; 0, infinity and NaN stay.
float CeilPowerOfTwo(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (bits >= 0x7F800000u || (bits & 0x7FFFFFu) == 0) return value;
  return std::bit_cast<float>(((bits >> 23) + 1) << 23);
}

class RowQuantizer {
 public:
  RowQuantizer(const RowQuantizationArgs& args, const ScaleUnits& units,
               const ConstTensor& x, const Tensor& codes)
      : rows_(x, codes),
        scales_(args.dequant_scale, args.hidden_state.rank(), args.granularity),
        units_(units),
        clip_(args.lower_bound > 1e-6f ? args.lower_bound : kNoClip),
        min_scale_(args.min_dequant_scale),
        pow2_(args.pow2_scale) {}

  // Units [begin, end).
  void Run(int64_t begin, int64_t end) const {
    int64_t band = begin / units_.num_columns();
    int64_t column = begin % units_.num_columns();
    Box box = units_(band, column);
    for (int64_t unit = begin; unit < end; ++unit) {
      int64_t next_band = band;
      int64_t next_column = column + 1;
      if (next_column == units_.num_columns()) {
        next_column = 0;
        ++next_band;
      }
      const Box next =
          unit + 1 < end ? units_(next_band, next_column) : Box{0, 0, 0, 0};
      ReadAhead ahead;
      rows_.AddTo(ahead, next);
      const float amax = rows_.Amax(box, ahead);
      const float ds = Scale(amax);
      scales_.Store(band, column, ds);
      rows_.EncodeScaled(box, amax, clip_, ds, ahead);
      band = next_band;
      column = next_column;
      box = next;
    }
    rows_.Finish();
  }

  // One large unit, by all threads; `amax` has an element for each piece.
  void RunLarge(int64_t band, int64_t column, const ThreadPool& pool,
                float* amax) const {
    const Box box = units_(band, column);
    const Pieces pieces(box);
    pool.ParallelFor(pieces.num(), [&](int64_t i, int) {
      ReadAhead nothing;
      amax[i] = rows_.Amax(pieces[i], nothing);
    });
    // As integers, a NaN is the largest.
    const auto less = [](float a, float b) {
      return std::bit_cast<uint32_t>(a) < std::bit_cast<uint32_t>(b);
    };
    const float ds = Scale(*std::max_element(amax, amax + pieces.num(), less));
    scales_.Store(band, column, ds);
    pool.ParallelFor(pieces.num(), [&](int64_t i, int) {
      ReadAhead nothing;
      rows_.Encode(pieces[i], clip_, 1.0f / ds, nothing);
      rows_.Finish();
    });
  }

 private:
  float Scale(float amax) const {
    const float scale = rows_.encoder().Scale(amax, clip_, min_scale_);
    return pow2_ ? CeilPowerOfTwo(scale) : scale;
  }

  QuantizeRows rows_;
  ScaleRows<Tensor> scales_;
  ScaleUnits units_;
  float clip_;
  float min_scale_;
  bool pow2_;
};

void Quantize(const RowQuantizationArgs& args, HostContext& context) {
  ConstTensor x = args.hidden_state;
  Tensor codes = args.quantized;
  if (args.granularity == QuantizationGranularity::kTensor) {
    OrderForStreaming(x, codes);
  }
  const ScaleUnits units(x, args.granularity, args.group_size);
  const RowQuantizer quantizer(args, units, x, codes);
  const ThreadPool& pool = context.pool();
  // Few large units would leave threads without work.
  constexpr int64_t kFewUnits = 64;
  if (units.num_units() < kFewUnits &&
      units.unit_elements() >= 2 * Pieces::kElements) {
    ScratchScope scratch(context.arena());
    float* amax = scratch.Allocate<float>(Pieces(units(0, 0)).num());
    for (int64_t band = 0; band < units.num_bands(); ++band) {
      for (int64_t column = 0; column < units.num_columns(); ++column) {
        quantizer.RunLarge(band, column, pool, amax);
      }
    }
    return;
  }
  const int64_t step =
      std::max<int64_t>(Pieces::kElements / units.unit_elements(), 1);
  pool.ParallelFor(CeilDiv(units.num_units(), step), [&](int64_t task, int) {
    const int64_t end = (task + 1) * step;
    quantizer.Run(task * step, std::min(end, units.num_units()));
  });
}

}  // namespace

absl::Status RowQuantization(const RowQuantizationArgs& args,
                             HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.hidden_state.NumElements() > 0) Quantize(args, context);
  });
}

}  // namespace tilework
