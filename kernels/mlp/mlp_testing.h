// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Arguments of mlp for its tests.

#ifndef TILEWORK_KERNELS_MLP_MLP_TESTING_H_
#define TILEWORK_KERNELS_MLP_MLP_TESTING_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/mlp/mlp.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// Tensors that live as long as the problem.
class MlpProblem {
 public:
  // `hidden` is [B, S, H] or [T, H].
  MlpProblem(Random& random, const Dims& hidden, int64_t inner, DType dtype,
             Layout layout = Layout::kContiguous)
      : hidden_(hidden),
        h_(hidden[hidden.size() - 1]),
        inner_(inner),
        dtype_(dtype),
        layout_(layout),
        random_(random) {
    SetWeights(Make({h_, inner}, 0.2), Make({h_, inner}, 0.2),
               Make({inner, h_}, 0.2));
    args_.hidden_tensor = Make(hidden);
    args_.out = Output(hidden);
  }

  // A random tensor.
  Tensor Make(const Dims& shape, double scale = 1, double mean = 0) {
    const Tensor tensor = Output(shape);
    FillNormal(random_, tensor, scale, mean);
    return tensor;
  }
  // A poisoned one.
  Tensor Output(const Dims& shape) { return Output(shape, dtype_, layout_); }
  Tensor Output(const Dims& shape, DType dtype,
                Layout layout = Layout::kContiguous) {
    tensors_.push_back(std::make_unique<GuardedTensor>(dtype, shape, layout));
    return tensors_.back()->view();
  }

  void SetWeights(const MatrixOperand& gate, const MatrixOperand& up,
                  const MatrixOperand& down) {
    args_.gate_proj_weights_tensor = gate;
    args_.up_proj_weights_tensor = up;
    args_.down_proj_weights_tensor = down;
  }
  void AddNorm(NormType type = NormType::kRmsNorm) {
    args_.normalization_type = type;
    args_.normalization_weights_tensor = Make({h_}, 0.2, 1);
    if (type == NormType::kLayerNorm) {
      args_.normalization_bias_tensor = Make({1, h_}, 0.2);
    }
  }
  void AddFusedAdd() {
    args_.fused_add_tensor = Make(hidden_);
    args_.fused_add_out = Output(hidden_);
    args_.store_fused_add_result = true;
  }
  void AddBiases() {
    args_.gate_proj_bias_tensor = Make({inner_});
    args_.up_proj_bias_tensor = Make({1, inner_});
    args_.down_proj_bias_tensor = Make({h_});
  }
  void SkipGate() {
    args_.skip_gate_proj = true;
    args_.gate_proj_weights_tensor = MatrixOperand();
    args_.gate_proj_bias_tensor = ConstTensor();
  }

  // Weights of codes, stored by columns, and the scales that `type` needs.
  void Quantize(QuantizationType type, const std::array<DType, 3>& codes) {
    args_.quantization_type = type;
    SetWeights(Codes(h_, inner_, codes[0]), Codes(h_, inner_, codes[1]),
               Codes(inner_, h_, codes[2]));
    if (type == QuantizationType::kStatic ||
        type == QuantizationType::kStaticMx) {
      args_.gate_up_in_scale = Scales({1}, 0x1p-7);
      args_.down_in_scale = Scales({1}, 0x1p-7);
    }
  }
  void Quantize(QuantizationType type) {
    Quantize(type, {DType::kF8E4M3, DType::kF8E4M3, DType::kF8E4M3});
  }
  // Without quantizing activations.
  void WeightOnly() {
    args_.act_quant = ActQuant::kNone;
    args_.gate_up_in_scale = ConstTensor();
    args_.down_in_scale = ConstTensor();
  }
  // hidden_tensor as codes with their scales.
  void HiddenOfCodes(DType dtype) {
    const Tensor codes = Output(hidden_, dtype, layout_);
    FillNormal(random_, codes, 30);
    args_.hidden_tensor = codes;
    int64_t tokens = 1;
    for (int i = 0; i + 1 < hidden_.size(); ++i) tokens *= hidden_[i];
    switch (args_.quantization_type) {
      case QuantizationType::kRow:
      case QuantizationType::kRowMx:
        args_.hidden_scale = Scales({tokens}, 0x1p-5);
        break;
      case QuantizationType::kMx:
        args_.hidden_scale = MxScales({tokens, Blocks(h_, 32)}, -6);
        break;
      case QuantizationType::kBlock128:
        args_.hidden_scale = Scales({tokens, Blocks(h_, 128)}, 0x1p-5);
        break;
      default:
        break;
    }
  }
  Tensor Scales(const Dims& shape, double least) {
    const Tensor scales = Output(shape, DType::kF32);
    FillUniform(random_, scales, least, 2 * least);
    return scales;
  }

  bool Intact() const {
    return std::all_of(tensors_.begin(), tensors_.end(),
                       [](const auto& t) { return t->Intact(); });
  }
  MlpArgs& args() { return args_; }

 private:
  static int64_t Blocks(int64_t size, int64_t block) {
    return (size + block - 1) / block;
  }

  Tensor MxScales(const Dims& shape, int64_t exponent) {
    const Tensor scales = Output(shape, DType::kE8M0);
    ForEachIndex(shape, [&](const Dims& index) {
      Write(scales, index, std::exp2(exponent + random_.Integer(0, 2)));
    });
    return scales;
  }

  MatrixOperand Codes(int64_t k, int64_t n, DType dtype) {
    const bool is_f4 = dtype == DType::kF4E2M1;
    const Tensor codes = Output({n, k}, dtype);
    FillNormal(random_, codes, is_f4 ? 2 : 30);
    const int64_t exponent = is_f4 ? -4 : -8;
    const QuantScheme scheme =
        SchemeOf(args_.quantization_type, /*compact=*/false, false);
    Tensor scales;
    switch (scheme) {
      case QuantScheme::kPerChannel:
        scales = Scales({n}, std::exp2(exponent));
        break;
      case QuantScheme::kMx:
        scales = MxScales({Blocks(k, 32), n}, exponent);
        break;
      case QuantScheme::kBlock128:
        scales = Scales({Blocks(k, 128), Blocks(n, 128)}, std::exp2(exponent));
        break;
      default:
        scales = Scales({1}, std::exp2(exponent));
        break;
    }
    return QuantizedMatrix{codes.Transpose(), scales, scheme};
  }

  Dims hidden_;
  int64_t h_, inner_;
  DType dtype_;
  Layout layout_;
  Random& random_;
  std::vector<std::unique_ptr<GuardedTensor>> tensors_;
  MlpArgs args_;
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_MLP_MLP_TESTING_H_
