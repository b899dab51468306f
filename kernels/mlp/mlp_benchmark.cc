// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Norm, SwiGLU and residual. bytes_per_second counts the weights with their
// scales, which decoding streams once. Random data: zeros run faster.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/mlp/mlp.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

// How weights are given.
struct Weights {
  QuantizationType type = QuantizationType::kNone;
  DType dtype = DType::kBF16;
  bool packed = true;
  ActQuant act_quant = ActQuant::kAuto;
};

// One weight and its memory.
class Weight {
 public:
  Weight(const Weights& weights, int64_t k, int64_t n, HostContext& context)
      : memory_(TypicalNumbers(weights.dtype, PackFactor(weights.dtype) == 1
                                                  ? Dims{k, n}
                                                  : Dims{n, k})) {
    const ConstTensor data = PackFactor(weights.dtype) == 1
                                 ? memory_.view()
                                 : memory_.view().Transpose();
    if (weights.type == QuantizationType::kRow) {
      scales_.emplace(DType::kF32, Dims{n});
      for (int64_t i = 0; i < n; ++i) *scales_->view().At<float>(i) = 0.01f;
    } else if (weights.type == QuantizationType::kMx) {
      scales_.emplace(DType::kE8M0,
                      Dims{(k + kMxBlockSize - 1) / kMxBlockSize, n});
      constexpr int kScale = 120;  // 2^-7
      std::memset(scales_->view().data(), kScale,
                  static_cast<size_t>(scales_->view().NumBytes()));
    }
    matrix_ = {data, scales_ ? ConstTensor(scales_->view()) : ConstTensor(),
               SchemeOf(weights.type, /*compact=*/false, /*segments=*/false)};
    if (!weights.packed) return;
    absl::StatusOr<PackedMatrix> packed = PackedMatrix::Pack(matrix_, context);
    ABSL_CHECK(packed.ok()) << packed.status();
    packed_ = *std::move(packed);
  }

  MatrixOperand operand() const {
    return packed_.present() ? MatrixOperand(packed_) : MatrixOperand(matrix_);
  }
  int64_t NumBytes() const {
    if (packed_.present()) return packed_.NumBytes();
    return memory_.view().NumBytes() +
           (scales_ ? scales_->view().NumBytes() : 0);
  }

 private:
  Buffer memory_;
  std::optional<Buffer> scales_;
  QuantizedMatrix matrix_;
  PackedMatrix packed_;
};

void BM_Mlp(benchmark::State& state, const Weights& weights) {
  const int64_t tokens = state.range(0), h = state.range(1);
  const int64_t inner = state.range(2);
  HostContext context;
  context.pool().SetSpinning(true);
  const Buffer hidden = TypicalNumbers(DType::kBF16, {tokens, h});
  const Buffer gamma = TypicalNumbers(DType::kF32, {h});
  const Weight gate(weights, h, inner, context);
  const Weight up(weights, h, inner, context);
  const Weight down(weights, inner, h, context);
  Buffer out(DType::kBF16, {tokens, h});
  for (auto _ : state) {
    const absl::Status status =
        Mlp({.hidden_tensor = hidden.view(),
             .gate_proj_weights_tensor = gate.operand(),
             .up_proj_weights_tensor = up.operand(),
             .down_proj_weights_tensor = down.operand(),
             .normalization_weights_tensor = gamma.view(),
             .residual = hidden.view(),
             .out = out.view(),
             .normalization_type = NormType::kRmsNorm,
             .quantization_type = weights.type,
             .act_quant = weights.act_quant},
            context);
    ABSL_CHECK(status.ok()) << status;
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() *
                          (gate.NumBytes() + up.NumBytes() + down.NumBytes()));
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(6 * tokens * h * inner),
                         benchmark::Counter::kIsIterationInvariantRate);
}

void Llama3(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"T", "H", "I"})->UseRealTime();
  for (const int64_t tokens : {1, 8, 512}) {
    benchmark->Args({tokens, 4096, 14336});
  }
}
void SmolLm2(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({1, 576, 1536})->Args({512, 576, 1536});
}

constexpr Weights kBf16 = {};
constexpr Weights kBf16Plain = {.packed = false};
constexpr Weights kF8Row = {QuantizationType::kRow, DType::kF8E4M3};
constexpr Weights kF8WeightOnly = {QuantizationType::kRow, DType::kF8E4M3, true,
                                   ActQuant::kNone};
constexpr Weights kMxF8 = {QuantizationType::kMx, DType::kF8E4M3};
constexpr Weights kMxF4 = {QuantizationType::kMx, DType::kF4E2M1};

BENCHMARK_CAPTURE(BM_Mlp, bf16, kBf16)->Apply(Llama3)->Apply(SmolLm2);
BENCHMARK_CAPTURE(BM_Mlp, bf16 plain, kBf16Plain)->Apply(Llama3);
BENCHMARK_CAPTURE(BM_Mlp, f8 ROW, kF8Row)->Apply(Llama3);
BENCHMARK_CAPTURE(BM_Mlp, f8 ROW weight only, kF8WeightOnly)->Apply(Llama3);
BENCHMARK_CAPTURE(BM_Mlp, MX f8, kMxF8)->Apply(Llama3);
BENCHMARK_CAPTURE(BM_Mlp, MX f4, kMxF4)->Apply(Llama3);

}  // namespace
}  // namespace tilework
