// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What rope says of bad arguments.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_problem.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::HasSubstr;

constexpr DType kF32 = DType::kF32;
constexpr DType kF16 = DType::kF16;

// Arguments without a fault, to be given one.
class RopeErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const absl::Status status = Rope(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    EXPECT_EQ(Validate(args_), status);
    for (const double value : ToDoubles(problem_.x_out())) {
      EXPECT_TRUE(std::isnan(value)) << "written before the error";
    }
  }
  GuardedTensor Make(const Dims& shape, DType dtype = kF32) {
    return GuardedTensor(dtype, shape);
  }

  RopeProblem problem_{{.shape = {2, 3, 4, 8}}};  // tables [4, 4]
  RopeArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(RopeErrorTest, NoFault) {
  EXPECT_EQ(Rope(args_, context_), absl::OkStatus());
}

TEST_F(RopeErrorTest, Tensors) {
  args_.x_in = ConstTensor();
  ExpectError("rope: x_in is missing, expected [B, S, N, D]");
  const GuardedTensor flat = Make({6, 4, 8});
  args_.x_in = flat;
  ExpectError("rope: x_in is [6, 4, 8], expected [B, S, N, D]");
  args_ = problem_.args();
  const GuardedTensor integers = Make({2, 3, 4, 8}, DType::kI32);
  args_.x_out = integers;
  ExpectError("rope: x_out has dtype i32, expected f32 or bf16 or f16");
  const GuardedTensor wide = Make({2, 3, 4, 9});
  args_.x_out = wide;
  ExpectError("rope: x_out is [2, 3, 4, 9] but D = 8 (from x_in");
  const GuardedTensor thin = Make({2, 3, 4, 1});
  args_.x_in = thin;
  args_.x_out = thin;
  ExpectError("rope: x_in is [2, 3, 4, 1]: D = 1, expected >= 2");
}

TEST_F(RopeErrorTest, RotatedRange) {
  for (const int64_t r : {0, 3, 10, -2}) {
    args_.rotary_dim = r;
    ExpectError("rope: rotary_dim is " + std::to_string(r) +
                ", expected an even number in 2..8");
  }
  args_.rotary_dim = 6;
  for (const int64_t offset : {-1, 3}) {
    args_.rotary_offset = offset;
    ExpectError("rope: rotary_offset is " + std::to_string(offset) +
                ", expected 0..2");
  }
}

TEST_F(RopeErrorTest, Tables) {
  args_.cos = ConstTensor();
  ExpectError(
      "rope: cos is missing, expected [P, W] or [1, P, W] or [B, P, W]");
  args_ = problem_.args();
  args_.sin = ConstTensor();
  ExpectError("rope: sin is missing");
  const GuardedTensor integers = Make({4, 4}, DType::kI32);
  args_.sin = integers;
  ExpectError("rope: sin has dtype i32, expected f32 or bf16 or f16");
  const GuardedTensor batched = Make({1, 4, 4});
  args_.sin = batched;
  ExpectError("rope: cos is [4, 4] but sin is [1, 4, 4]");
  const GuardedTensor three = Make({3, 4, 4});
  args_.cos = three;
  ExpectError("rope: cos is [3, 4, 4] but B = 2 (from x_in [2, 3, 4, 8])");
  const GuardedTensor odd = Make({4, 5});
  args_.cos = odd;
  args_.sin = odd;
  ExpectError("rope: cos is [4, 5]: W = 5, expected 4 or 8");
  const GuardedTensor brief = Make({2, 4});
  args_.cos = brief;
  args_.sin = brief;
  ExpectError(
      "rope: cos is [2, 4]: 2 positions, but S = 3 (from x_in [2, 3, 4, 8])");
}

TEST_F(RopeErrorTest, TensorsOfTheModes) {
  const GuardedTensor positions = Make({2, 3}, DType::kI32);
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t s = 0; s < 3; ++s) Write(positions, {b, s}, 0);
  }
  const GuardedTensor inv_freq = Make({4});
  args_.positions = positions;
  ExpectError("rope: positions is given but mode is TABLE");
  args_.positions = {};
  args_.inv_freq = inv_freq;
  ExpectError("rope: inv_freq is given but mode is not COMPUTED");
  args_.mode = RopeMode::kComputed;
  ExpectError("rope: cos is given but mode is COMPUTED");
  args_.cos = {};
  ExpectError("rope: sin is given but mode is COMPUTED");
  args_.sin = {};
  ExpectError("rope: positions is missing, expected [B, S] or [1, S] or [S]");
  args_.positions = positions;
  EXPECT_EQ(Validate(args_), absl::OkStatus());
  args_.inv_freq = {};
  ExpectError("rope: inv_freq is missing, expected [h]");
  const GuardedTensor five = Make({5});
  args_.inv_freq = five;
  ExpectError("rope: inv_freq is [5] but h = 4 (from rotary_dim / 2)");
  const GuardedTensor half = Make({4}, kF16);
  args_.inv_freq = half;
  ExpectError("rope: inv_freq has dtype f16, expected f32");
  args_ = problem_.args();
  args_.mode = RopeMode::kIndexed;
  ExpectError("rope: positions is missing");
  args_.positions = positions;
  EXPECT_EQ(Validate(args_), absl::OkStatus());
  const GuardedTensor batched = Make({1, 4, 4});
  args_.cos = batched;
  ExpectError("rope: cos is [1, 4, 4], expected [P, W]");
  args_.cos = {};
  ExpectError("rope: cos is missing, expected [P, W]");
}

TEST_F(RopeErrorTest, Positions) {
  args_.mode = RopeMode::kIndexed;
  for (const DType dtype : {DType::kI32, DType::kI64}) {
    const GuardedTensor positions = Make({2, 3}, dtype);
    for (int64_t b = 0; b < 2; ++b) {
      for (int64_t s = 0; s < 3; ++s) Write(positions, {b, s}, 3);
    }
    args_.positions = positions;
    EXPECT_EQ(Validate(args_), absl::OkStatus());
    Write(positions, {1, 2}, 4);
    ExpectError("rope: positions[1, 2] is 4, expected 0..3");
    Write(positions, {1, 2}, -1);
    ExpectError("rope: positions[1, 2] is -1, expected 0..3");
    args_.positions = positions.view().Select(0, 1);
    ExpectError("rope: positions[2] is -1, expected 0..3");
    RopeArgs computed = args_;
    computed.mode = RopeMode::kComputed;
    computed.cos = {};
    computed.sin = {};
    computed.inv_freq =
        problem_.x_in().Select(0, 0).Select(0, 0).Select(0, 0).Slice(0, 0, 4);
    std::swap(args_, computed);
    ExpectError("rope: positions[2] is -1, expected >= 0");
    std::swap(args_, computed);
  }
  const GuardedTensor floats = Make({2, 3});
  args_.positions = floats;
  ExpectError("rope: positions has dtype f32, expected i32 or i64");
  const GuardedTensor four = Make({4}, DType::kI32);
  args_.positions = four;
  ExpectError("rope: positions is [4] but S = 3 (from x_in [2, 3, 4, 8])");
}

TEST_F(RopeErrorTest, Attributes) {
  args_.mode = static_cast<RopeMode>(3);
  ExpectError(
      "rope: mode is 3, expected 0 (TABLE), 1 (INDEXED) or 2 (COMPUTED)");
  args_.mode = RopeMode::kTable;
  args_.out_layout = static_cast<RopeOutLayout>(3);
  ExpectError(
      "rope: out_layout is 3, expected 0 (SAME), 1 (CONTIGUOUS) or 2 "
      "(INTERLEAVED)");
  args_.out_layout = RopeOutLayout::kSame;
  args_.attention_factor = 2;
  ExpectError(
      "rope: attention_factor is 2 but mode is not COMPUTED: tables already "
      "contain it");
  const RopeProblem computed(
      {.shape = {2, 3, 4, 8}, .mode = RopeMode::kComputed});
  args_ = computed.args();
  args_.x_out = problem_.x_out();
  for (const float factor : {0.0f, -1.0f, INFINITY, NAN}) {
    args_.attention_factor = factor;
    ExpectError("rope: attention_factor is ");
  }
}

TEST_F(RopeErrorTest, Aliasing) {
  const GuardedTensor memory = Make({3, 3, 4, 8});
  args_.x_in = memory.view().Slice(0, 0, 2);
  args_.x_out = memory.view().Slice(0, 1, 2);
  ExpectError("rope: x_out overlaps x_in without being the same view");
  args_ = problem_.args();
  args_.x_out = memory.view().Slice(0, 0, 2);
  args_.cos = memory.view().Select(0, 1).Select(0, 0).Slice(1, 0, 4);
  ExpectError("rope: x_out overlaps cos");
  std::swap(args_.cos, args_.sin);
  ExpectError("rope: x_out overlaps sin");
  const RopeProblem computed(
      {.shape = {2, 3, 4, 8}, .mode = RopeMode::kComputed});
  args_ = computed.args();
  args_.x_out = memory.view().Slice(0, 0, 2);
  args_.inv_freq =
      memory.view().Select(0, 1).Select(0, 0).Select(0, 0).Slice(0, 0, 4);
  ExpectError("rope: x_out overlaps inv_freq");
  args_.inv_freq = computed.args().inv_freq;
  Buffer positions(DType::kI32, {2, 3, 4, 8});
  std::fill_n(positions.data<int32_t>(), 192, 0);
  args_.x_out = Tensor(positions.data<int32_t>(), kF32, {2, 3, 4, 8});
  args_.positions = positions.view().Select(0, 0).Select(1, 0).Select(1, 0);
  EXPECT_EQ(Validate(args_).message(), "rope: x_out overlaps positions");
}

}  // namespace
}  // namespace tilework
