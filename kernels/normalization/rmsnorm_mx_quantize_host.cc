// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

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
#include "tilework/common/simd/stream_bytes.h"
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
        weight_(WeightRow(args.gamma,
                          args.residual.present() ? args.residual.dtype()
                                                  : args.input.dtype(),
                          size_, scratch)),
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
                args.output_quant.NumBytes() >= kStreamBytes),
        mx_(intermediate_, CodeType(args), args.scale_mode),
        fp8_(intermediate_, is_mx_ ? DType::kF8E4M3 : CodeType(args)) {
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
    float* second = scratch + padded_;
    ContiguousRow h = input_.Contiguous(row, scratch + 2 * padded_);
    if (residual_.present()) h = residual_.Add(h, row, size_, second);
    // The row of `output` itself if it may hold n.
    const bool direct = output_.present() && output_.stride() == 1 &&
                        output_.dtype() == intermediate_;
    void* normalized = direct ? const_cast<char*>(output_.Data(row))
                              : static_cast<void*>(scratch);
    const float r = RowRmsFactor(h, size_, divisor_, args_.eps, next);
    const float amax =
        NormalizeRow(h, r, weight_, size_, intermediate_, normalized, next);
    if (output_.present() && !direct) WriteOutput(row, normalized, second);
    if (is_mx_) {
      EncodeBlocks(row, normalized, scratch + 3 * padded_);
    } else {
      EncodeRow(row, normalized, amax, next);
    }
    next.AdvanceBytes(size_ * 4);
  }

 private:
  void WriteOutput(int64_t row, const void* normalized, float* buffer) const {
    const bool direct = output_.stride() == 1;
    void* to = buffer;
    if (direct) to = const_cast<char*>(output_.Data(row));
    ConvertRow({normalized, intermediate_}, size_, output_.dtype(), to);
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
  void EncodeBlocks(int64_t row, const void* normalized, float* buffer) const {
    auto* scales = reinterpret_cast<uint8_t*>(buffer);
    uint8_t* codes = scales + padded_;
    uint8_t* to = CodeRowOf(row);
    const int64_t whole = size_ / kMxBlockSize;
    const int64_t bytes = whole * BlockBytes();
    if (stream_ && mx_.CanStream(to)) {
      mx_.Stream(normalized, whole, /*read_ahead=*/false, to, scales);
    } else if (code_stride_ == 1 && !stream_) {
      mx_.Encode(normalized, whole, to, scales);
    } else {
      mx_.Encode(normalized, whole, codes, scales);
      if (stream_) {
        StreamBytes(codes, bytes, to);
      } else {
        WriteBytes(codes, bytes, 0, to, code_stride_);
      }
    }
    if (whole < blocks_) {
      EncodeShortBlock(normalized, codes, scales + whole);
      WriteBytes(codes, code_bytes_ - bytes, bytes, to, code_stride_);
    }
    WriteScales(row, scales);
  }
  int64_t BlockBytes() const {
    return CodeType(args_) == DType::kF4E2M1 ? kMxBlockSize / 2 : kMxBlockSize;
  }
  // The last block: zeros after it change nothing.
  void EncodeShortBlock(const void* normalized, uint8_t* codes,
                        uint8_t* scale) const {
    const size_t element = SizeOf(intermediate_);
    const size_t begin =
        static_cast<size_t>(size_ / kMxBlockSize * kMxBlockSize);
    alignas(64) char block[kMxBlockSize * sizeof(float)] = {};
    std::memcpy(block, static_cast<const char*>(normalized) + begin * element,
                (static_cast<size_t>(size_) - begin) * element);
    mx_.Encode(block, 1, codes, scale);
  }

  void EncodeRow(int64_t row, const void* normalized, float amax,
                 ReadAhead& next) const {
    const CodeRow to = {CodeRowOf(row), code_stride_, stream_};
    if (args_.output_row_dequant_scale.present()) {
      const float ds = fp8_.Scale(amax, kNoClip, kLeastScale);
      args_.output_row_dequant_scale.data<float>()[row_scale_offsets_[row]] =
          ds;
      fp8_.EncodeScaled(normalized, 1, size_, amax, kNoClip, ds, to, next);
    } else {
      const float ds = *args_.input_dequant_scale.data<float>();
      fp8_.Encode(normalized, 1, size_, kNoClip, 1.0f / ds, to, next);
    }
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
  ContiguousRow weight_;
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
    RunRows(kernel, scratch, context);
  });
}

}  // namespace tilework
