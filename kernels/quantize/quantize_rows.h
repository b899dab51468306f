// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_QUANTIZE_QUANTIZE_ROWS_H_
#define TILEWORK_KERNELS_QUANTIZE_QUANTIZE_ROWS_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/quantize/fp8_rows.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/simd/stream_bytes.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"

namespace tilework {

// A tensor [..., H] of f32, bf16 or f16 and its 8-bit codes.
class QuantizeRows {
 public:
  QuantizeRows(const ConstTensor& x, const Tensor& codes)
      : encoder_(x.dtype(), codes.dtype()),
        x_(static_cast<const char*>(x.data())),
        codes_(static_cast<uint8_t*>(codes.data())),
        x_offsets_(x, x.rank() - 1),
        codes_offsets_(codes, codes.rank() - 1),
        x_stride_(x.stride(-1)),
        codes_stride_(codes.stride(-1)),
        element_(static_cast<int64_t>(SizeOf(x.dtype()))),
        stream_(codes_stride_ == 1 && codes.NumBytes() >= kStreamBytes) {}

  const Fp8RowEncoder& encoder() const { return encoder_; }

  // The largest magnitude in a box; NaN if there is a NaN. Meanwhile and during
  // Encode() the memory brings `next`.
  float Amax(const Box& box, ReadAhead& next) const {
    // As integers, a NaN is the largest.
    uint32_t largest = 0;
    for (int64_t row = box.row; row < box.row + box.num_rows; ++row) {
      largest = std::max(largest, std::bit_cast<uint32_t>(encoder_.Amax(
                                      Element(row, box.begin), x_stride_,
                                      box.end - box.begin, next)));
    }
    return std::bit_cast<float>(largest);
  }

  // Writes cvt(clip(x) * qs), where clip(x) is x if `clip` is kNoClip.
  void Encode(const Box& box, float clip, float qs, ReadAhead& next) const {
    for (int64_t row = box.row; row < box.row + box.num_rows; ++row) {
      encoder_.Encode(Element(row, box.begin), x_stride_, box.end - box.begin,
                      clip, qs,
                      {codes_ + codes_offsets_[row] + box.begin * codes_stride_,
                       codes_stride_, stream_},
                      next);
    }
  }

  // The same with the scale of a box whose largest magnitude is amax: faster.
  void EncodeScaled(const Box& box, float amax, float clip, float scale,
                    ReadAhead& next) const {
    for (int64_t row = box.row; row < box.row + box.num_rows; ++row) {
      encoder_.EncodeScaled(
          Element(row, box.begin), x_stride_, box.end - box.begin, amax, clip,
          scale,
          {codes_ + codes_offsets_[row] + box.begin * codes_stride_,
           codes_stride_, stream_},
          next);
    }
  }

  // The elements of a box of one row will be read soon.
  void AddTo(ReadAhead& next, const Box& box) const {
    if (x_stride_ != 1 || box.num_rows != 1) return;
    next.AddBytes(Element(box.row, box.begin),
                  (box.end - box.begin) * element_);
  }

  // Ends a task that encoded.
  void Finish() const {
    if (stream_) Fp8RowEncoder::Flush();
  }

 private:
  const char* Element(int64_t row, int64_t i) const {
    return x_ + (x_offsets_[row] + i * x_stride_) * element_;
  }
  Fp8RowEncoder encoder_;
  const char* x_;
  uint8_t* codes_;
  RowOffsets x_offsets_;
  RowOffsets codes_offsets_;
  int64_t x_stride_;
  int64_t codes_stride_;
  int64_t element_;  // bytes
  bool stream_;      // past the caches
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_QUANTIZE_ROWS_H_
