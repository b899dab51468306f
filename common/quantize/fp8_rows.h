// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rows of numbers to 8-bit floating-point codes: what kernels that quantize
// share. Compiled once for all SIMD targets and pairs of types.

#ifndef TILEWORK_COMMON_QUANTIZE_FP8_ROWS_H_
#define TILEWORK_COMMON_QUANTIZE_FP8_ROWS_H_

#include <cstdint>
#include <limits>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/read_ahead.h"

namespace tilework {

// No bound of the magnitudes.
inline constexpr float kNoClip = std::numeric_limits<float>::infinity();

// Where codes go: element i to data + i * stride.
struct CodeRow {
  void* data;
  int64_t stride;
  bool stream;  // past the caches; for stride 1
};

// Copies bytes past the caches. A task that calls it ends with
// Fp8RowEncoder::Flush().
void StreamBytes(const uint8_t* from, int64_t size, uint8_t* to);

// From f32, bf16 or f16 to f8e4m3, f8e4m3_240 or f8e5m2.
class Fp8RowEncoder {
 public:
  Fp8RowEncoder(DType from, DType to);

  // The largest magnitude of x[i * stride], i < size; NaN if there is a NaN.
  // Reads `next` ahead meanwhile.
  float Amax(const void* x, int64_t stride, int64_t size,
             ReadAhead& next) const;

  // Code i = cvt(clip(x[i * stride]) * qs), i < size, each operation rounded to
  // f32; clip(v) has the magnitude of v but at most `clip`, and NaN stays.
  // Reads `next` ahead meanwhile.
  void Encode(const void* x, int64_t stride, int64_t size, float clip, float qs,
              const CodeRow& to, ReadAhead& next) const;

  // The same with the reciprocal of a scale of which amax is the largest
  // magnitude of x and clip(amax) / scale no larger than F's largest number:
  // faster.
  void EncodeScaled(const void* x, int64_t stride, int64_t size, float amax,
                    float clip, float scale, const CodeRow& to,
                    ReadAhead& next) const;

  // Ends a task that streamed.
  static void Flush();

  // The dequantization scale of numbers up to `amax`: max(min(amax, clip) /
  // largest, min_scale), where `largest` is that of the codes. NaN for NaN.
  float Scale(float amax, float clip, float min_scale) const;

 private:
  using AmaxFunction = float(const void* x, int64_t size, ReadAhead& next);
  using EncodeFunction = void(const void* x, int64_t size, float clip, float qs,
                              bool in_range, bool stream, void* codes,
                              ReadAhead& next);

  void EncodeRow(const void* x, int64_t stride, int64_t size, float clip,
                 float qs, bool in_range, const CodeRow& to,
                 ReadAhead& next) const;

  void EncodePiece(const void* x, int64_t stride, int64_t size, float clip,
                   float qs, bool in_range, const CodeRow& to,
                   ReadAhead& next) const;

  DType from_;
  DType to_;
  AmaxFunction* amax_;
  EncodeFunction* encode_;
  EncodeFunction* encode_f32_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_QUANTIZE_FP8_ROWS_H_
