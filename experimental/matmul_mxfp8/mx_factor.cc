// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/matmul_mxfp8/mx_factor.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/random/philox.h"
#include "tilework/common/random/stochastic_round.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework::matmul_mxfp8_internal {
namespace {

// Quantizes elements [k, k + count) of row r.
template <typename T, typename F>
void RoundBlock(const MxFactor& factor, int64_t r, int64_t k, int64_t count,
                BFloat16* to) {
  std::array<float, kMxBlockSize> block;
  const T* from = factor.x.At<T>(r, k);
  for (int64_t i = 0; i < count; ++i) {
    block[static_cast<size_t>(i)] =
        static_cast<float>(from[i * factor.x.stride(1)]);
  }
  const E8M0 scale = MxScale<F>(
      MxAmax({block.data(), static_cast<size_t>(count)}), factor.mode);
  const StochasticWords& words = *factor.stochastic;
  for (int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<uint64_t>(r * words.row_stride +
                                             (k + i) * words.col_stride);
    const float scaled = block[static_cast<size_t>(i)] * MxReciprocal(scale);
    const F code = scale.bits == E8M0::kNaNBits
                       ? F::FromBits(0)
                       : StochasticRound<F>(scaled, words.state.Word(index));
    to[i] = BFloat16(MxDecode(code, scale));
  }
}

template <typename T, typename F>
void RoundRow(const MxFactor& factor, int64_t r, BFloat16* to) {
  const int64_t size = factor.x.dim(1);
  for (int64_t k = 0; k < size; k += kMxBlockSize) {
    RoundBlock<T, F>(factor, r, k, std::min(kMxBlockSize, size - k), to + k);
  }
}

}  // namespace

OperandArgs MxFactor::operand() const {
  if (!IsFloat(x.dtype())) {
    return {.x = x, .x_scheme = QuantScheme::kMx, .x_scale = scales};
  }
  return {
      .x = x,
      .quantize = {.type = ActQuant::kMx, .code = code, .scale_mode = mode}};
}

MxFactor WithoutF4(const MxFactor& factor, ScratchScope& scratch) {
  if (factor.x.dtype() != DType::kF4E2M1) return factor;
  std::array<Float8E4M3, 16> codes;
  for (uint8_t i = 0; i < 16; ++i) {
    codes[i] = Float8E4M3(static_cast<float>(Float4E2M1::FromBits(i)));
  }
  MxFactor result = factor;
  const Tensor to = scratch.AllocateTensor(DType::kF8E4M3, factor.x.shape());
  const int64_t by_k = factor.x.stride(1);
  const int64_t by_row = factor.x.stride(0);
  const auto* pairs = factor.x.data<Float4E2M1Pair>();
  for (int64_t r = 0; r < to.dim(0); ++r) {
    Float8E4M3* row = to.At<Float8E4M3>(r);
    for (int64_t k = 0; k < to.dim(1); ++k) {
      row[k] = codes[GetPacked(pairs, r * by_row + k * by_k).bits];
    }
  }
  result.x = to;
  return result;
}

ConstTensor StochasticValues(const MxFactor& factor, ScratchScope& scratch,
                             HostContext& context) {
  const Tensor to = scratch.AllocateTensor(DType::kBF16, factor.x.shape());
  context.pool().ParallelFor(to.dim(0), [&](int64_t r, int /*thread*/) {
    VisitFloat(factor.x.dtype(), [&](auto type) {
      using T = decltype(type);
      if (factor.code == DType::kF8E4M3) {
        RoundRow<T, Float8E4M3>(factor, r, to.At<BFloat16>(r));
      } else {
        RoundRow<T, Float8E5M2>(factor, r, to.At<BFloat16>(r));
      }
    });
  });
  return to;
}

PhiloxState ReadState(const ConstTensor& words) {
  const auto word = [&](int64_t i) {
    const int64_t at = i * words.stride(-1);
    return static_cast<uint64_t>(
        static_cast<uint32_t>(static_cast<const int32_t*>(words.data())[at]));
  };
  return {.seed = word(0) | word(1) << 32,
          .stream = word(2) | word(3) << 32,
          .offset = word(4) | word(5) << 32};
}

void DeclareCodeType(std::string_view name, const std::optional<DType>& dtype,
                     std::string_view absent, SchemaVisitor& v) {
  static constexpr Enumerator kTypes[] = {
      {static_cast<int64_t>(DType::kF8E4M3), Name(DType::kF8E4M3)},
      {static_cast<int64_t>(DType::kF8E5M2), Name(DType::kF8E5M2)}};
  v.Attribute(name, dtype,
              {.domain = Domain::OneOf(kTypes),
               .absent = absent,
               .help = "what numbers are quantized to"});
}

void DeclareScaleMode(const MxScaleMode& mode, SchemaVisitor& v) {
  static constexpr Enumerator kModes[] = {
      {0, "FLOOR"}, {1, "CEIL"}, {2, "EVEN"}, {3, "RCEIL"}};
  v.Attribute("scale_mode", mode,
              {.domain = Domain::OneOf(kModes),
               .help = "how scales follow from the largest magnitude"});
}

void DeclareState(const ConstTensor& state, bool needed,
                  std::string_view reason, SchemaVisitor& v) {
  v.Input("rng_state", state,
          {.shape = "6 | 1 6",
           .dtypes = kI32Only,
           .presence = RequiredUnless(!needed, reason),
           .help = "seed, stream and offset of the random numbers, two words "
                   "of 32 bits each, the low one first"});
}

}  // namespace tilework::matmul_mxfp8_internal
