// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What random arguments do not reach, or not often, on the device: positions
// that are out of range, layouts that change in place, large angles, and sizes
// at which the work is cut otherwise.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_hf.h"
#include "tilework/kernels/rope/rope_hf_oracle.h"
#include "tilework/kernels/rope/rope_oracle.h"
#include "tilework/kernels/rope/rope_problem.h"
#include "tilework/kernels/rope/rope_tables.h"
#include "tilework/kernels/rope/rope_tables_oracle.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_tensor.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;

// A problem's tensors on the device.
class OnDevice {
 public:
  OnDevice(RopeProblem& problem, DeviceContext& context) {
    for (GuardedTensor* tensor : problem.tensors()) {
      hosts_.push_back(tensor);
      copies_.push_back(std::make_unique<DeviceTensor>(*tensor, context));
    }
  }

  RopeArgs Moved(RopeArgs args) const {
    Move(args.x_in);
    Move(args.x_out);
    for (ConstTensor* tensor :
         {&args.cos, &args.sin, &args.positions, &args.inv_freq}) {
      Move(*tensor);
    }
    return args;
  }
  void Download() {
    for (const auto& copy : copies_) copy->Download();
  }

 private:
  template <class View>
  void Move(View& view) const {
    for (size_t i = 0; i < hosts_.size(); ++i) {
      if (view.data() == hosts_[i]->view().data()) view = copies_[i]->view();
    }
  }

  std::vector<GuardedTensor*> hosts_;
  std::vector<std::unique_ptr<DeviceTensor>> copies_;
};

class RopeSpecialDeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<DeviceContext>> context =
        DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
  }

  void ExpectMatches(RopeProblem& problem, const RopeArgs& args) {
    SCOPED_TRACE(ToString(args.x_in) + " to " + ToString(args.x_out));
    const std::vector<ExpectedTensor> expected = RopeExpected(args);
    OnDevice device(problem, *context_);
    ASSERT_EQ(Rope(device.Moved(args), *context_), absl::OkStatus());
    device.Download();
    EXPECT_TRUE(Agrees(expected));
    EXPECT_TRUE(problem.Intact());
  }
  void ExpectMatches(const RopeConfig& config) {
    RopeProblem problem(config);
    ExpectMatches(problem, problem.args());
  }
  void ExpectMatchesInPlace(const RopeConfig& config) {
    RopeProblem problem(config);
    RopeArgs args = problem.args();
    args.x_out = problem.x_in();
    ExpectMatches(problem, args);
  }

  std::unique_ptr<DeviceContext> context_;
};

TEST_F(RopeSpecialDeviceTest, HeadsOfAllSizes) {
  for (const int64_t d : {2, 6, 10, 16, 34, 80, 128, 300}) {
    for (const bool contiguous : {true, false}) {
      for (const bool per_member : {true, false}) {
        ExpectMatches({.shape = {2, 3, 5, d},
                       .dtype = kBF16,
                       .table_dtype = kBF16,
                       .per_member = per_member,
                       .contiguous = contiguous});
      }
    }
  }
}

TEST_F(RopeSpecialDeviceTest, PartsOfHeads) {
  for (const int64_t offset : {0, 1, 8, 30}) {
    for (const DType out : {kF32, kBF16}) {
      for (const Layout layout : kAllLayouts) {
        ExpectMatches({.shape = {2, 3, 5, 64},
                       .dtype = kBF16,
                       .out_dtype = out,
                       .inverse = true,
                       .rotary_dim = 34,
                       .rotary_offset = offset,
                       .layout = layout});
      }
    }
  }
}

// More heads than a block has at a time, and more vectors.
TEST_F(RopeSpecialDeviceTest, ManyHeadsAndLongOnes) {
  ExpectMatches({.shape = {1, 2, 300, 16}});
  ExpectMatches({.shape = {1, 3, 1, 5000}});
  ExpectMatches({.shape = {1, 700, 1, 8}, .table_dtype = kBF16});
}

TEST_F(RopeSpecialDeviceTest, LayoutsThatChangeInPlace) {
  for (const bool contiguous : {true, false}) {
    const RopeOutLayout other =
        contiguous ? RopeOutLayout::kInterleaved : RopeOutLayout::kContiguous;
    // Within a warp, within a block, and by way of a copy.
    for (const int64_t d : {16, 1200, 4200}) {
      ExpectMatchesInPlace({.shape = {1, 2, 3, d},
                            .contiguous = contiguous,
                            .rotary_dim = d - 6,
                            .rotary_offset = 4,
                            .out_layout = other});
    }
    ExpectMatchesInPlace({.shape = {2, 3, 4, 32},
                          .dtype = kBF16,
                          .contiguous = contiguous,
                          .layout = Layout::kReversed,
                          .out_layout = other});
  }
}

TEST_F(RopeSpecialDeviceTest, LayoutsThatChangeInPlaceInAnyOrderOfThreads) {
  ForEachSchedule([&] {
    ExpectMatchesInPlace({.shape = {1, 2, 3, 600},
                          .contiguous = false,
                          .out_layout = RopeOutLayout::kContiguous});
    ExpectMatches({.shape = {2, 9, 3, 48}, .mode = RopeMode::kComputed});
  });
}

TEST_F(RopeSpecialDeviceTest, PositionsOutOfRangeCountAsTheNearest) {
  for (const DType dtype : {DType::kI32, DType::kI64}) {
    RopeProblem problem({.shape = {1, 4, 2, 16},
                         .mode = RopeMode::kIndexed,
                         .position_dtype = dtype});
    RopeArgs args = problem.args();
    const Tensor positions = problem.tensors()[4]->view();
    const int64_t last = args.cos.dim(0) - 1;
    // As they count.
    for (int64_t s = 0; s < 4; ++s) {
      Write(positions, {0, s}, static_cast<double>(s < 2 ? 0 : last));
    }
    const std::vector<ExpectedTensor> expected = RopeExpected(args);
    Write(positions, {0, 0}, -1);
    Write(positions, {0, 1}, -2147483648.0);
    Write(positions, {0, 2}, static_cast<double>(last + 1));
    Write(positions, {0, 3}, 2147483647.0);
    if (dtype == DType::kI64) {
      positions.data<int64_t>()[1] = std::numeric_limits<int64_t>::min();
      positions.data<int64_t>()[3] = std::numeric_limits<int64_t>::max();
    }
    OnDevice device(problem, *context_);
    ASSERT_EQ(Rope(device.Moved(args), *context_), absl::OkStatus());
    device.Download();
    EXPECT_TRUE(Agrees(expected));
  }
}

TEST_F(RopeSpecialDeviceTest, ComputedAnglesOfAllSizes) {
  for (const Layout layout : {Layout::kContiguous, Layout::kReversed}) {
    RopeProblem problem({.shape = {1, 8, 2, 64},
                         .layout = layout,
                         .mode = RopeMode::kComputed,
                         .position_dtype = DType::kI64,
                         .attention_factor = 1.25f});
    const Tensor positions = problem.tensors()[4]->view();
    int64_t p = 1;
    for (int64_t s = 0; s < 8; ++s, p *= 181) {
      Write(positions, {0, s}, static_cast<double>(p));
    }
    ExpectMatches(problem, problem.args());
  }
}

TEST_F(RopeSpecialDeviceTest, CopiesKeepAllBits) {
  for (const Layout layout : {Layout::kContiguous, Layout::kReversed}) {
    RopeProblem problem({.shape = {1, 1, 1, 16},
                         .dtype = kBF16,
                         .rotary_dim = 8,
                         .layout = layout});
    const RopeArgs args = problem.args();
    // A signaling NaN with a payload.
    *problem.x_in().At<BFloat16>(0, 0, 0, 9) = BFloat16::FromBits(0xFF85);
    OnDevice device(problem, *context_);
    ASSERT_EQ(Rope(device.Moved(args), *context_), absl::OkStatus());
    device.Download();
    EXPECT_EQ(problem.x_out().At<BFloat16>(0, 0, 0, 9)->bits, 0xFF85);
  }
}

TEST_F(RopeSpecialDeviceTest, InverseUndoesIt) {
  RopeProblem problem({.shape = {1, 6, 2, 64}, .mode = RopeMode::kComputed});
  const std::vector<double> before = ToDoubles(problem.x_in());
  RopeArgs args = problem.args();
  OnDevice device(problem, *context_);
  ASSERT_EQ(Rope(device.Moved(args), *context_), absl::OkStatus());
  args.x_in = problem.x_out();
  args.x_out = problem.x_in();
  args.inverse = true;
  ASSERT_EQ(Rope(device.Moved(args), *context_), absl::OkStatus());
  device.Download();
  EXPECT_TRUE(
      Within(problem.x_in(), before, std::vector<double>(before.size(), 4e-6)));
}

TEST_F(RopeSpecialDeviceTest, QueriesAndKeysOfDifferentLayouts) {
  // One launch, or one for each.
  for (const Layout layout : {Layout::kContiguous, Layout::kReversed}) {
    for (const int64_t keys : {0, 1, 40}) {
      GuardedTensor q(kBF16, {2, 3, 5, 32});
      GuardedTensor k(kBF16, {2, keys, 5, 32}, layout);
      GuardedTensor q_out(kBF16, {2, 3, 5, 32}, Layout::kPadded);
      GuardedTensor cache(kF32, {5, 64});
      Random random(1);
      FillNormal(random, q);
      FillNormal(random, k);
      FillUniform(random, cache, -1, 1);
      RopeHfArgs args = {
          .q = q, .k = k, .q_out = q_out, .k_out = k, .rope_cache = cache};
      const std::vector<ExpectedTensor> expected = RopeHfExpected(args);
      DeviceTensor device_q(q, *context_);
      DeviceTensor device_k(k, *context_);
      DeviceTensor device_q_out(q_out, *context_);
      DeviceTensor device_cache(cache, *context_);
      args = {.q = device_q,
              .k = device_k,
              .q_out = device_q_out,
              .k_out = device_k,
              .rope_cache = device_cache};
      ASSERT_EQ(RopeHf(args, *context_), absl::OkStatus());
      device_q_out.Download();
      device_k.Download();
      EXPECT_TRUE(Agrees(expected)) << keys << " heads of keys";
      EXPECT_TRUE(q_out.Intact());
      EXPECT_TRUE(k.Intact());
    }
  }
}

TEST_F(RopeSpecialDeviceTest, TablesOfFarPositions) {
  for (const RopePrecision precision :
       {RopePrecision::kF32, RopePrecision::kF64}) {
    for (const DType dtype : {kF32, kBF16, DType::kF16}) {
      GuardedTensor cos(dtype, {7, 32});
      GuardedTensor sin(dtype, {7, 32}, Layout::kReversed);
      GuardedTensor positions(kF32, {7});
      const float far[] = {0, 1, 131072, 3e8f, 1e15f, 3e38f, -5};
      for (int64_t i = 0; i < 7; ++i) {
        *positions.view().At<float>(i) = far[i];
      }
      RopeTablesArgs args = {.cos = cos,
                             .sin = sin,
                             .positions = positions,
                             .rotary_dim = 64,
                             .precision = precision};
      const std::vector<ExpectedTensor> expected = RopeTablesExpected(args);
      DeviceTensor device_cos(cos, *context_);
      DeviceTensor device_sin(sin, *context_);
      DeviceTensor device_positions(positions, *context_);
      args.cos = device_cos;
      args.sin = device_sin;
      args.positions = device_positions;
      ASSERT_EQ(RopeTables(args, *context_), absl::OkStatus());
      device_cos.Download();
      device_sin.Download();
      EXPECT_TRUE(Agrees(expected)) << Name(dtype);
    }
  }
}

}  // namespace
}  // namespace tilework
