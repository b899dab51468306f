// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The floor is that of norm_device.h. A row stays in registers through both
// norms, the largest magnitude and its codes; groups of 8, 16, ... 256 elements
// are neighbouring lanes, whose largest magnitude takes a few shuffles. Packed
// rows begin at multiples of 4 bytes at best: codes are written with the widest
// accesses that all rows allow.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "tilework/common/device/block.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/row.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/device/warp.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/kernels/normalization/norm_device.h"
#include "tilework/kernels/normalization/norm_device_plan.h"
#include "tilework/kernels/normalization/norm_quantize_device.h"
#include "tilework/kernels/normalization/rmsnorm_quant.h"

namespace tilework {
namespace {

// What has one scale.
enum class Unit : uint8_t {
  kTensor,  // a given one
  kRow,
  kLanes,  // a group of `group_size` elements: a power of two of packs
  kGroup,  // any other group; not in registers
};

struct Params {
  RowShape shape;
  InputRows hidden;
  RowInMemory pre_gamma;  // may be absent, as may
  RowInMemory gamma;      // this one
  InputRows residual;     // and this one
  OutputRows residual_out;
  OutputRows out;
  float* scales;             // or packed
  RowOffsets scale_offsets;  // of rows
  int64_t scale_stride;      // of groups
  const float* given_scale;
  int64_t group_size;
  int lanes;  // of a group, for kLanes
  int log2_lanes;
  float divisor;
  float eps;
  float bound;  // of magnitudes; infinity if there is none
  DType intermediate;
  Unit unit;
  bool has_pre_norm;
  bool has_norm;
};

struct SharedStorage {
  BlockReduceStorage<1> reduce;
};

// What becomes of a row, step by step.
enum Step : int { kNothing, kLoaded, kSummed, kNormalized };

// Passes over a row. The first three reduce it: to the factors of the norms and
// to its scale.
enum Pass : int { kPreNorm, kNorm, kScale, kWrite, kNumPasses };

class Row {
 public:
  __device__ Row(const Params& p, const RowLoop& part)
      : p_(p),
        part_(part),
        hidden_(p.hidden.Row(part.index(), 0)),
        residual_(p.residual.Row(part.index(), 0)),
        residual_out_(p.residual_out.Row(part.index(), 0)),
        out_(p.out.Row(part.index(), 0)) {
    if (p.scales != nullptr) scales_ = p.scales + p.scale_offsets[part.index()];
  }

  __device__ bool Needs(int pass) const {
    switch (pass) {
      case kPreNorm:
        return p_.has_pre_norm;
      case kNorm:
        return p_.has_norm;
      case kScale:
        return p_.unit == Unit::kRow;
      default:
        return p_.unit != Unit::kGroup;
    }
  }

  // Takes packs from step `from` to step `to`.
  template <int kPacks>
  __device__ void Advance(int from, int to, int first, bool is_last,
                          float (&x)[kPacks][kEight]) const {
    constexpr bool kAligned = kAlignedPacks<kPacks>;
    if (from < kLoaded) LoadFloats<kAligned>(hidden_, part_, first, x);
    if (from < kSummed && to >= kSummed) {
      if (p_.has_pre_norm) {
        MultiplyBy(pre_factor_, x);
        MultiplyWeight<kAligned>(p_.pre_gamma, 0, part_, first, x);
        RoundTo(hidden_.dtype, x);
      }
      if (residual_.present()) {
        AddResidual<kAligned>(residual_, part_, first, x);
        if (is_last) StorePacks<kAligned>(x, residual_out_, part_, first);
      }
    }
    if (from < kNormalized && to >= kNormalized && p_.has_norm) {
      MultiplyBy(factor_, x);
      MultiplyWeight<kAligned>(p_.gamma, 0, part_, first, x);
      RoundTo(p_.intermediate, x);
    }
  }

  // The sum of a norm.
  __device__ void SetFactor(int pass, float sum) {
    const float factor = ReciprocalDeviation(sum / p_.divisor, p_.eps);
    (pass == kPreNorm ? pre_factor_ : factor_) = factor;
  }

  __device__ void SetScale(uint32_t largest) {
    const float scale = ScaleOf(largest, out_.dtype);
    quant_scale_ = 1.0f / scale;
    if (part_.IsFirstThread()) StoreScale(0, scale);
  }
  __device__ void SetGivenScale() { quant_scale_ = 1.0f / *p_.given_scale; }

  template <int kPacks>
  __device__ void Write(int first, const float (&x)[kPacks][kEight]) const {
    float factors[kPacks];
    SetFactors(first, x, factors);
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) {
      StoreCodes(x[i], factors[i], out_.dtype, out_, part_,
                 part_.Pack(first + i));
    }
  }

  // All groups of the row, by as many lanes each as there may be.
  __device__ void WriteGroups() const {
    const int lanes =
        p_.shape.threads < kWarpLanes ? p_.shape.threads : kWarpLanes;
    const int lane = part_.thread() % lanes;
    const int64_t groups = CeilDiv(p_.shape.size, p_.group_size);
    for (int64_t group = part_.thread() / lanes; group < groups;
         group += p_.shape.threads / lanes) {
      const int64_t begin = group * p_.group_size;
      const int64_t size =
          part_.IsRow() ? std::min(p_.group_size, p_.shape.size - begin) : 0;
      uint32_t largest = 0;
      for (int64_t i = lane; i < size; i += lanes) {
        float h = 0;
        const float n = Clip(Normalized(begin + i, h), p_.bound);
        largest = MaxOperation()(largest, MagnitudeBits(n));
      }
      const float scale = ScaleOf(WarpMax(largest, lanes), out_.dtype);
      if (lane == 0 && size > 0) StoreScale(group, scale);
      for (int64_t i = lane; i < size; i += lanes) {
        float h = 0;
        const float n = Clip(Normalized(begin + i, h), p_.bound);
        out_.data[(begin + i) * out_.stride] =
            EncodeF8(out_.dtype, n * (1.0f / scale));
        if (residual_.present()) StoreElement(h, residual_out_, begin + i);
      }
    }
  }

 private:
  // The quant scale of each pack.
  template <int kPacks>
  __device__ void SetFactors(int first, const float (&x)[kPacks][kEight],
                             float (&factors)[kPacks]) const {
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) factors[i] = quant_scale_;
    if (p_.unit != Unit::kLanes) return;
    const int lanes = p_.lanes;
    uint32_t largest[kPacks];
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) largest[i] = LargestBits(x[i]);
    WarpReduce(MaxOperation(), lanes, largest);
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) {
      const float scale = ScaleOf(largest[i], out_.dtype);
      factors[i] = 1.0f / scale;
      const int pack = part_.Pack(first + i);
      const bool is_first = (pack & (lanes - 1)) == 0;
      if (is_first && part_.CountOf(pack) > 0) {
        scales_[(pack >> p_.log2_lanes) * p_.scale_stride] = scale;
      }
    }
  }

  // Element i, and h of it.
  __device__ float Normalized(int64_t i, float& h) const {
    h = LoadElement(hidden_, i);
    if (p_.has_pre_norm) {
      h = RoundTo(hidden_.dtype,
                  h * pre_factor_ * LoadElement(p_.pre_gamma, i));
    }
    if (residual_.present()) {
      h = RoundTo(residual_.dtype, h + LoadElement(residual_, i));
    }
    if (!p_.has_norm) return h;
    return RoundTo(p_.intermediate, h * factor_ * LoadElement(p_.gamma, i));
  }

  __device__ void StoreScale(int64_t group, float scale) const {
    if (scales_ != nullptr) {
      scales_[group * p_.scale_stride] = scale;
      return;
    }
    const uint32_t bits = std::bit_cast<uint32_t>(scale);
    unsigned char* to = out_.data + p_.shape.size * out_.stride;
    TILEWORK_UNROLL
    for (int i = 0; i < 4; ++i) {
      to[i * out_.stride] = static_cast<unsigned char>(bits >> (8 * i));
    }
  }

  const Params& p_;
  const RowLoop& part_;
  RowInMemory hidden_;
  RowInMemory residual_;
  RowInMemory residual_out_;
  RowInMemory out_;
  float* scales_ = nullptr;
  float pre_factor_ = 0;
  float factor_ = 0;
  float quant_scale_ = 0;
};

// The step that a pass reads.
__device__ inline int StepOf(int pass) {
  return pass == kPreNorm ? kLoaded : pass == kNorm ? kSummed : kNormalized;
}

template <int kPacks>
__global__ void __launch_bounds__(kNormThreads, 1)
    RmsNormQuantKernel(const __grid_constant__ Params p) {
  auto& shared = SharedMemory<SharedStorage>();
  BlockReducer reducer(shared.reduce, p.shape.threads);
  for (RowLoop part(p.shape); part.More(); part.Next()) {
    Row row(p, part);
    PrefetchNext<kPacks>(p.hidden, part);
    PrefetchNext<kPacks>(p.residual, part);
    if (p.unit == Unit::kTensor) row.SetGivenScale();
    const bool fits = p.shape.packs == kPacks;
    float x[kPacks][kEight];
    int step = kNothing;
    TILEWORK_NO_UNROLL
    for (int pass = 0; pass < kNumPasses; ++pass) {
      if (!row.Needs(pass)) continue;
      PackSum squares;
      uint32_t largest = 0;
      for (int first = 0; first < p.shape.packs; first += kPacks) {
        const bool is_last = p.unit != Unit::kGroup && (fits || pass == kWrite);
        row.Advance(fits ? step : kNothing, StepOf(pass), first, is_last, x);
        step = StepOf(pass);
        if (pass < kScale) {
          AddSquares(x, squares);
          continue;
        }
        TILEWORK_UNROLL
        for (int i = 0; i < kPacks; ++i) {
          TILEWORK_UNROLL
          for (int j = 0; j < kEight; ++j) x[i][j] = Clip(x[i][j], p.bound);
        }
        if (pass == kScale) {
          TILEWORK_UNROLL
          for (int i = 0; i < kPacks; ++i) {
            largest = MaxOperation()(largest, LargestBits(x[i]));
          }
        } else {
          row.Write(first, x);
        }
      }
      if (pass < kScale) row.SetFactor(pass, reducer.Sum(squares.Total()));
      if (pass == kScale) row.SetScale(reducer.Max(largest));
    }
    if constexpr (kPacks == 1) {
      if (p.unit == Unit::kGroup) row.WriteGroups();
    }
  }
}

Unit UnitOf(const RmsNormQuantArgs& args) {
  if (args.quantization_type == QuantizationType::kStatic) return Unit::kTensor;
  const int64_t group = args.group_size;
  if (group == 0 || group >= args.hidden.dim(-1)) return Unit::kRow;
  const int threads =
      PlanNorm(args.hidden.dim(-1), /*aligned=*/true).threads_per_row;
  const bool is_lanes =
      group % kEight == 0 &&
      std::has_single_bit(static_cast<uint64_t>(group / kEight)) &&
      group / kEight <= std::min(threads, kWarpLanes);
  return is_lanes ? Unit::kLanes : Unit::kGroup;
}

void SetScales(const RmsNormQuantArgs& args, Params& p) {
  p.given_scale = args.input_dequant_scale.present() &&
                          args.quantization_type == QuantizationType::kStatic
                      ? args.input_dequant_scale.data<float>()
                      : nullptr;
  const Tensor& scales = args.dequant_scale;
  p.scales = scales.present() ? scales.data<float>() : nullptr;
  if (!scales.present()) return;
  const int leading = args.hidden.rank() - 1;
  p.scale_offsets = RowOffsets(scales, leading);
  p.scale_stride = scales.rank() > leading ? scales.stride(-1) : 0;
}

absl::Status LaunchRmsNormQuant(const RmsNormQuantArgs& args,
                                DeviceContext& context) {
  if (args.hidden.NumElements() == 0) return absl::OkStatus();
  const int64_t size = args.hidden.dim(-1);
  const int64_t rows = args.hidden.NumElements() / size;
  const bool has_norm = args.norm_type == NormType::kRmsNorm;
  const bool is_row = args.quantization_type == QuantizationType::kRow;
  Params p = {.hidden = InputRowsOf(args.hidden),
              .pre_gamma = VectorOf(args.pre_norm_gamma),
              .gamma = has_norm ? VectorOf(args.ln_w) : RowInMemory(),
              .residual = InputRowsOf(args.residual),
              .residual_out = OutputRowsOf(args.residual_out),
              .out = OutputRowsOf(args.out),
              .group_size = args.group_size,
              .divisor = static_cast<float>(args.hidden_actual.value_or(size)),
              .eps = args.eps,
              .bound = is_row && args.lower_bound > 1e-6f
                           ? args.lower_bound
                           : std::numeric_limits<float>::infinity(),
              .intermediate = args.intermediate_dtype,
              .has_pre_norm = args.pre_norm_gamma.present(),
              .has_norm = has_norm};
  SetScales(args, p);
  p.unit = UnitOf(args);
  if (p.unit == Unit::kLanes) {
    p.lanes = static_cast<int>(args.group_size / kEight);
    p.log2_lanes = std::countr_zero(static_cast<uint32_t>(p.lanes));
  }
  const bool is_aligned = AreAligned(size, {p.hidden, p.residual},
                                     {p.residual_out}, {p.pre_gamma, p.gamma});
  const NormDevicePlan plan =
      PlanNorm(size, is_aligned && p.unit != Unit::kGroup);
  p.shape = NormRowShape(rows, size, plan);
  const auto kernel =
      plan.packs_per_tile == 4 ? RmsNormQuantKernel<4> : RmsNormQuantKernel<1>;
  return Launch(kernel,
                NormLaunchShape("rmsnorm_quant", rows, plan,
                                sizeof(SharedStorage), context),
                context, p);
}

}  // namespace

absl::Status RmsNormQuant(const RmsNormQuantArgs& args,
                          DeviceContext& context) {
  return CallOnDevice(args, context,
                      [&] { return LaunchRmsNormQuant(args, context); });
}

}  // namespace tilework
