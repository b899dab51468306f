// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/amx_model.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "absl/log/absl_check.h"
#include "tilework/common/gemm/amx.h"
#include "tilework/common/gemm/amx_panel.h"

namespace tilework {
namespace {

constexpr float kLeastNormal = 0x1p-126f;

float Flush(float x) {
  return std::abs(x) < kLeastNormal ? std::copysign(0.0f, x) : x;
}

// bf16 number i of the 32-bit words at `bytes`.
float BF16At(const uint8_t* bytes, int i) {
  uint16_t bits;
  std::memcpy(&bits, bytes + 2 * i, sizeof(bits));
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// Whether a * b + sum, rounded to 24 bits as if exponents had no end, is below
// the least normal number: if it is below the middle between that and the
// number of 24 bits before. (What fma() returns is rounded to fewer bits
// there.)
bool IsTiny(float a, float b, float sum) {
  constexpr double kMiddle = 0x1p-126 - 0x1p-151;
  // Exact: 48 bits at most, and no exponent is out of reach.
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const double addend = sum;
  const double rounded = product + addend;
  // rounded + error is exact.
  const double part = rounded - product;
  const double error = (product - (rounded - part)) + (addend - part);
  if (std::abs(rounded) != kMiddle) return std::abs(rounded) < kMiddle;
  return error * rounded < 0;
}

}  // namespace

float AmxMultiplyAdd(float a, float b, float sum) {
  a = Flush(a);
  b = Flush(b);
  sum = Flush(sum);
  const float result = std::fma(a, b, sum);
  if (std::abs(result) <= kLeastNormal && IsTiny(a, b, sum)) {
    return std::copysign(0.0f, result);
  }
  return result;
}

void AmxModel::Configure(const AmxConfig& config) {
  ABSL_CHECK(config.palette == 1) << int{config.palette};
  ABSL_CHECK(config.start_row == 0) << "interrupted loads are not modelled";
  for (const uint8_t byte : config.reserved) ABSL_CHECK(byte == 0);
  for (int i = 0; i < 16; ++i) {
    const int rows = config.rows[i];
    const int bytes = config.row_bytes[i];
    ABSL_CHECK(i < kTiles || (rows == 0 && bytes == 0)) << "tile " << i;
    ABSL_CHECK(rows <= 16 && bytes <= 64) << rows << " x " << bytes;
    ABSL_CHECK((rows == 0) == (bytes == 0)) << rows << " x " << bytes;
    if (i >= kTiles) continue;
    tiles_[i].rows = rows;
    tiles_[i].row_bytes = bytes;
    std::memset(tiles_[i].bytes, 0, sizeof(tiles_[i].bytes));
  }
}

void AmxModel::Release() {
  for (Tile& tile : tiles_) tile.rows = tile.row_bytes = 0;
}

int AmxModel::Checked(int tile) const {
  ABSL_CHECK(tile >= 0 && tile < kTiles && tiles_[tile].rows != 0)
      << "tile " << tile << " is not configured";
  return tile;
}

void AmxModel::Zero(int tile) {
  Tile& t = tiles_[Checked(tile)];
  std::memset(t.bytes, 0, sizeof(t.bytes));
}

void AmxModel::Load(int tile, const void* from, int64_t stride) {
  Zero(tile);
  Tile& t = tiles_[tile];
  for (int r = 0; r < t.rows; ++r) {
    std::memcpy(t.bytes[r], static_cast<const uint8_t*>(from) + r * stride,
                static_cast<size_t>(t.row_bytes));
  }
}

void AmxModel::Store(int tile, void* to, int64_t stride) const {
  const Tile& t = tiles_[Checked(tile)];
  for (int r = 0; r < t.rows; ++r) {
    std::memcpy(static_cast<uint8_t*>(to) + r * stride, t.bytes[r],
                static_cast<size_t>(t.row_bytes));
  }
}

void AmxModel::MultiplyAdd(int sum, int a, int b) {
  ABSL_CHECK(sum != a && sum != b && a != b) << "three tiles, all different";
  Tile& c = tiles_[Checked(sum)];
  const Tile& left = tiles_[Checked(a)];
  const Tile& right = tiles_[Checked(b)];
  ABSL_CHECK(c.rows == left.rows) << c.rows << " and " << left.rows;
  ABSL_CHECK(c.row_bytes == right.row_bytes && c.row_bytes % 4 == 0)
      << c.row_bytes << " and " << right.row_bytes;
  ABSL_CHECK(left.row_bytes == 4 * right.rows)
      << left.row_bytes << " and " << right.rows;
  for (int m = 0; m < c.rows; ++m) {
    for (int n = 0; n < c.row_bytes / 4; ++n) {
      float sums[2] = {0, 0};
      for (int k = 0; k < right.rows; ++k) {
        for (int i = 0; i < 2; ++i) {
          sums[i] = AmxMultiplyAdd(BF16At(left.bytes[m], 2 * k + i),
                                   BF16At(right.bytes[k], 2 * n + i), sums[i]);
        }
      }
      float total;
      std::memcpy(&total, c.bytes[m] + 4 * n, sizeof(total));
      total = AmxMultiplyAdd(1, AmxMultiplyAdd(1, sums[0], sums[1]), total);
      std::memcpy(c.bytes[m] + 4 * n, &total, sizeof(total));
    }
  }
}

void MultiplyByAmxModel(const AmxBlock& block) {
  AmxModel model;
  AmxScratch scratch;
  model.Configure(amx_internal::kConfigs[static_cast<size_t>(block.rows)]);
  amx_internal::MultiplyBlock(model, block, scratch);
}

WithAmxModel::WithAmxModel() {
  static constexpr amx_internal::StandIn kModel = {MultiplyByAmxModel};
  amx_internal::SetStandIn(&kModel);
}

WithoutAmx::WithoutAmx() {
  static constexpr amx_internal::StandIn kNone = {nullptr};
  amx_internal::SetStandIn(&kNone);
}

}  // namespace tilework
