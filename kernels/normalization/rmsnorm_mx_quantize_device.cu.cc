// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The floor is that of norm_device.h. A row stays in registers through the norm
// and its codes. An MX block is the packs of four neighbouring lanes: its
// largest magnitude takes two shuffles, and MX needs no reduction of the row
// but that of the norm.

#include <bit>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/device/block.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/fp8.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/row.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/device/warp.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/kernels/normalization/norm_device.h"
#include "tilework/kernels/normalization/norm_device_plan.h"
#include "tilework/kernels/normalization/norm_quantize_device.h"
#include "tilework/kernels/normalization/rmsnorm_mx_quantize.h"

namespace tilework {
namespace {

using rmsnorm_mx_quantize_internal::CodeBytes;
using rmsnorm_mx_quantize_internal::CodeType;

// Neighbouring packs of an MX block.
constexpr int kBlockPacks = kMxBlockSize / kEight;

struct Params {
  RowShape shape;
  HiddenRows hidden;
  RowInMemory gamma;  // may be absent, as may
  OutputRows output;  // this one
  OutputRows codes;   // packed ones with their scales
  OutputRows scales;  // of blocks; may be absent
  RowScalars row_scales;
  const float* given_scale;
  int64_t code_bytes;  // of a row
  float divisor;
  float eps;
  DType intermediate;
  DType code_type;
  QuantizationType type;
  MxScaleMode mode;
  bool is_packed;
};

struct SharedStorage {
  BlockReduceStorage<1> reduce;
};

// Passes over a row.
enum Pass : int { kNorm, kScale, kWrite, kNumPasses };

__device__ inline E8M0 BlockScale(uint32_t largest_bits, DType code_type,
                                  MxScaleMode mode) {
  const float largest = std::bit_cast<float>(largest_bits);
  if (code_type == DType::kF8E4M3) return MxScale<Float8E4M3>(largest, mode);
  if (code_type == DType::kF8E5M2) return MxScale<Float8E5M2>(largest, mode);
  return MxScale<Float4E2M1>(largest, mode);
}

class Row {
 public:
  __device__ Row(const Params& p, const RowLoop& part)
      : p_(p),
        part_(part),
        hidden_(p.hidden, part.index(), 0),
        output_(p.output.Row(part.index(), 0)),
        codes_(p.codes.Row(part.index(), 0)),
        scales_(p.scales.Row(part.index(), 0)) {
    // Two codes of 4 bits a byte, which are adjacent.
    if (codes_.dtype == DType::kF4E2M1) codes_.stride = 1;
    if (!p.is_packed) return;
    scales_ = codes_;
    scales_.data += p.code_bytes * codes_.stride;
  }

  __device__ bool Needs(int pass) const {
    return pass != kScale || p_.type == QuantizationType::kRowMx;
  }

  template <int kPacks>
  __device__ void Load(int first, bool is_last,
                       float (&x)[kPacks][kEight]) const {
    LoadHidden<kAlignedPacks<kPacks>>(hidden_, part_, first, is_last, x);
  }
  template <int kPacks>
  __device__ void Normalize(int first, float (&x)[kPacks][kEight]) const {
    MultiplyBy(factor_, x);
    MultiplyWeight<kAlignedPacks<kPacks>>(p_.gamma, 0, part_, first, x);
    RoundTo(p_.intermediate, x);
  }

  __device__ void SetFactor(float sum) {
    factor_ = ReciprocalDeviation(sum / p_.divisor, p_.eps);
  }
  __device__ void SetScale(uint32_t largest) {
    const float scale = ScaleOf(largest, p_.code_type);
    quant_scale_ = 1.0f / scale;
    if (part_.IsFirstThread()) p_.row_scales.Store(part_.index(), scale);
  }
  __device__ void SetGivenScale() { quant_scale_ = 1.0f / *p_.given_scale; }

  template <int kPacks>
  __device__ void Write(int first, const float (&x)[kPacks][kEight]) const {
    if (output_.present()) {
      StorePacks<kAlignedPacks<kPacks>>(x, output_, part_, first);
    }
    float factors[kPacks];
    uint32_t largest[kPacks];
    if (p_.type == QuantizationType::kMx) {
      TILEWORK_UNROLL
      for (int i = 0; i < kPacks; ++i) largest[i] = LargestBits(x[i]);
      WarpReduce(MaxOperation(), kBlockPacks, largest);
    }
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) {
      factors[i] = quant_scale_;
      // The factor 1.
      E8M0 scale = E8M0::FromBits(127);
      if (p_.type == QuantizationType::kMx) {
        scale = BlockScale(largest[i], p_.code_type, p_.mode);
        factors[i] = MxReciprocal(scale);
      }
      StoreBlockScale(part_.Pack(first + i), scale);
    }
    TILEWORK_UNROLL
    for (int i = 0; i < kPacks; ++i) {
      StorePack(x[i], factors[i], part_.Pack(first + i));
    }
  }

 private:
  // By the first lane of a block.
  __device__ void StoreBlockScale(int pack, E8M0 scale) const {
    if (scales_.data == nullptr || pack % kBlockPacks != 0) return;
    if (!part_.HasPack(pack)) return;
    scales_.data[pack / kBlockPacks * scales_.stride] = scale.bits;
  }

  __device__ void StorePack(const float (&x)[kEight], float factor,
                            int pack) const {
    const bool is_mx = p_.type == QuantizationType::kMx;
    // The codes of a block without a scale are 0, and so they are of 0.
    const bool is_zero = is_mx && factor != factor;
    float scaled[kEight];
    TILEWORK_UNROLL
    for (int j = 0; j < kEight; ++j) {
      scaled[j] = is_zero ? 0.0f : x[j] * factor;
    }
    if (p_.code_type == DType::kF4E2M1) {
      StoreF4(EncodeEightF4(scaled), pack);
      return;
    }
    RawEight<1> raw;
    EncodeF8(p_.code_type, scaled, raw.words);
    StoreEight<1>(raw, codes_.data + pack * (codes_.stride * kEight),
                  codes_.stride, codes_.alignment, part_.CountOf(pack));
  }

  // Elements beyond the row are 0, and so is the rest of its last byte.
  __device__ void StoreF4(uint32_t codes, int pack) const {
    constexpr int kBytes = kEight / 2;
    const int count = part_.CountOf(pack);
    unsigned char* to = codes_.data + pack * (codes_.stride * kBytes);
    if (count == kEight && codes_.alignment >= kBytes) {
      *reinterpret_cast<uint32_t*>(to) = codes;
      return;
    }
    TILEWORK_UNROLL
    for (int i = 0; i < kBytes; ++i) {
      if (2 * i < count) {
        to[i * codes_.stride] = static_cast<unsigned char>(codes >> (8 * i));
      }
    }
  }

  const Params& p_;
  const RowLoop& part_;
  HiddenRow hidden_;
  RowInMemory output_;
  RowInMemory codes_;
  RowInMemory scales_;
  float factor_ = 0;
  float quant_scale_ = 0;
};

template <int kPacks>
__global__ void __launch_bounds__(kNormThreads, 1)
    RmsNormMxQuantizeKernel(const __grid_constant__ Params p) {
  auto& shared = SharedMemory<SharedStorage>();
  BlockReducer reducer(shared.reduce, p.shape.threads);
  for (RowLoop part(p.shape); part.More(); part.Next()) {
    Row row(p, part);
    PrefetchNext<kPacks>(p.hidden.input, part);
    PrefetchNext<kPacks>(p.hidden.residual, part);
    if (p.type == QuantizationType::kStaticMx) row.SetGivenScale();
    const bool fits = p.shape.packs == kPacks;
    bool is_normalized = false;
    float x[kPacks][kEight];
    TILEWORK_NO_UNROLL
    for (int pass = 0; pass < kNumPasses; ++pass) {
      if (!row.Needs(pass)) continue;
      PackSum squares;
      uint32_t largest = 0;
      for (int first = 0; first < p.shape.packs; first += kPacks) {
        if (pass == kNorm || !fits) row.Load(first, fits || pass == kWrite, x);
        if (pass == kNorm) {
          AddSquares(x, squares);
          continue;
        }
        if (!is_normalized || !fits) row.Normalize(first, x);
        is_normalized = true;
        if (pass == kScale) {
          TILEWORK_UNROLL
          for (int i = 0; i < kPacks; ++i) {
            largest = MaxOperation()(largest, LargestBits(x[i]));
          }
        } else {
          row.Write(first, x);
        }
      }
      if (pass == kNorm) row.SetFactor(reducer.Sum(squares.Total()));
      if (pass == kScale) row.SetScale(reducer.Max(largest));
    }
  }
}

absl::Status LaunchRmsNormMxQuantize(const RmsNormMxQuantizeArgs& args,
                                     DeviceContext& context) {
  if (args.input.NumElements() == 0) return absl::OkStatus();
  const int64_t size = args.input.dim(-1);
  const int64_t rows = args.input.NumElements() / size;
  const DType code_type = CodeType(args);
  const int64_t pack_bytes =
      code_type == DType::kF4E2M1 && args.output_quant.dtype() != DType::kF4E2M1
          ? kEight / 2
          : kEight;
  Params p = {
      .hidden = {.input = InputRowsOf(args.input),
                 .residual = InputRowsOf(args.residual),
                 .residual_out = OutputRowsOf(args.output_residual)},
      .gamma = VectorOf(args.gamma),
      .output = OutputRowsOf(args.output),
      .codes = OutputRowsOf(args.output_quant, pack_bytes),
      .scales = OutputRowsOf(args.output_scale),
      .row_scales = RowScalars(args.output_row_dequant_scale),
      .given_scale = args.input_dequant_scale.present()
                         ? args.input_dequant_scale.data<float>()
                         : nullptr,
      .code_bytes = CodeBytes(args),
      .divisor = static_cast<float>(args.hidden_actual.value_or(size)),
      .eps = args.eps,
      .intermediate = args.intermediate_dtype.value_or(args.input.dtype()),
      .code_type = code_type,
      .type = args.quantization_type,
      .mode = args.scale_mode,
      .is_packed = args.packed_output};
  const NormDevicePlan plan =
      PlanNorm(size, AreAligned(size, {p.hidden.input, p.hidden.residual},
                                {p.hidden.residual_out, p.output}, {p.gamma}));
  p.shape = NormRowShape(rows, size, plan);
  const auto kernel = plan.packs_per_tile == 4 ? RmsNormMxQuantizeKernel<4>
                                               : RmsNormMxQuantizeKernel<1>;
  return Launch(kernel,
                NormLaunchShape("rmsnorm_mx_quantize", rows, plan,
                                sizeof(SharedStorage), context),
                context, p);
}

}  // namespace

absl::Status RmsNormMxQuantize(const RmsNormMxQuantizeArgs& args,
                               DeviceContext& context) {
  return CallOnDevice(args, context,
                      [&] { return LaunchRmsNormMxQuantize(args, context); });
}

}  // namespace tilework
