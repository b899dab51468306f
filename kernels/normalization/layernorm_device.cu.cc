// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The floor is that of norm_device.h: input and output, and residual where
// there is one, once each. Rows stay in registers, so that the second pass over
// them, which makes the variance exact, costs no memory traffic but one more
// barrier.

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/device/block.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/row.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/kernels/normalization/layernorm.h"
#include "tilework/kernels/normalization/norm_device.h"
#include "tilework/kernels/normalization/norm_device_plan.h"

namespace tilework {
namespace {

struct Params {
  RowShape shape;
  HiddenRows hidden;
  RowInMemory gamma;  // may be absent, as may
  RowInMemory beta;   // this one
  OutputRows output;
  RowScalars mean;
  RowScalars rstd;
  MomentScale scale;
  float eps;
};

struct SharedStorage {
  BlockReduceStorage<2> reduce;
};

template <int kPacks>
__device__ void StoreNormalized(const Params& p, const RowInMemory& output,
                                const RowLoop& part, int first,
                                const RowMoments& moments, float rstd,
                                float (&x)[kPacks][kEight]) {
  constexpr bool kAligned = kAlignedPacks<kPacks>;
  TILEWORK_UNROLL
  for (int i = 0; i < kPacks; ++i) {
    TILEWORK_UNROLL
    for (int j = 0; j < kEight; ++j) x[i][j] = (x[i][j] - moments.mean) * rstd;
  }
  MultiplyWeight<kAligned>(p.gamma, 0, part, first, x);
  AddWeight<kAligned>(p.beta, part, first, x);
  StorePacks<kAligned>(x, output, part, first);
}

template <int kPacks>
__global__ void __launch_bounds__(kNormThreads, 1)
    LayerNormKernel(const __grid_constant__ Params p) {
  auto& shared = SharedMemory<SharedStorage>();
  BlockReducer reducer(shared.reduce, p.shape.threads);
  for (RowLoop part(p.shape); part.More(); part.Next()) {
    const HiddenRow row(p.hidden, part.index(), 0);
    const RowInMemory output = p.output.Row(part.index(), 0);
    PrefetchNext<kPacks>(p.hidden.input, part);
    PrefetchNext<kPacks>(p.hidden.residual, part);
    float x[kPacks][kEight];
    const auto load = [&](int first, bool is_last) {
      LoadHidden<kAlignedPacks<kPacks>>(row, part, first, is_last, x);
    };
    const bool fits = p.shape.packs == kPacks;
    RowMoments moments;
    float rstd = 0;
    TILEWORK_NO_UNROLL
    for (int pass = 0; pass <= RowMoments::kPasses; ++pass) {
      if (!moments.Needs(pass)) continue;
      const bool is_last = pass == RowMoments::kPasses;
      if (is_last) {
        rstd = ReciprocalDeviation(moments.variance, p.eps);
        if (part.IsFirstThread()) {
          if (p.mean.present()) p.mean.Store(part.index(), moments.mean);
          if (p.rstd.present()) p.rstd.Store(part.index(), rstd);
        }
      }
      for (int first = 0; first < p.shape.packs; first += kPacks) {
        if (pass == 0 || !fits) load(first, fits || is_last);
        if (is_last) {
          StoreNormalized(p, output, part, first, moments, rstd, x);
        } else {
          moments.Add(part, first, x);
        }
      }
      if (!is_last) moments.Reduce(pass, p.scale, reducer);
    }
  }
}

absl::Status LaunchLayerNorm(const LayerNormArgs& args,
                             DeviceContext& context) {
  if (args.input.NumElements() == 0) return absl::OkStatus();
  const int64_t size = args.input.dim(-1);
  const int64_t rows = args.input.NumElements() / size;
  Params p = {.hidden = {.input = InputRowsOf(args.input),
                         .residual = InputRowsOf(args.residual),
                         .residual_out = OutputRowsOf(args.residual_out)},
              .gamma = VectorOf(args.gamma),
              .beta = VectorOf(args.beta),
              .output = OutputRowsOf(args.output),
              .mean = RowScalars(args.mean),
              .rstd = RowScalars(args.rstd),
              .scale = MomentScale(size),
              .eps = args.eps};
  const NormDevicePlan plan = PlanNorm(
      size, AreAligned(size, {p.hidden.input, p.hidden.residual},
                       {p.hidden.residual_out, p.output}, {p.gamma, p.beta}));
  p.shape = NormRowShape(rows, size, plan);
  const auto kernel =
      plan.packs_per_tile == 4 ? LayerNormKernel<4> : LayerNormKernel<1>;
  return Launch(
      kernel,
      NormLaunchShape("layernorm", rows, plan, sizeof(SharedStorage), context),
      context, p);
}

}  // namespace

absl::Status LayerNorm(const LayerNormArgs& args, DeviceContext& context) {
  return CallOnDevice(args, context,
                      [&] { return LaunchLayerNorm(args, context); });
}

}  // namespace tilework
