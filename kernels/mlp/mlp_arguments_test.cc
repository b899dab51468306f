// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Errors of mlp, all of them before anything is written.

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/mlp/mlp.h"
#include "tilework/kernels/mlp/mlp_testing.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;
using enum QuantizationType;

struct Fault {
  std::string message;
  MlpArgs args;
};

// Each fault is refused with its message, and `out` is not written.
void ExpectRefused(const std::vector<Fault>& faults, const Tensor& out) {
  HostContext context(1);
  for (const Fault& fault : faults) {
    const absl::Status status = Mlp(fault.args, context);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << fault.message;
    EXPECT_THAT(status.message(), HasSubstr("mlp: " + fault.message));
    EXPECT_TRUE(std::isnan(Read(out, {0, 0, 0}))) << fault.message;
  }
}

TEST(MlpErrorTest, NameTensorAndNumbers) {
  Random random(7);
  MlpProblem problem(random, {2, 3, 8}, 5, DType::kF32);
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
        a.up_proj_weights_tensor =
            problem.args().up_proj_weights_tensor.plain().Transpose();
      });
  add("gate_proj_weights_tensor is [8, 4] but I = 5 (from "
      "up_proj_weights_tensor [8, 5])",
      [&](MlpArgs& a) {
        a.gate_proj_weights_tensor =
            problem.args().gate_proj_weights_tensor.plain().Slice(1, 0, 4);
      });
  add("gate_proj_weights_tensor has dtype bf16, expected f32", [](MlpArgs& a) {
    a.gate_proj_weights_tensor =
        ConstTensor(a.out.data(), DType::kBF16, {8, 5});
  });
  add("down_proj_weights_tensor is [8, 5] but I = 5", [&](MlpArgs& a) {
    a.down_proj_weights_tensor =
        problem.args().down_proj_weights_tensor.plain().Transpose();
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
    a.gate_proj_weights_tensor =
        problem.args().gate_proj_weights_tensor.plain().Slice(0, 0, 0);
    a.up_proj_weights_tensor =
        problem.args().up_proj_weights_tensor.plain().Slice(0, 0, 0);
    a.down_proj_weights_tensor =
        problem.args().down_proj_weights_tensor.plain().Slice(1, 0, 0);
  });
  add("gate_proj_bias_tensor is [6] but I = 5",
      [&](MlpArgs& a) { a.gate_proj_bias_tensor = row; });
  add("up_proj_bias_tensor is [6] but I = 5",
      [&](MlpArgs& a) { a.up_proj_bias_tensor = row; });
  add("down_proj_bias_tensor is [6] but H = 8",
      [&](MlpArgs& a) { a.down_proj_bias_tensor = row; });
  add("normalization_weights_tensor is missing",
      [](MlpArgs& a) { a.normalization_type = NormType::kRmsNorm; });
  add("normalization_weights_tensor is given but normalization_type is "
      "neither RMS_NORM nor LAYER_NORM",
      [&](MlpArgs& a) { a.normalization_weights_tensor = row; });
  add("normalization_type is 4",
      [](MlpArgs& a) { a.normalization_type = static_cast<NormType>(4); });
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
  add("normalization_bias_tensor is given but normalization_type is not "
      "LAYER_NORM",
      [&](MlpArgs& a) { a.normalization_bias_tensor = row; });
  add("hidden_actual is 7, expected 8", [&](MlpArgs& a) {
    a.normalization_type = NormType::kLayerNorm;
    a.normalization_weights_tensor = problem.Make({8});
    a.hidden_actual = 7;
  });
  add("gate_clamp_upper_limit is 1 but gate_clamp_lower_limit is 2",
      [](MlpArgs& a) {
        a.gate_clamp_upper_limit = 1;
        a.gate_clamp_lower_limit = 2;
      });
  add("up_clamp_upper_limit is -1 but up_clamp_lower_limit is 0",
      [](MlpArgs& a) {
        a.up_clamp_upper_limit = -1;
        a.up_clamp_lower_limit = 0;
      });
  add("up_clamp_lower_limit is nan, expected a number",
      [](MlpArgs& a) { a.up_clamp_lower_limit = std::nanf(""); });
  add("gate_clamp_upper_limit is given but skip_gate_proj is true",
      [](MlpArgs& a) {
        a.skip_gate_proj = true;
        a.gate_proj_weights_tensor = MatrixOperand();
        a.gate_clamp_upper_limit = 1;
      });
  add("out has dtype f32, expected bf16",
      [](MlpArgs& a) { a.output_dtype = DType::kBF16; });
  add("output_dtype is f64, expected",
      [](MlpArgs& a) { a.output_dtype = DType::kF64; });
  add("mode is 3", [](MlpArgs& a) { a.mode = static_cast<MlpMode>(3); });
  ExpectRefused(faults, problem.args().out);
}

TEST(MlpErrorTest, NameWhatDoesNotFitTheQuantization) {
  Random random(8);
  MlpProblem problem(random, {2, 3, 40}, 70, DType::kBF16);
  problem.Quantize(kStatic);
  std::vector<Fault> faults;
  const auto add = [&](const std::string& message, auto change) {
    MlpArgs args = problem.args();
    change(args);
    faults.push_back({message, args});
  };
  add("gate_up_in_scale is missing",
      [](MlpArgs& a) { a.gate_up_in_scale = ConstTensor(); });
  add("down_in_scale is missing",
      [](MlpArgs& a) { a.down_in_scale = ConstTensor(); });
  add("gate_up_in_scale is given but",
      [](MlpArgs& a) { a.act_quant = ActQuant::kNone; });
  add("down_in_scale is given but", [](MlpArgs& a) {
    a.act_quant = ActQuant::kNone;
    a.gate_up_in_scale = ConstTensor();
  });
  add("up_proj_weights_tensor has dtype f8e4m3, expected",
      [](MlpArgs& a) { a.quantization_type = kNone; });
  add("up_proj_weights_tensor is given with scheme PER_TENSOR, expected "
      "PER_CHANNEL",
      [](MlpArgs& a) {
        a.quantization_type = kRow;
        a.gate_up_in_scale = ConstTensor();
        a.down_in_scale = ConstTensor();
      });
  add("gate_proj_weights_tensor has dtype bf16, expected", [&](MlpArgs& a) {
    a.gate_proj_weights_tensor = problem.Make({40, 70});
  });
  add("down_w_scale is missing", [](MlpArgs& a) {
    a.down_proj_weights_tensor = a.down_proj_weights_tensor.plain();
  });
  add("down_w_scale is [2], expected", [&](MlpArgs& a) {
    a.down_proj_weights_tensor =
        QuantizedMatrix{a.down_proj_weights_tensor.plain(),
                        problem.Scales({2}, 1), QuantScheme::kPerTensor};
  });
  add("up_w_scale[0] is 0, expected > 0", [&](MlpArgs& a) {
    a.up_proj_weights_tensor =
        QuantizedMatrix{a.up_proj_weights_tensor.plain(),
                        problem.Scales({1}, 0), QuantScheme::kPerTensor};
  });
  add("quant_clipping_bound is -1, expected >= 0",
      [](MlpArgs& a) { a.quant_clipping_bound = -1; });
  add("act_quant is BLOCK128 but quantization_type is STATIC",
      [](MlpArgs& a) { a.act_quant = ActQuant::kBlock128; });
  add("hidden_scale is given but the tokens are not codes",
      [&](MlpArgs& a) { a.hidden_scale = problem.Scales({1}, 1); });
  ExpectRefused(faults, problem.args().out);
}

TEST(MlpErrorTest, NameWhatDoesNotGoWithCodes) {
  Random random(9);
  MlpProblem problem(random, {2, 3, 40}, 70, DType::kBF16);
  problem.Quantize(kRow);
  problem.HiddenOfCodes(DType::kF8E4M3);
  std::vector<Fault> faults;
  const auto add = [&](const std::string& message, auto change) {
    MlpArgs args = problem.args();
    change(args);
    faults.push_back({message, args});
  };
  add("normalization_type is not NO_NORM but hidden_tensor is codes",
      [&](MlpArgs& a) {
        a.normalization_type = NormType::kRmsNorm;
        a.normalization_weights_tensor = problem.Make({40});
      });
  add("fused_add_tensor is given but hidden_tensor is codes", [&](MlpArgs& a) {
    a.fused_add_tensor = problem.Make({2, 3, 40});
  });
  add("store_fused_add_result is true but hidden_tensor is codes",
      [&](MlpArgs& a) {
        a.store_fused_add_result = true;
        a.fused_add_out = problem.Output({2, 3, 40});
      });
  add("hidden_scale is missing",
      [](MlpArgs& a) { a.hidden_scale = ConstTensor(); });
  add("hidden_scale is [5] but T = 6 (from B * S)",
      [&](MlpArgs& a) { a.hidden_scale = problem.Scales({5}, 1); });
  add("hidden_scale is [2, 4] but S = 3", [&](MlpArgs& a) {
    a.hidden_scale = problem.Scales({2, 4}, 1);
  });
  add("hidden_tensor has dtype f8e5m2, expected", [&](MlpArgs& a) {
    a.quantization_type = kRowMx;
    a.hidden_tensor = problem.Output({2, 3, 40}, DType::kF8E5M2);
  });
  ExpectRefused(faults, problem.args().out);
}

}  // namespace
}  // namespace tilework
