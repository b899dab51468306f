// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rows of numbers to MX blocks: what kernels that quantize share. Compiled once
// for all SIMD targets and pairs of types.

#ifndef TILEWORK_COMMON_QUANTIZE_MX_BLOCKS_H_
#define TILEWORK_COMMON_QUANTIZE_MX_BLOCKS_H_

#include <cstdint>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"

namespace tilework {

// From f32, bf16 or f16 to f8e4m3, f8e5m2 or f4e2m1.
class MxBlockEncoder {
 public:
  MxBlockEncoder(DType from, DType to, MxScaleMode mode);

  // Quantizes `num` whole blocks of kMxBlockSize elements that lie one after
  // another; `scales` gets E8M0 codes. A block that has a NaN or an infinity
  // gets the NaN scale and codes 0.
  void Encode(const void* x, int64_t num, void* codes, uint8_t* scales) const {
    encode_(x, num, mode_, /*stream=*/false, /*read_ahead=*/false, codes,
            scales);
  }
  // The same; most codes go past the caches. Only if CanStream(codes). A task
  // ends with hwy::FlushStream(). `read_ahead`: x is part of a large tensor, of
  // which what follows is fetched.
  void Stream(const void* x, int64_t num, bool read_ahead, void* codes,
              uint8_t* scales) const {
    encode_(x, num, mode_, /*stream=*/true, read_ahead, codes, scales);
  }
  bool CanStream(const void* codes) const {
    return can_stream_ && reinterpret_cast<uintptr_t>(codes) % 64 == 0;
  }

  // What is dispatched to.
  using Function = void(const void* x, int64_t num, MxScaleMode mode,
                        bool stream, bool read_ahead, void* codes,
                        uint8_t* scales);

 private:
  bool can_stream_ = false;
  Function* encode_;
  MxScaleMode mode_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_QUANTIZE_MX_BLOCKS_H_
