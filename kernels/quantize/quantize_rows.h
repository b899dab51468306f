// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_QUANTIZE_QUANTIZE_ROWS_H_
#define TILEWORK_KERNELS_QUANTIZE_QUANTIZE_ROWS_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "hwy/cache_control.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/quantize/fp8_rows.h"
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
        // A smaller one may still be in the last level of cache when it is read
        // again.
        stream_(codes_stride_ == 1 && codes.NumBytes() >= kStreamBytes) {}

  const Fp8RowEncoder& encoder() const { return encoder_; }

  // The largest magnitude in a box; NaN if there is a NaN. Meanwhile the memory
  // brings the first elements of the box after it, and the others during
  // Encode(): so it is always busy.
  float Amax(const Box& box, const Box& next) const {
    // As integers, a NaN is the largest.
    uint32_t largest = 0;
    for (int64_t i = 0; i < box.num_rows; ++i) {
      if (i < next.num_rows) {
        Fetch(next.row + i, next.begin, next.begin + FirstFetched(next));
      }
      largest = std::max(largest, std::bit_cast<uint32_t>(encoder_.Amax(
                                      Element(box.row + i, box.begin),
                                      x_stride_, box.end - box.begin)));
    }
    return std::bit_cast<float>(largest);
  }
  // The same with nothing to fetch.
  float Amax(const Box& box) const { return Amax(box, Box{0, 0, 0, 0}); }

  // Writes cvt(clip(x) * qs), where clip(x) is x if `clip` is kNoClip.
  void Encode(const Box& box, const Box& next, float clip, float qs) const {
    for (int64_t i = 0; i < box.num_rows; ++i) {
      const int64_t row = box.row + i;
      const bool fetch = i < next.num_rows;
      for (int64_t begin = box.begin; begin < box.end; begin += kPiece) {
        const int64_t size = std::min(kPiece, box.end - begin);
        if (fetch) {
          const int64_t first =
              next.begin + FirstFetched(next) + (begin - box.begin);
          Fetch(next.row + i, first, std::min(next.end, first + size));
        }
        encoder_.Encode(Element(row, begin), x_stride_, size, clip, qs,
                        {codes_ + codes_offsets_[row] + begin * codes_stride_,
                         codes_stride_, stream_});
      }
    }
  }
  // The same with nothing to fetch.
  void Encode(const Box& box, float clip, float qs) const {
    Encode(box, Box{0, 0, 0, 0}, clip, qs);
  }

  // Ends a task that encoded.
  void Finish() const {
    if (stream_) Fp8RowEncoder::Flush();
  }

 private:
  static constexpr int64_t kStreamBytes = int64_t{32} << 20;
  // Elements between which something is fetched.
  static constexpr int64_t kPiece = 1024;

  const char* Element(int64_t row, int64_t i) const {
    return x_ + (x_offsets_[row] + i * x_stride_) * element_;
  }
  static int64_t FirstFetched(const Box& box) {
    return (box.end - box.begin) / 4;
  }
  void Fetch(int64_t row, int64_t begin, int64_t end) const {
    constexpr int64_t kLine = 64;
    if (x_stride_ != 1) return;
    const char* last = Element(row, end);
    for (const char* p = Element(row, begin); p < last; p += kLine) {
      hwy::Prefetch(p);
    }
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
