// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Products of bf16 on AMX, the tile unit of x86 processors: rows of the left
// operand times one or two packed panels (pack.h).
//
//   if (UseAmx(HWY_TARGET)) {
//     AmxTiles tiles;  // of this thread and task
//     for (...) tiles.Multiply({.a = ..., .rows = 32, ...});
//   }
//
// The sums of 32 steps of k are added to the result at once; of those, the even
// and the odd ones are summed apart, in ascending order. Rounding is to nearest
// even, subnormal operands and sums are zeros, whatever the thread has set.

#ifndef TILEWORK_COMMON_GEMM_AMX_H_
#define TILEWORK_COMMON_GEMM_AMX_H_

#include <cstdint>

#include "tilework/common/dtype/dtype.h"

namespace tilework {

// Whether this process may use the unit for bf16: the processor has it, and the
// kernel, asked once at the first call, lets it. Never fails.
bool AmxUsable();

// Whether products use it where Highway's target is `simd_target` (HWY_TARGET):
// not if a lesser target was chosen than such processors have, so that a test
// or a measurement of that target is one.
bool UseAmx(int64_t simd_target);

// Rows of k after which the sums are added: blocks of k that are multiples of
// it give the same bits as one block.
inline constexpr int64_t kAmxStep = 32;
// The most rows of a block. Up to half as many take one tile, and then two
// panels at a time are faster than one and one.
inline constexpr int64_t kAmxMostRows = 32;

// values[j][r * stride + c] (+)= sum over i < k of a[r][i] * b[j][i][c]
// for r < rows, c < 32 and one or two panels j. A row has the same bits
// whatever other rows and panels are in the block.
struct AmxBlock {
  // Element (r, i) is a[r * a_stride + i / 32 * a_step + i % 32]: rows of a
  // matrix, or packed by tiles (a_stride = 32, a_step = 32 * rows). The best is
  // what does not put all rows of a tile into one set of the L1 cache. Nothing
  // else is read.
  const BFloat16* a;
  int64_t a_stride;
  int64_t a_step = kAmxStep;
  int64_t rows;  // 1 to kAmxMostRows
  int64_t k;     // any; 0 gives zeros
  // bf16 panels: (k + 1) / 2 pairs of rows are read. The second may be null:
  // the same columns of another matrix, or the next columns of the same.
  const BFloat16* b[2] = {nullptr, nullptr};
  float* values[2] = {nullptr, nullptr};
  int64_t stride;  // of rows of values
  bool first;      // begin at 0, else add to the values
  // What is to be in the L2 cache next, fetched in even portions meanwhile: as
  // many bytes for each panel. Need not be memory that can be read.
  const void* next[2] = {nullptr, nullptr};
  int64_t next_bytes = 0;
};

// Memory of AmxTiles: the last steps of k, filled up with zeros.
struct AmxScratch {
  alignas(64) BFloat16 a[kAmxMostRows * kAmxStep];
  alignas(64) BFloat16 b[2][kAmxStep * 32];
};

// The calling thread's tiles. The destructor gives them back, so that switching
// threads costs nothing more; it must run on the same thread, and no two may
// live on a thread at the same time.
class AmxTiles {
 public:
  AmxTiles() = default;
  ~AmxTiles();
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;

  // Only where UseAmx(). Another number of rows than the last one's costs some
  // tens of cycles. Allocates nothing.
  void Multiply(const AmxBlock& block);

 private:
  int64_t rows_ = 0;  // that the tiles are configured for; 0: not at all
  AmxScratch scratch_;
};

namespace amx_internal {

// What tests put in the unit's place (amx_testing.h).
struct StandIn {
  void (*multiply)(const AmxBlock& block);  // null: there is no AMX
};
// Null: what the machine has. Not while products are computed.
void SetStandIn(const StandIn* stand_in);

}  // namespace amx_internal
}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_AMX_H_
