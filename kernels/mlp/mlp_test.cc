// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/mlp/mlp.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/mlp/mlp_oracle.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

// Tensors that live as long as the problem.
class Problem {
 public:
  // `hidden` is [B, S, H] or [T, H].
  Problem(Random& random, const Dims& hidden, int64_t inner, DType dtype,
          Layout layout = Layout::kContiguous)
      : hidden_(hidden), dtype_(dtype), layout_(layout), random_(random) {
    const int64_t h = hidden[hidden.size() - 1];
    weights_.gate = Make({h, inner}, 0.2);
    weights_.up = Make({h, inner}, 0.2);
    weights_.down = Make({inner, h}, 0.2);
    args_.hidden_tensor = Make(hidden);
    args_.gate_proj_weights_tensor = weights_.gate;
    args_.up_proj_weights_tensor = weights_.up;
    args_.down_proj_weights_tensor = weights_.down;
    args_.out = Output(hidden);
  }

  // A random tensor.
  Tensor Make(const Dims& shape, double scale = 1, double mean = 0) {
    const Tensor tensor = Output(shape);
    FillNormal(random_, tensor, scale, mean);
    return tensor;
  }
  // A poisoned one.
  Tensor Output(const Dims& shape) {
    tensors_.push_back(std::make_unique<GuardedTensor>(dtype_, shape, layout_));
    return tensors_.back()->view();
  }

  void AddNorm() {
    args_.normalization_type = NormType::kRmsNorm;
    args_.normalization_weights_tensor = Make({weights_.up.dim(0)}, 0.2, 1);
  }
  void AddFusedAdd() {
    args_.fused_add_tensor = Make(hidden_);
    args_.fused_add_out = Output(hidden_);
    args_.store_fused_add_result = true;
  }
  void AddBiases() {
    args_.gate_proj_bias_tensor = Make({weights_.up.dim(1)});
    args_.up_proj_bias_tensor = Make({1, weights_.up.dim(1)});
    args_.down_proj_bias_tensor = Make({weights_.up.dim(0)});
  }
  void SkipGate() {
    args_.skip_gate_proj = true;
    args_.gate_proj_weights_tensor = MatrixOperand();
    args_.gate_proj_bias_tensor = ConstTensor();
  }

  bool Intact() const {
    return std::all_of(tensors_.begin(), tensors_.end(),
                       [](const auto& t) { return t->Intact(); });
  }
  MlpArgs& args() { return args_; }
  MlpWeights& weights() { return weights_; }

 private:
  Dims hidden_;
  DType dtype_;
  Layout layout_;
  Random& random_;
  std::vector<std::unique_ptr<GuardedTensor>> tensors_;
  MlpWeights weights_;
  MlpArgs args_;
};

class MlpTest : public SimdTargetTest {
 protected:
  void ExpectAgreement(Problem& problem) {
    const MlpArgs& args = problem.args();
    const std::vector<ExpectedTensor> expected =
        MlpExpected(args, problem.weights());
    const absl::Status status = Mlp(args, context_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(problem.Intact());
    EXPECT_TRUE(Agrees(expected));
  }

  HostContext context_{2};
  Random random_{6};
};
TILEWORK_SIMD_TARGETS(MlpTest);

TEST_P(MlpTest, SwiGluWithNormAndResidual) {
  for (const DType dtype : kFloatTypes) {
    for (const Dims& hidden : {Dims{1, 1, 96}, Dims{2, 9, 33}, Dims{3, 5, 7}}) {
      SCOPED_TRACE(testing::Message() << Name(dtype) << hidden.ToString());
      Problem problem(random_, hidden, hidden[2] == 7 ? 3 : 70, dtype);
      problem.AddNorm();
      problem.AddFusedAdd();
      problem.args().residual = problem.Make(hidden);
      ExpectAgreement(problem);
    }
  }
}

TEST_P(MlpTest, NormsActivationsAndBiases) {
  for (const NormType norm :
       {NormType::kNoNorm, NormType::kRmsNorm, NormType::kRmsNormSkipGamma}) {
    for (const ActFnType activation :
         {ActFnType::kNone, ActFnType::kSiLU, ActFnType::kReLU}) {
      for (const bool gated : {true, false}) {
        SCOPED_TRACE(testing::Message()
                     << static_cast<int>(norm) << " "
                     << static_cast<int>(activation) << " " << gated);
        Problem problem(random_, {5, 20}, 37, DType::kF32);
        if (norm == NormType::kRmsNorm) problem.AddNorm();
        problem.args().normalization_type = norm;
        problem.args().activation_fn = activation;
        problem.args().gamma_offset = 1;
        problem.args().hidden_actual = 18;
        problem.AddBiases();
        if (!gated) problem.SkipGate();
        ExpectAgreement(problem);
      }
    }
  }
}

TEST_P(MlpTest, EveryLayout) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kFloatTypes) {
      SCOPED_TRACE(testing::Message()
                   << static_cast<int>(layout) << " " << Name(dtype));
      Problem problem(random_, {2, 4, 21}, 40, dtype, layout);
      problem.AddNorm();
      problem.AddBiases();
      problem.AddFusedAdd();
      problem.args().residual = problem.Make({2, 4, 21});
      ExpectAgreement(problem);
    }
  }
}

TEST_P(MlpTest, OutputsMayBeInputs) {
  Problem problem(random_, {4, 30}, 20, DType::kF32);
  const Tensor hidden = problem.Make({4, 30});
  const Tensor out = problem.Make({4, 30});
  problem.args().hidden_tensor = hidden;
  problem.args().fused_add_tensor = problem.Make({4, 30});
  problem.args().store_fused_add_result = true;
  problem.args().fused_add_out = hidden;
  problem.args().residual = out;
  problem.args().out = out;
  ExpectAgreement(problem);
}

TEST_P(MlpTest, GateAndUpAsViewsOfOneMatrixAndTransposed) {
  for (const DType dtype : kFloatTypes) {
    Problem problem(random_, {3, 24}, 20, dtype);
    // Columns of gate and up alternate.
    const Tensor fused = problem.Make({24, 20, 2}, 0.2);
    problem.weights().gate = fused.Select(2, 0);
    problem.weights().up = fused.Select(2, 1);
    problem.weights().down = problem.Make({24, 20}, 0.2).Transpose();
    problem.args().gate_proj_weights_tensor = problem.weights().gate;
    problem.args().up_proj_weights_tensor = problem.weights().up;
    problem.args().down_proj_weights_tensor = problem.weights().down;
    ExpectAgreement(problem);
  }
}

TEST_P(MlpTest, SameBitsForAnyThreadsBatchAndPacking) {
  for (const DType dtype : kFloatTypes) {
    Problem problem(random_, {20, 80}, 150, dtype);
    problem.AddNorm();
    problem.AddBiases();
    problem.args().residual = problem.Make({20, 80});
    const MlpArgs& args = problem.args();
    ASSERT_TRUE(Mlp(args, context_).ok());
    const auto gate = PackedMatrix::Pack(problem.weights().gate, context_);
    const auto up = PackedMatrix::Pack(problem.weights().up, context_);
    const auto down = PackedMatrix::Pack(problem.weights().down, context_);
    ASSERT_TRUE(gate.ok() && up.ok() && down.ok());
    for (const int threads : {1, 3}) {
      HostContext context(threads);
      MlpArgs again = args;
      again.gate_proj_weights_tensor = *gate;
      again.up_proj_weights_tensor = *up;
      again.down_proj_weights_tensor = *down;
      again.out = problem.Output({20, 80});
      ASSERT_TRUE(Mlp(again, context).ok());
      EXPECT_TRUE(SameBits(again.out, args.out)) << threads << " threads";
    }
    for (const int64_t t : {0, 7, 19}) {
      MlpArgs one = args;
      one.hidden_tensor = args.hidden_tensor.Slice(0, t, 1);
      one.residual = args.residual.Slice(0, t, 1);
      one.out = problem.Output({1, 80});
      ASSERT_TRUE(Mlp(one, context_).ok());
      EXPECT_TRUE(SameBits(one.out, args.out.Slice(0, t, 1))) << "token " << t;
    }
  }
}

TEST_P(MlpTest, ManyTokensAreCutWithoutATrace) {
  // More than the tokens that are done at a time.
  Problem problem(random_, {1100, 4}, 3, DType::kF32);
  problem.args().residual = problem.Make({1100, 4});
  ExpectAgreement(problem);
}

TEST_P(MlpTest, NaNStaysInItsToken) {
  Problem problem(random_, {3, 40}, 30, DType::kBF16);
  problem.AddNorm();
  const Tensor hidden = problem.Make({3, 40});
  Write(hidden, {1, 7}, std::numeric_limits<double>::quiet_NaN());
  problem.args().hidden_tensor = hidden;
  problem.args().activation_fn = ActFnType::kReLU;
  ASSERT_TRUE(Mlp(problem.args(), context_).ok());
  for (int64_t h = 0; h < 40; ++h) {
    EXPECT_TRUE(std::isfinite(Read(problem.args().out, {0, h})));
    EXPECT_TRUE(std::isnan(Read(problem.args().out, {1, h})));
    EXPECT_TRUE(std::isfinite(Read(problem.args().out, {2, h})));
  }
}

TEST_P(MlpTest, NoTokensDoNothing) {
  NoDispatchNeeded();
  for (const Dims& hidden : {Dims{0, 8}, Dims{0, 4, 8}, Dims{2, 0, 8}}) {
    Problem problem(random_, hidden, 4, DType::kF32);
    EXPECT_TRUE(Mlp(problem.args(), context_).ok());
  }
}

// ---- Errors, before anything is written.

struct Fault {
  std::string message;
  MlpArgs args;
};

TEST(MlpErrorTest, NameTensorAndNumbers) {
  Random random(7);
  Problem problem(random, {2, 3, 8}, 5, DType::kF32);
  const Tensor hidden = problem.Make({2, 3, 8});
  const Tensor other = problem.Make({2, 4, 8});
  const Tensor row = problem.Make({6});
  std::vector<Fault> faults;
  const auto add = [&](const std::string& message, auto change) {
    MlpArgs args = problem.args();
    change(args);
    faults.push_back({message, args});
  };
  add("hidden_tensor is missing, expected [B, S, H] or [S, H]",
      [](MlpArgs& a) { a.hidden_tensor = ConstTensor(); });
  add("hidden_tensor is [6]", [&](MlpArgs& a) { a.hidden_tensor = row; });
  add("gate_proj_weights_tensor is missing",
      [](MlpArgs& a) { a.gate_proj_weights_tensor = MatrixOperand(); });
  add("up_proj_weights_tensor is [5, 8] but H = 8 (from hidden_tensor [2, 3, "
      "8])",
      [&](MlpArgs& a) {
        a.up_proj_weights_tensor = problem.weights().up.Transpose();
      });
  add("gate_proj_weights_tensor is [8, 4] but I = 5 (from "
      "up_proj_weights_tensor [8, 5])",
      [&](MlpArgs& a) {
        a.gate_proj_weights_tensor = problem.weights().gate.Slice(1, 0, 4);
      });
  add("gate_proj_weights_tensor has dtype bf16, expected f32", [](MlpArgs& a) {
    a.gate_proj_weights_tensor =
        ConstTensor(a.out.data(), DType::kBF16, {8, 5});
  });
  add("down_proj_weights_tensor is [8, 5] but I = 5", [&](MlpArgs& a) {
    a.down_proj_weights_tensor = problem.weights().down.Transpose();
  });
  add("gate_proj_weights_tensor is given but skip_gate_proj is true",
      [](MlpArgs& a) { a.skip_gate_proj = true; });
  add("gate_proj_bias_tensor is given but skip_gate_proj is true",
      [&](MlpArgs& a) {
        a.skip_gate_proj = true;
        a.gate_proj_weights_tensor = MatrixOperand();
        a.gate_proj_bias_tensor = row;
      });
  add("hidden_tensor is [2, 3, 0]: H = 0, expected >= 1", [&](MlpArgs& a) {
    a.hidden_tensor = hidden.Slice(2, 0, 0);
    a.gate_proj_weights_tensor = problem.weights().gate.Slice(0, 0, 0);
    a.up_proj_weights_tensor = problem.weights().up.Slice(0, 0, 0);
    a.down_proj_weights_tensor = problem.weights().down.Slice(1, 0, 0);
  });
  add("gate_proj_bias_tensor is [6] but I = 5",
      [&](MlpArgs& a) { a.gate_proj_bias_tensor = row; });
  add("up_proj_bias_tensor is [6] but I = 5",
      [&](MlpArgs& a) { a.up_proj_bias_tensor = row; });
  add("down_proj_bias_tensor is [6] but H = 8",
      [&](MlpArgs& a) { a.down_proj_bias_tensor = row; });
  add("normalization_weights_tensor is missing",
      [](MlpArgs& a) { a.normalization_type = NormType::kRmsNorm; });
  add("normalization_weights_tensor is given but normalization_type is not",
      [&](MlpArgs& a) { a.normalization_weights_tensor = row; });
  add("normalization_type is 2",
      [](MlpArgs& a) { a.normalization_type = static_cast<NormType>(2); });
  add("eps is -1", [](MlpArgs& a) { a.eps = -1; });
  add("gamma_offset is 2", [](MlpArgs& a) { a.gamma_offset = 2; });
  add("hidden_actual is 9", [](MlpArgs& a) { a.hidden_actual = 9; });
  add("fused_add_tensor is [2, 4, 8] but S = 3",
      [&](MlpArgs& a) { a.fused_add_tensor = other; });
  add("fused_add_out is given but store_fused_add_result is false",
      [&](MlpArgs& a) { a.fused_add_out = hidden; });
  add("fused_add_tensor is missing, expected [B, S, H] or [S, H]",
      [](MlpArgs& a) { a.store_fused_add_result = true; });
  add("fused_add_out is missing", [&](MlpArgs& a) {
    a.store_fused_add_result = true;
    a.fused_add_tensor = hidden;
  });
  add("residual is [2, 4, 8] but S = 3",
      [&](MlpArgs& a) { a.residual = other; });
  add("out is missing", [](MlpArgs& a) { a.out = Tensor(); });
  add("out is [2, 4, 8] but S = 3", [&](MlpArgs& a) { a.out = other; });
  add("out overlaps hidden_tensor",
      [&](MlpArgs& a) { a.hidden_tensor = a.out; });
  add("out overlaps up_proj_weights_tensor", [&](MlpArgs& a) {
    a.up_proj_weights_tensor = ConstTensor(a.out.data(), DType::kF32, {8, 5});
  });
  add("out overlaps residual without being the same view", [](MlpArgs& a) {
    a.residual = ConstTensor(a.out.data(), DType::kBF16, {2, 3, 8});
  });
  add("fused_add_out overlaps residual", [&](MlpArgs& a) {
    a.store_fused_add_result = true;
    a.fused_add_tensor = hidden;
    a.fused_add_out = hidden;
    a.residual = hidden;
  });
  HostContext context(1);
  for (const Fault& fault : faults) {
    const absl::Status status = Mlp(fault.args, context);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << fault.message;
    EXPECT_THAT(status.message(), HasSubstr("mlp: " + fault.message));
    EXPECT_TRUE(std::isnan(Read(problem.args().out, {0, 0, 0})))
        << fault.message;
  }
}

}  // namespace
}  // namespace tilework
