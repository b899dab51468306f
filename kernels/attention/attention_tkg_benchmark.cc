// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// bytes_per_second counts the keys and values that are read. Each step takes
// the cache of another layer; MiB is the size of all. 128 come from memory
// (compare with BM_ReadBandwidth), a few from a cache of the processor.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/parallel/read_bandwidth.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_tkg.h"

namespace tilework {
namespace {

void BM_ReadBandwidth(benchmark::State& state) {
  HostContext context;
  for (auto _ : state) {
    state.counters["bytes_per_second"] = MeasureReadBandwidth(context.pool());
  }
}
BENCHMARK(BM_ReadBandwidth)->Iterations(1);

// bf16, one active token already in a full cache.
void BM_AttentionTkg(benchmark::State& state) {
  const int64_t hq = state.range(0), hkv = state.range(1);
  const int64_t d = state.range(2), length = state.range(3);
  HostContext context;
  context.pool().SetSpinning(true);
  const Dims shape = {1, hkv, length, d};
  const int64_t layer_bytes = 2 * shape.Product() * 2;
  const int64_t layers = (state.range(4) << 20) / layer_bytes + 1;
  std::vector<Buffer> k, v;
  for (int64_t i = 0; i < layers; ++i) {
    for (std::vector<Buffer>* caches : {&k, &v}) {
      Buffer& cache = caches->emplace_back(DType::kBF16, shape);
      if (i == 0) {
        for (int64_t j = 0; j < shape.Product(); ++j) {
          cache.data<BFloat16>()[j] =
              BFloat16(static_cast<float>((j * 37) % 101 - 50) / 50);
        }
      } else {
        std::copy_n(k[0].data<BFloat16>(), shape.Product(),
                    cache.data<BFloat16>());
      }
    }
  }
  Buffer q(DType::kBF16, {1, hq, 1, d});
  for (int64_t i = 0; i < hq * d; ++i) {
    q.data<BFloat16>()[i] = BFloat16(std::sin(static_cast<float>(i)));
  }
  Buffer out(DType::kBF16, {1, hq, 1, d});
  Buffer lengths(DType::kI32, {1});
  lengths.data<int32_t>()[0] = static_cast<int32_t>(length - 1);
  size_t layer = 0;
  for (auto _ : state) {
    const absl::Status status =
        AttentionTkg({.q = q.view(),
                      .k_prior = k[layer].view(),
                      .v_prior = v[layer].view(),
                      .cache_lens = lengths.view(),
                      .out = out.view(),
                      .scale = 1 / std::sqrt(static_cast<float>(d))},
                     context);
    ABSL_CHECK(status.ok()) << status;
    benchmark::ClobberMemory();
    layer = (layer + 1) % k.size();
  }
  state.SetBytesProcessed(state.iterations() * layer_bytes);
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(4 * hq * length * d),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_AttentionTkg)
    ->ArgNames({"Hq", "Hkv", "D", "S", "MiB"})
    ->UseRealTime()
    ->Args({9, 3, 64, 128, 128})  // SmolLM2-135M
    ->Args({9, 3, 64, 512, 128})
    ->Args({9, 3, 64, 2048, 128})
    ->Args({9, 3, 64, 2048, 1})
    ->Args({32, 8, 128, 512, 128})  // Llama-3-8B
    ->Args({32, 8, 128, 512, 1})
    ->Args({32, 8, 128, 8192, 128});

}  // namespace
}  // namespace tilework
