// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/quantize/fp8_rows.h"
#include "tilework/common/quantize/mx_blocks.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/norm_quantize_rows.h"
#include "tilework/kernels/normalization/rmsnorm_mx_quantize.h"
#include "tilework/kernels/normalization/row_ops.h"

namespace tilework {
namespace {

using rmsnorm_mx_quantize_internal::CodeBytes;
using rmsnorm_mx_quantize_internal::CodeType;

// Bytes [begin, begin + size) of rows of bytes with any stride.
void WriteBytes(const uint8_t* from, int64_t size, int64_t begin, uint8_t* to,
                int64_t stride) {
  if (stride == 1) {
    std::memcpy(to + begin, from, static_cast<size_t>(size));
    return;
  }
  for (int64_t i = 0; i < size; ++i) to[(begin + i) * stride] = from[i];
}

class Kernel {
 public:
  Kernel(const RmsNormMxQuantizeArgs& args, ScratchScope& scratch)
      : args_(args),
        size_(args.input.dim(-1)),
        blocks_((size_ + kMxBlockSize - 1) / kMxBlockSize),
        padded_(blocks_ * kMxBlockSize),
        num_rows_(args.input.NumElements() / size_),
        divisor_(args.hidden_actual.value_or(size_)),
        intermediate_(args.intermediate_dtype.value_or(args.input.dtype())),
        input_(args.input),
        residual_(args.residual, args.output_residual),
        weight_(WidenVector(args.gamma, size_, scratch)),
        output_(args.output),
        codes_(static_cast<uint8_t*>(args.output_quant.data())),
        // Packed elements are adjacent, also where there is only one.
        code_stride_(args.output_quant.dtype() == DType::kF4E2M1
                         ? 1
                         : args.output_quant.stride(-1)),
        code_offsets_(args.output_quant, args.output_quant.rank() - 1),
        code_bytes_(CodeBytes(args)),
        is_mx_(args.quantization_type == QuantizationType::kMx),
        stream_(code_stride_ == 1 &&
                args.output_quant.NumBytes() >= kStreamOutputBytes),
        mx_(DType::kF32, CodeType(args), args.scale_mode),
        fp8_(DType::kF32, is_mx_ ? DType::kF8E4M3 : CodeType(args)) {
    if (args.output_scale.present()) {
      scale_offsets_ = RowOffsets(args.output_scale, args.input.rank() - 1);
    }
    if (args.output_row_dequant_scale.present()) {
      row_scale_offsets_ =
          RowOffsets(args.output_row_dequant_scale, args.input.rank() - 1);
    }
  }

  int64_t size() const { return size_; }
  int64_t num_rows() const { return num_rows_; }
  int64_t scratch_floats() const { return 4 * padded_; }
  bool stream() const { return stream_; }

  void Run(int64_t row, float* scratch) const {
    ReadAhead next;
    if (row + 1 < num_rows_) {
      input_.AddTo(next, row + 1);
      residual_.AddTo(next, row + 1);
    }
    float* normalized = scratch;
    float* second = scratch + padded_;
    ContiguousRow h = input_.Contiguous(row, scratch + 2 * padded_);
    if (residual_.present()) h = residual_.Add(h, row, size_, second);
    const float r = RowRmsFactor(h, size_, divisor_, args_.eps, next);
    const float amax =
        NormalizeRow(h, r, weight_, size_, intermediate_, normalized, next);
    if (output_.present()) WriteOutput(row, normalized, second);
    if (is_mx_) {
      EncodeBlocks(row, normalized, scratch + 3 * padded_);
    } else {
      EncodeRow(row, normalized, amax, next);
    }
    next.AdvanceBytes(size_ * 4);
  }

 private:
  void WriteOutput(int64_t row, const float* normalized, float* buffer) const {
    const bool direct = output_.stride() == 1;
    void* to = buffer;
    if (direct) to = const_cast<char*>(output_.Data(row));
    NarrowRow(normalized, size_, output_.dtype(), to);
    if (!direct) output_.Scatter(to, row);
  }

  uint8_t* CodeRowOf(int64_t row) const {
    return codes_ + code_offsets_[row] / PackFactor(args_.output_quant.dtype());
  }
  // Scale bytes of all blocks.
  void WriteScales(int64_t row, const uint8_t* scales) const {
    if (args_.packed_output) {
      WriteBytes(scales, blocks_, code_bytes_, CodeRowOf(row), code_stride_);
    } else if (args_.output_scale.present()) {
      WriteBytes(scales, blocks_, 0,
                 static_cast<uint8_t*>(args_.output_scale.data()) +
                     scale_offsets_[row],
                 args_.output_scale.stride(-1));
    }
  }

  // `buffer` has 4 bytes for each element: codes and scales fit.
  void EncodeBlocks(int64_t row, float* normalized, float* buffer) const {
    // Zeros after a short block change nothing.
    std::fill(normalized + size_, normalized + padded_, 0.0f);
    auto* scales = reinterpret_cast<uint8_t*>(buffer);
    uint8_t* codes = scales + padded_;
    const bool direct = code_stride_ == 1 && size_ == padded_ && !stream_;
    uint8_t* to = CodeRowOf(row);
    mx_.Encode(normalized, blocks_, direct ? to : codes, scales);
    if (stream_) {
      StreamBytes(codes, code_bytes_, to);
    } else if (!direct) {
      WriteBytes(codes, code_bytes_, 0, to, code_stride_);
    }
    WriteScales(row, scales);
  }

  void EncodeRow(int64_t row, const float* normalized, float amax,
                 ReadAhead& next) const {
    constexpr float kLeastScale = 1e-6f;
    float ds = 1;
    if (args_.output_row_dequant_scale.present()) {
      ds = fp8_.Scale(amax, kNoClip, kLeastScale);
      args_.output_row_dequant_scale.data<float>()[row_scale_offsets_[row]] =
          ds;
    } else {
      ds = *args_.input_dequant_scale.data<float>();
    }
    fp8_.Encode(normalized, 1, size_, kNoClip, 1.0f / ds,
                {CodeRowOf(row), code_stride_, stream_}, next);
    if (args_.output_scale.present()) FillScales(row);
  }
  void FillScales(int64_t row) const {
    auto* to =
        static_cast<uint8_t*>(args_.output_scale.data()) + scale_offsets_[row];
    for (int64_t b = 0; b < blocks_; ++b) {
      to[b * args_.output_scale.stride(-1)] = 127;
    }
  }

  const RmsNormMxQuantizeArgs& args_;
  int64_t size_;
  int64_t blocks_;
  int64_t padded_;
  int64_t num_rows_;
  int64_t divisor_;
  DType intermediate_;
  AnyRows input_;
  ResidualRows residual_;
  const float* weight_;
  AnyRows output_;
  uint8_t* codes_;
  int64_t code_stride_;
  RowOffsets code_offsets_;
  int64_t code_bytes_;  // of a row
  bool is_mx_;
  bool stream_;  // past the caches
  MxBlockEncoder mx_;
  Fp8RowEncoder fp8_;
  RowOffsets scale_offsets_;
  RowOffsets row_scale_offsets_;
};

}  // namespace

absl::Status RmsNormMxQuantize(const RmsNormMxQuantizeArgs& args,
                               HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.input.NumElements() == 0) return;
    ScratchScope scratch(context.arena());
    const Kernel kernel(args, scratch);
    ForEachRow(
        kernel.num_rows(), kernel.size(), kernel.scratch_floats(), scratch,
        context, [&](int64_t row, float* rows) { kernel.Run(row, rows); },
        [&] {
          if (kernel.stream()) Fp8RowEncoder::Flush();
        });
  });
}

}  // namespace tilework
