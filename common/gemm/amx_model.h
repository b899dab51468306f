// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// AMX's tile unit in software, for machines that have none, and how tests make
// products use it.

#ifndef TILEWORK_COMMON_GEMM_AMX_MODEL_H_
#define TILEWORK_COMMON_GEMM_AMX_MODEL_H_

#include <cstdint>

#include "tilework/common/gemm/amx.h"
#include "tilework/common/gemm/amx_panel.h"

namespace tilework {

// The result of one step of TDPBF16PS: a * b + sum, rounded once to nearest
// even. Subnormal operands are zeros of their sign, and so are results that,
// rounded to 24 bits, are below the least normal number. Which NaN a NaN is
// remains open.
float AmxMultiplyAdd(float a, float b, float sum);

// What the manual says of the instructions, bit for bit. What they would refuse
// (a bad configuration, a tile without one, shapes that do not fit) ends the
// program, and what they leave undefined does not occur.
//
// TDPBF16PS takes pairs of bf16: pair k of row m of a and of column n of b
// (which is pair n of row k of b's tile). From zero, one sum runs over the
// first elements of all pairs, one over the second elements, in ascending
// order, by AmxMultiplyAdd. Both are added, then that to the tile of sums, each
// rounded and flushed alike. MXCSR has no influence and no flag is set.
class AmxModel {
 public:
  void Configure(const AmxConfig& config);
  void Release();

  template <int kTile>
  void Zero() {
    Zero(kTile);
  }
  template <int kTile>
  void Load(const void* from, int64_t stride) {
    Load(kTile, from, stride);
  }
  template <int kTile>
  void Store(void* to, int64_t stride) {
    Store(kTile, to, stride);
  }
  template <int kSum, int kA, int kB>
  void MultiplyAdd() {
    MultiplyAdd(kSum, kA, kB);
  }

  void Zero(int tile);
  void Load(int tile, const void* from, int64_t stride);
  void Store(int tile, void* to, int64_t stride) const;
  void MultiplyAdd(int sum, int a, int b);

 private:
  static constexpr int kTiles = 8;
  struct Tile {
    int rows = 0;
    int row_bytes = 0;
    alignas(64) uint8_t bytes[16][64];
  };

  // The tile, which must be configured.
  int Checked(int tile) const;

  Tile tiles_[kTiles];
};

// AmxTiles::Multiply() by the model.
void MultiplyByAmxModel(const AmxBlock& block);

// While one of these lives, all products use the model of AMX, or no AMX, where
// they otherwise choose.
class WithAmxModel {
 public:
  WithAmxModel();
  ~WithAmxModel() { amx_internal::SetStandIn(nullptr); }
  WithAmxModel(const WithAmxModel&) = delete;
  WithAmxModel& operator=(const WithAmxModel&) = delete;
};
class WithoutAmx {
 public:
  WithoutAmx();
  ~WithoutAmx() { amx_internal::SetStandIn(nullptr); }
  WithoutAmx(const WithoutAmx&) = delete;
  WithoutAmx& operator=(const WithoutAmx&) = delete;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_AMX_MODEL_H_
