// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <bit>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/quantize/fp8_rows.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/simd/stream_bytes.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/norm_quantize_rows.h"
#include "tilework/kernels/normalization/rmsnorm_quant.h"
#include "tilework/kernels/normalization/row_ops.h"
#include "tilework/kernels/normalization/row_tasks.h"

namespace tilework {
namespace {

class Kernel {
 public:
  Kernel(const RmsNormQuantArgs& args, ScratchScope& scratch)
      : args_(args),
        size_(args.hidden.dim(-1)),
        padded_(PaddedSize(size_)),
        num_rows_(args.hidden.NumElements() / size_),
        divisor_(args.hidden_actual.value_or(size_)),
        hidden_(args.hidden),
        residual_(args.residual, args.residual_out),
        pre_weight_(WeightRow(args.pre_norm_gamma, args.hidden.dtype(), size_,
                              scratch)),
        weight_(WeightRow(args.ln_w, SumType(args), size_, scratch)),
        out_(args.out),
        stream_(out_.stride() == 1 && args.out.NumBytes() >= kStreamBytes),
        encoder_(NormalizedType(args), args.out.dtype()) {
    if (args.dequant_scale.present()) {
      const int leading = args.hidden.rank() - 1;
      scale_offsets_ = RowOffsets(args.dequant_scale, leading);
      scale_stride_ = args.dequant_scale.rank() > leading
                          ? args.dequant_scale.stride(-1)
                          : 0;
    }
  }

  int64_t size() const { return size_; }
  int64_t num_rows() const { return num_rows_; }
  int64_t scratch_floats() const { return 4 * padded_; }
  bool stream() const { return stream_; }

  void Run(int64_t row, float* scratch) const {
    ReadAhead next;
    if (row + 1 < num_rows_) {
      hidden_.AddTo(next, row + 1);
      residual_.AddTo(next, row + 1);
    }
    void* normalized = scratch;
    ContiguousRow h = hidden_.Contiguous(row, scratch + 2 * padded_);
    if (args_.pre_norm_gamma.present()) {
      float* first = scratch + 3 * padded_;
      Normalize(h, pre_weight_, args_.hidden.dtype(), first, next);
      h = {first, args_.hidden.dtype()};
    }
    if (residual_.present()) {
      h = residual_.Add(h, row, size_, scratch + padded_);
    }
    if (args_.norm_type == NormType::kRmsNorm) {
      const float amax =
          Normalize(h, weight_, args_.intermediate_dtype, normalized, next);
      Quantize(row, normalized, amax, next);
    } else {
      const float amax = IsOneRow() ? Amax(h.data, 0, size_, next) : 0;
      Quantize(row, h.data, amax, next);
    }
  }

 private:
  // Of the rows that are quantized.
  static DType NormalizedType(const RmsNormQuantArgs& args) {
    if (args.norm_type == NormType::kRmsNorm) return args.intermediate_dtype;
    return SumType(args);
  }
  // Of the rows h.
  static DType SumType(const RmsNormQuantArgs& args) {
    return args.residual.present() ? args.residual.dtype()
                                   : args.hidden.dtype();
  }

  float Normalize(const ContiguousRow& h, const ContiguousRow& weight,
                  DType dtype, void* out, ReadAhead& next) const {
    const float r = RowRmsFactor(h, size_, divisor_, args_.eps, next);
    return NormalizeRow(h, r, weight, size_, dtype, out, next);
  }

  // A scale for the whole row, from it.
  bool IsOneRow() const {
    return args_.quantization_type == QuantizationType::kRow &&
           args_.group_size == 0;
  }
  const void* Element(const void* n, int64_t i) const {
    return static_cast<const char*>(n) +
           i * static_cast<int64_t>(SizeOf(NormalizedType(args_)));
  }
  float Amax(const void* n, int64_t begin, int64_t end, ReadAhead& next) const {
    return encoder_.Amax(Element(n, begin), 1, end - begin, next);
  }
  CodeRow Codes(int64_t row, int64_t begin) const {
    auto* data = reinterpret_cast<uint8_t*>(const_cast<char*>(out_.Data(row)));
    return {data + begin * out_.stride(), out_.stride(), stream_};
  }
  float Clip() const {
    return args_.lower_bound > 1e-6f ? args_.lower_bound : kNoClip;
  }

  void Quantize(int64_t row, const void* n, float amax, ReadAhead& next) const {
    if (args_.quantization_type == QuantizationType::kStatic) {
      const float qs = 1.0f / *args_.input_dequant_scale.data<float>();
      encoder_.Encode(n, 1, size_, kNoClip, qs, Codes(row, 0), next);
      return;
    }
    if (args_.group_size == 0) {
      StoreScale(row, 0, Encode(row, n, 0, size_, amax, next));
      return;
    }
    const int64_t group = std::min(args_.group_size, size_);
    for (int64_t begin = 0; begin < size_; begin += group) {
      const int64_t end = std::min(size_, begin + group);
      StoreScale(row, begin / group,
                 Encode(row, n, begin, end, Amax(n, begin, end, next), next));
    }
  }

  // Elements [begin, end) of a row; returns their ds.
  float Encode(int64_t row, const void* n, int64_t begin, int64_t end,
               float amax, ReadAhead& next) const {
    const float ds = encoder_.Scale(amax, Clip(), kLeastScale);
    encoder_.EncodeScaled(Element(n, begin), 1, end - begin, amax, Clip(), ds,
                          Codes(row, begin), next);
    return ds;
  }

  void StoreScale(int64_t row, int64_t group, float ds) const {
    if (!args_.packed_output) {
      args_.dequant_scale
          .data<float>()[scale_offsets_[row] + group * scale_stride_] = ds;
      return;
    }
    const CodeRow to = Codes(row, size_);
    const uint32_t bits = std::bit_cast<uint32_t>(ds);
    for (int64_t i = 0; i < 4; ++i) {
      static_cast<uint8_t*>(to.data)[i * to.stride] =
          static_cast<uint8_t>(bits >> (8 * i));
    }
  }

  const RmsNormQuantArgs& args_;
  int64_t size_;
  int64_t padded_;
  int64_t num_rows_;
  int64_t divisor_;
  AnyRows hidden_;
  ResidualRows residual_;
  ContiguousRow pre_weight_;
  ContiguousRow weight_;
  AnyRows out_;
  bool stream_;  // past the caches
  Fp8RowEncoder encoder_;
  RowOffsets scale_offsets_;
  int64_t scale_stride_ = 0;
};

}  // namespace

absl::Status RmsNormQuant(const RmsNormQuantArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.hidden.NumElements() == 0) return;
    ScratchScope scratch(context.arena());
    const Kernel kernel(args, scratch);
    RunRows(kernel, scratch, context);
  });
}

}  // namespace tilework
