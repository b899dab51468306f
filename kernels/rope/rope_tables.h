// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The tables of cosines and sines for rotary position embedding, from a model's
// parameters. The one place where the schemes for long contexts live.
//
// R = rotary_dim, h = R / 2, F = factor, M = max_position, M0 =
// original_max_position; f_i(b) = b^(-2i/R) for pair i, f_i = f_i(base). Each
// rope_type gives a frequency to each pair, and a factor A to all values:
//
//   kDefault     inv_freq_i = f_i
//   kLinear      f_i / F
//   kNtk         f_i(base * F^(R / (R - 2)))
//   kDynamicNtk  f_i(base * (F * max(seq_len, M) / M - (F - 1))^(R / (R - 2)))
//   kLlama3      with the wavelength w_i = 2 pi / f_i, l, u = low_freq_factor,
//                high_freq_factor:
//                w_i < M0 / u:  f_i
//                w_i > M0 / l:  f_i / F
//                else           (1 - g) * f_i / F + g * f_i,
//                               g = (M0 / w_i - l) / (u - l)
//   kYarn        f_i / F * ramp + f_i * (1 - ramp), where ramp goes from 0 to 1
//                between the pairs that turn beta_fast and beta_slow times in
//                M0 positions:
//                d(n) = R * ln(M0 / (2 pi n)) / (2 ln base)
//                lo = d(beta_fast), hi = d(beta_slow); with `truncate` floor
//                and ceiling of them; then lo = max(lo, 0), hi = min(hi, R -
//                1), hi += 0.001 if they are equal ramp = (i - lo) / (hi - lo),
//                but 0..1
//   kLongrope    f_i / long_factor[i] if seq_len > M0, else
//                f_i / short_factor[i]
//
// A is `attention_factor` where it is given (kYarn and kLongrope only), else
//
//   kYarn      with m(a) = 0.1 * a * ln F + 1 (1 if F <= 1):
//              m(mscale) / m(mscale_all_dim) if neither is 0, else m(1)
//   kLongrope  sqrt(1 + ln F / ln M0) (1 if F <= 1), F = M / M0 by default
//   others     1
//
// With freq_factors each frequency is then divided by freq_factors[i].
//
// Row r of a table belongs to position p = position_start + r, or positions[r].
// With mrope_section = (t, h, w), counts of pairs, there are three positions,
// positions[0..2][r], and each pair has the one of its axis: the first t pairs
// axis 0, the next h axis 1, the last w axis 2; with mrope_interleaved pair i
// has axis i mod 3 while i < 3 * mrope_section[i mod 3], else axis 0. A row
// holds A * cos and A * sin of
//
//   precision kF32:  p * inv_freq_i in f32, both factors rounded to f32 (what
//                    models are trained with); the products with A in f32 too
//   precision kF64:  p * inv_freq_i in f64; the products with A in f64 too
//
//   tensor                     shape         types
//   positions                  [P] | [3, P]  i32, i64, f32     optional
//   freq_factors               [h]           f32               optional, > 0
//   short_factor, long_factor  [h]           f32               kLongrope, > 0
//   cos, sin                   [P, W]        f32, bf16, f16    outputs,
//   optional rope_cache                 [P, 2W]       f32, bf16, f16    output,
//   optional inv_freq                   [h]           f32               output,
//   optional attention_factor           [1]           f32               output,
//   optional
//
// W = h; with `duplicate` W = R and each value stands twice: at i and h + i in
// contiguous layout, at 2i and 2i + 1 otherwise. rope_cache has the columns of
// cos and then those of sin. Any strides; an output may not overlap another
// tensor. P = 0: no rows.
//
// Numerics: inv_freq and A are evaluated in f64 and rounded once. Table values
// are within 1 ulp of their type of the exact A * cos and A * sin of the angle;
// f32 ones of kF32 within 1.5 ulp where A, rounded to f32, is not 1. (kF32
// rounds each step to f32 and then to the type, kF64 once to the type.) A
// position that is not finite gives NaN, on a device also an angle of 2^256 or
// more. The same bits for any number of threads and rows.
//
// Cost: about 50 ns for each pair and row. Scratch: 12 h bytes, and 16 h bytes
// a thread. On a device about 100 operations of f64 for each pair and row, and
// 8 h bytes of scratch.

#ifndef TILEWORK_KERNELS_ROPE_ROPE_TABLES_H_
#define TILEWORK_KERNELS_ROPE_ROPE_TABLES_H_

#include <array>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

enum class RopeType : uint8_t {
  kDefault,
  kLinear,
  kNtk,
  kDynamicNtk,
  kLlama3,
  kYarn,
  kLongrope,
};
enum class RopePrecision : uint8_t { kF32, kF64 };

struct RopeTablesArgs {
  Tensor cos, sin;
  Tensor rope_cache;
  Tensor inv_freq;
  // The output `attention_factor`.
  Tensor attention_factor_out;
  ConstTensor positions;
  ConstTensor freq_factors;
  ConstTensor short_factor, long_factor;
  RopeType rope_type = RopeType::kDefault;
  // > 1.
  double base = 10000;
  // Even, 2..2^30; kNtk and kDynamicNtk: > 2.
  int64_t rotary_dim = 0;
  // P; default as in the tensors.
  std::optional<int64_t> rows;
  // 0..2^52; 0 if `positions` is given.
  int64_t position_start = 0;
  bool duplicate = false;
  // Matters with `duplicate` only.
  bool contiguous_layout = true;
  RopePrecision precision = RopePrecision::kF32;
  // >= 1. All but kDefault; kLongrope needs it, or max_position, unless
  // attention_factor is given.
  std::optional<double> factor;
  // >= 1. kDynamicNtk; kLongrope without factor.
  std::optional<int64_t> max_position;
  // >= 1. kLlama3, kYarn, kLongrope.
  std::optional<int64_t> original_max_position;
  // >= 0. kDynamicNtk, kLongrope.
  int64_t seq_len = 0;
  // kLlama3: low_freq_factor < high_freq_factor.
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  // kYarn: beta_fast > beta_slow > 0.
  double beta_fast = 32;
  double beta_slow = 1;
  bool truncate = true;
  // kYarn: >= 0.
  double mscale = 0;
  double mscale_all_dim = 0;
  // kYarn, kLongrope: > 0.
  std::optional<double> attention_factor;
  // Each >= 0, their sum h.
  std::optional<std::array<int64_t, 3>> mrope_section;
  bool mrope_interleaved = false;
};

// The schema: shows the arguments to `visitor`.
void Declare(const RopeTablesArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const RopeTablesArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status RopeTables(const RopeTablesArgs& args, HostContext& context);
absl::Status RopeTables(const RopeTablesArgs& args, DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_TABLES_H_
