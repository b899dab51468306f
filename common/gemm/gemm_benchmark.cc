// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Products beside what bounds them: reading the weights from memory for a few
// rows, arithmetic for many. Random data: zeros run faster.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/flop_rate.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/parallel/read_bandwidth.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

constexpr int kThreads = 2;

// Enough copies of the weight that none is in a cache when it is used again.
constexpr int64_t kWorkingSet = int64_t{256} << 20;

// How the weight [K, N] is given.
enum class Form { kPacked, kRowMajor, kColumnMajor };

struct Ceilings {
  double read;  // B/s
  FlopRates flops;
};
const Ceilings& MeasuredCeilings() {
  static const Ceilings ceilings = [] {
    HostContext context(kThreads);
    context.pool().SetSpinning(true);
    return Ceilings{MeasureReadBandwidth(context.pool()),
                    MeasureFlopRates(context.pool())};
  }();
  return ceilings;
}

void RunGemm(benchmark::State& state, const ConstTensor& a,
             const std::vector<MatrixOperand>& weights, int64_t bytes,
             double peak, HostContext& context) {
  const int64_t m = a.dim(0);
  const int64_t n = weights[0].cols();
  Buffer out(DType::kF32, {m, n});
  size_t next = 0;
  for (auto _ : state) {
    Gemm(
        {.a = a, .b = {weights[next++ % weights.size()]}},
        [&](const GemmTile& tile) {
          for (int64_t r = 0; r < tile.rows; ++r) {
            std::copy_n(tile.values[0] + r * tile.stride, tile.cols,
                        out.view().At<float>(tile.row + r, tile.col));
          }
        },
        context);
  }
  const double flops = 2.0 * static_cast<double>(m * n * a.dim(1));
  state.SetBytesProcessed(state.iterations() * bytes);
  const auto rate = [](double amount) {
    return benchmark::Counter(amount,
                              benchmark::Counter::kIsIterationInvariantRate,
                              benchmark::Counter::OneK::kIs1000);
  };
  state.counters["FLOP/s"] = rate(flops);
  state.counters["%read"] =
      rate(100 * static_cast<double>(bytes) / MeasuredCeilings().read);
  state.counters["%peak"] = rate(100 * flops / peak);
}

void BM_Gemm(benchmark::State& state, DType dtype, Form form) {
  const int64_t m = state.range(0);
  const int64_t n = state.range(1);
  const int64_t k = state.range(2);
  HostContext context(kThreads);
  context.pool().SetSpinning(true);
  const FlopRates& flops = MeasuredCeilings().flops;
  const Buffer a = TypicalNumbers(dtype, {m, k});
  const bool by_column = form == Form::kColumnMajor;
  const Buffer b = TypicalNumbers(dtype, by_column ? Dims{n, k} : Dims{k, n});
  const ConstTensor view = by_column ? b.view().Transpose() : b.view();
  const int64_t bytes = b.view().NumBytes();
  const int64_t copies = m > 64 ? 1 : std::max<int64_t>(1, kWorkingSet / bytes);
  std::vector<PackedMatrix> packed;
  std::vector<Buffer> plain;
  for (int64_t i = 0; i < copies; ++i) {
    if (form == Form::kPacked) {
      packed.push_back(*PackedMatrix::Pack(view, context));
    } else {
      plain.push_back(ToContiguous(b.view(), dtype));
    }
  }
  std::vector<MatrixOperand> weights(packed.begin(), packed.end());
  for (const Buffer& buffer : plain) {
    weights.emplace_back(by_column ? buffer.view().Transpose() : buffer.view());
  }
  RunGemm(state, a.view(), weights, bytes,
          dtype == DType::kBF16 ? flops.bf16 : flops.f32, context);
}

// bf16 times a packed weight of codes.
void BM_Quantized(benchmark::State& state, DType dtype, QuantScheme scheme) {
  const int64_t m = state.range(0);
  const int64_t n = state.range(1);
  const int64_t k = state.range(2);
  HostContext context(kThreads);
  context.pool().SetSpinning(true);
  const Buffer a = TypicalNumbers(DType::kBF16, {m, k});
  const Buffer codes = TypicalNumbers(dtype, {n, k});
  const bool is_mx = scheme == QuantScheme::kMx;
  const Buffer scales =
      is_mx ? TypicalNumbers(DType::kE8M0, {(k + 31) / 32, n})
      : scheme == QuantScheme::kBlock128
          ? TypicalNumbers(DType::kF32, {(k + 127) / 128, (n + 127) / 128})
          : TypicalNumbers(DType::kF32, {n});
  std::vector<PackedMatrix> packed;
  do {
    packed.push_back(*PackedMatrix::Pack(
        QuantizedMatrix{codes.view().Transpose(), scales.view(), scheme},
        context));
  } while (m <= 64 && std::ssize(packed) * packed[0].NumBytes() < kWorkingSet);
  RunGemm(state, a.view(),
          std::vector<MatrixOperand>(packed.begin(), packed.end()),
          packed[0].NumBytes(), MeasuredCeilings().flops.bf16, context);
}

void BM_Ceilings(benchmark::State& state) {
  for (auto _ : state) {
    state.counters["read, B/s"] = MeasuredCeilings().read;
    state.counters["bf16, FLOP/s"] = MeasuredCeilings().flops.bf16;
    state.counters["f32, FLOP/s"] = MeasuredCeilings().flops.f32;
  }
}
BENCHMARK(BM_Ceilings)->Iterations(1)->Unit(benchmark::kMillisecond);

void Prefill(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"m", "n", "k"})->UseRealTime();
  for (const int64_t size : {512, 1024, 2048, 4096}) {
    benchmark->Args({size, size, size});
  }
  benchmark->Args({512, 14336, 4096});
  benchmark->Args({16, 4096, 4096})->Args({64, 4096, 4096});
}
void Decode(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"m", "n", "k"})->UseRealTime();
  for (const int64_t m : {1, 4, 16}) benchmark->Args({m, 14336, 4096});
}
void SmallModel(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"m", "n", "k"})->UseRealTime();
  for (const int64_t m : {1, 8, 512}) {
    benchmark->Args({m, 576, 1536})->Args({m, 1536, 576});
    benchmark->Args({m, 49152, 576});
  }
}
void All(benchmark::internal::Benchmark* benchmark) {
  Prefill(benchmark);
  Decode(benchmark);
  SmallModel(benchmark);
}
BENCHMARK_CAPTURE(BM_Gemm, bf16, DType::kBF16, Form::kPacked)->Apply(All);
BENCHMARK_CAPTURE(BM_Gemm, bf16_kn, DType::kBF16, Form::kRowMajor)->Apply(All);
BENCHMARK_CAPTURE(BM_Gemm, bf16_nk, DType::kBF16, Form::kColumnMajor)
    ->Apply(All);
BENCHMARK_CAPTURE(BM_Gemm, f32, DType::kF32, Form::kPacked)->Apply(All);
BENCHMARK_CAPTURE(BM_Gemm, f32_kn, DType::kF32, Form::kRowMajor)->Apply(All);
BENCHMARK_CAPTURE(BM_Gemm, f32_nk, DType::kF32, Form::kColumnMajor)->Apply(All);
BENCHMARK_CAPTURE(BM_Quantized, f8, DType::kF8E4M3, QuantScheme::kPerChannel)
    ->Apply(All);
BENCHMARK_CAPTURE(BM_Quantized, mxfp8, DType::kF8E4M3, QuantScheme::kMx)
    ->Apply(All);
BENCHMARK_CAPTURE(BM_Quantized, mxfp4, DType::kF4E2M1, QuantScheme::kMx)
    ->Apply(All);
BENCHMARK_CAPTURE(BM_Quantized, block128, DType::kF8E4M3,
                  QuantScheme::kBlock128)
    ->Apply(All);

}  // namespace
}  // namespace tilework
