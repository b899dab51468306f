// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Runs of the conformance matmul, and what it should compute.

#ifndef TILEWORK_TESTING_EMULATOR_CONFORMANCE_MATMUL_CASE_H_
#define TILEWORK_TESTING_EMULATOR_CONFORMANCE_MATMUL_CASE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/tensor_map.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/swizzle.h"
#include "tilework/common/tiling/tile_range.h"
#include "tilework/testing/emulator/conformance/device_case.h"
#include "tilework/testing/emulator/conformance/tma_wgmma_matmul.h"

namespace tilework {

class MatmulCase : public DeviceCase {
 protected:
  // d = a b^T of small integers, so that every order of additions gives the
  // same.
  void Make(int64_t m, int64_t n, int64_t k) {
    m_ = m;
    n_ = n;
    k_ = k;
    const std::vector<float> a = Integers(m * k, 7);
    const std::vector<float> b = Integers(n * k, 11);
    expected_.assign(static_cast<size_t>(m * n), 0.0f);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        float sum = 0;
        for (int64_t l = 0; l < k; ++l) {
          sum += a[static_cast<size_t>(i * k + l)] *
                 b[static_cast<size_t>(j * k + l)];
        }
        expected_[static_cast<size_t>(i * n + j)] = sum;
      }
    }
    a_ = Upload(Dims{m, k}, Rounded(a));
    b_ = Upload(Dims{n, k}, Rounded(b));
    d_ = Upload(Dims{m, n}, expected_);
  }

  void ClearResult() {
    EXPECT_TRUE(FillOnDevice(d_.data(), 0xFF, d_.NumBytes(), context()).ok());
  }

  template <PlantedFault kFault>
  absl::Status Run() {
    const Dims tile = {kMatmulTile, kMatmulTile};
    absl::StatusOr<TensorMap> a =
        MakeTensorMap(a_, {.box = tile, .swizzle = Swizzle::k128B});
    if (!a.ok()) return a.status();
    absl::StatusOr<TensorMap> b =
        MakeTensorMap(b_, {.box = tile, .swizzle = Swizzle::k128B});
    if (!b.ok()) return b.status();
    absl::StatusOr<TensorMap> d = MakeTensorMap(d_, {.box = tile});
    if (!d.ok()) return d.status();
    const auto tiles = [](int64_t extent) {
      return static_cast<uint32_t>(CeilDiv(extent, kMatmulTile));
    };
    absl::Status status = Launch(MatmulKernel<kFault>,
                                 {.kernel = "conformance matmul",
                                  .grid = {tiles(n_), tiles(m_)},
                                  .block = {kMatmulThreads},
                                  .shared_bytes = sizeof(MatmulStorage)},
                                 context(), *a, *b, *d, tiles(k_));
    return status.ok() ? context().Synchronize() : status;
  }

  bool ResultIsRight() { return Download<float>(d_) == expected_; }

 private:
  static std::vector<float> Integers(int64_t count, int64_t modulus) {
    std::vector<float> values(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      values[static_cast<size_t>(i)] =
          static_cast<float>((i * i + i / 3) % modulus - modulus / 2);
    }
    return values;
  }
  static std::vector<BFloat16> Rounded(const std::vector<float>& values) {
    std::vector<BFloat16> rounded(values.size());
    std::transform(values.begin(), values.end(), rounded.begin(),
                   [](float value) { return BFloat16(value); });
    return rounded;
  }

  int64_t m_ = 0;
  int64_t n_ = 0;
  int64_t k_ = 0;
  std::vector<float> expected_;
  Tensor a_;
  Tensor b_;
  Tensor d_;
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_EMULATOR_CONFORMANCE_MATMUL_CASE_H_
