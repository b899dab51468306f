// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/mlp/mlp.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/mlp/mlp_host.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After foreach_target.h.
#include "tilework/common/projection/epilogue-inl.h"
#include "tilework/common/projection/quantize-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

// What is done to a first product.
struct Branch {
  ProductScales scales;
  const float* bias;  // null: 0
  std::optional<float> upper, lower;
};

struct GateUp {
  Branch gate;  // not used without a gate
  Branch up;
  bool gated;
  Activation activation;
  float up_shift;
};

// row = activation(clamp(row * scales + bias)), of token t.
HWY_NOINLINE void FinishRow(const Branch& branch, const Activation& activation,
                            int64_t t, const GemmTile& tile,
                            float* HWY_RESTRICT row) {
  const float* bias = branch.bias == nullptr ? nullptr : branch.bias + tile.col;
  ScaleProducts(branch.scales, t, tile.col, tile.cols, row);
  if (branch.upper.has_value() || branch.lower.has_value()) {
    BiasAndActivate(1, bias, ActFnType::kNone, tile.cols, row);
    ClampRow(branch.lower, branch.upper, tile.cols, row);
    bias = nullptr;
  }
  BiasAndActivate(1, bias, activation, tile.cols, row);
}

// The first product becomes v. Row r of the product is token first + r.
HWY_NOINLINE void ActivateTile(const GateUp& args, int64_t first,
                               const GemmTile& tile) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    const int64_t t = first + tile.row + r;
    float* v = tile.values[0] + r * tile.stride;
    if (!args.gated) {
      FinishRow(args.up, args.activation, t, tile, v);
      continue;
    }
    float* u = tile.values[1] + r * tile.stride;
    FinishRow(args.gate, args.activation, t, tile, v);
    FinishRow(args.up, ActFnType::kNone, t, tile, u);
    if (args.up_shift != 0) AddToRow(args.up_shift, tile.cols, u);
    MultiplyRow(u, 1, tile.cols, v);
  }
}

// v of some tokens, as the last product reads it.
class Intermediate {
 public:
  // `type` is that of an unquantized v.
  Intermediate(const QuantizeArgs& quantize, DType type, int64_t tokens,
               int64_t size, ScratchScope& scratch, HostContext& context)
      : quantize_(quantize),
        v_(scratch.AllocateTensor(TypeOf(quantize, type), {tokens, size})) {
    if (!IsQuantizedByTile()) return;
    code_bytes_ = RowQuantizer::ScratchBytes(size);
    codes_ = scratch.Allocate<uint8_t>(context.num_threads() * code_bytes_);
    if (quantize.type != ActQuant::kBlock128) return;
    scales_ = scratch.AllocateTensor(
        DType::kF32, {tokens, (size + kScaleBlock - 1) / kScaleBlock});
  }

  static int64_t BytesPerElement(const QuantizeArgs& quantize, DType type) {
    const auto bytes = static_cast<int64_t>(SizeOf(TypeOf(quantize, type)));
    const bool copied = quantize.type == ActQuant::kRow;
    return bytes + (copied ? int64_t{sizeof(BFloat16)} : 0);
  }

  // What the columns of a tile must be a multiple of.
  int64_t column_multiple() const {
    switch (quantize_.type) {
      case ActQuant::kMx:
        return kMxBlockSize;
      case ActQuant::kBlock128:
        return kScaleBlock;
      default:
        return 1;
    }
  }

  // Keeps the first product of `tile`, which is v.
  void Store(const GemmTile& tile) const {
    if (IsQuantizedByTile()) return Quantize(tile);
    VisitFloat(v_.dtype(), [&](auto type) HWY_ATTR {
      for (int64_t r = 0; r < tile.rows; ++r) {
        StoreRow(tile.values[0] + r * tile.stride, 1, tile.cols,
                 v_.At<decltype(type)>(tile.row + r, tile.col));
      }
    });
  }

  // The operand of the first `tokens` rows, once all are stored.
  Operand Finish(int64_t tokens, ScratchScope& scratch,
                 HostContext& context) const {
    const ConstTensor v = v_.Slice(0, 0, tokens);
    if (quantize_.type == ActQuant::kRow) {
      return PrepareOperand({.x = v, .quantize = quantize_}, scratch, context);
    }
    Operand operand = {.a = v};
    if (quantize_.type == ActQuant::kStatic) {
      operand.scale = *quantize_.in_scale.data<float>();
    }
    if (scales_.present()) operand.block_scales = scales_.Slice(0, 0, tokens);
    return operand;
  }

 private:
  // The scale of ROW is that of all elements of a token: they are kept as they
  // are until all are there.
  static DType TypeOf(const QuantizeArgs& quantize, DType type) {
    if (quantize.type == ActQuant::kNone) return type;
    return quantize.type == ActQuant::kRow ? DType::kF32 : DType::kBF16;
  }
  bool IsQuantizedByTile() const {
    return quantize_.type != ActQuant::kNone &&
           quantize_.type != ActQuant::kRow;
  }

  HWY_NOINLINE void Quantize(const GemmTile& tile) const {
    const RowQuantizer quantizer(quantize_, DType::kF32, tile.cols);
    uint8_t* codes = codes_ + tile.thread * code_bytes_;
    for (int64_t r = 0; r < tile.rows; ++r) {
      const int64_t t = tile.row + r;
      float* scales = scales_.present()
                          ? scales_.At<float>(t, tile.col / kScaleBlock)
                          : nullptr;
      quantizer.Run(tile.values[0] + r * tile.stride, codes, scales,
                    v_.At<BFloat16>(t, tile.col));
    }
  }

  QuantizeArgs quantize_;
  Tensor v_;
  Tensor scales_ = {};        // of BLOCK128
  uint8_t* codes_ = nullptr;  // a row of each thread
  int64_t code_bytes_ = 0;
};

// Tokens that are done at a time: v of so many stays in the L3 cache, and they
// make good use of the weights that are read for them.
int64_t TokensAtATime(int64_t tokens, int64_t bytes_per_token) {
  constexpr int64_t kCacheBytes = int64_t{16} << 20;
  constexpr int64_t kFewest = 192;
  constexpr int64_t kMost = 1024;
  const int64_t most =
      std::clamp(kCacheBytes / bytes_per_token, kFewest, kMost);
  const int64_t parts = (tokens + most - 1) / most;
  return (tokens + parts - 1) / parts;
}

// One call: gate and up, then down, for some tokens after the other.
class MlpCall {
 public:
  MlpCall(const MlpArgs& args, ScratchScope& scratch, HostContext& context)
      : args_(args),
        context_(context),
        act_quant_(ResolveActQuant(args.quantization_type, args.act_quant,
                                   ActQuant::kRow)),
        gate_(Weight(args.gate_proj_weights_tensor)),
        up_(Weight(args.up_proj_weights_tensor)),
        down_(Weight(args.down_proj_weights_tensor)),
        operand_(Prepare(scratch)),
        gate_up_(PrepareGateUp(scratch)),
        down_bias_(ContiguousVector(args.down_proj_bias_tensor, scratch)),
        row_scales_(scratch.Allocate<float>(operand_.a.dim(0))) {}

  void Run(ScratchScope& scratch) const {
    const int64_t tokens = operand_.a.dim(0);
    const int64_t size = up_.cols();
    const DType type = args_.hidden_tensor.dtype();
    const QuantizeArgs quantize = Quantization(down_, args_.down_in_scale);
    const DType narrower =
        ComputeType(args_.hidden_tensor, down_, args_.f32_mode);
    const DType compute = narrower != DType::kNone ? narrower
                          : IsFloat(type)          ? type
                                                   : DType::kBF16;
    const int64_t step = TokensAtATime(
        tokens, size * Intermediate::BytesPerElement(quantize, compute));
    const Intermediate v(quantize, compute, step, size, scratch, context_);
    for (int64_t first = 0; first < tokens; first += step) {
      const int64_t count = std::min(step, tokens - first);
      ProjectGateUp(first, count, v);
      ProjectDown(first, count, v);
    }
  }

 private:
  MatrixOperand Weight(const MatrixOperand& weight) const {
    return weight.present() ? WithScheme(weight, args_.quantization_type)
                            : weight;
  }

  // Of the left operand of products with `weight`.
  QuantizeArgs Quantization(const MatrixOperand& weight,
                            const ConstTensor& in_scale) const {
    return {.type = act_quant_,
            .code = ActivationCode(act_quant_, weight.dtype()),
            .in_scale = in_scale,
            .clip = args_.quant_clipping_bound,
            .scale_mode = args_.scale_mode};
  }

  Operand Prepare(ScratchScope& scratch) const {
    const QuantScheme scheme = ActivationSchemeOf(args_.quantization_type);
    return PrepareOperand(
        {.x = args_.hidden_tensor,
         .add = {args_.fused_add_tensor},
         .sum = args_.fused_add_out,
         .norm = {.type = args_.normalization_type,
                  .gamma = args_.normalization_weights_tensor,
                  .beta = args_.normalization_bias_tensor,
                  .eps = args_.eps,
                  .gamma_offset = args_.gamma_offset,
                  .hidden_actual = args_.hidden_actual},
         .quantize = Quantization(up_, args_.gate_up_in_scale),
         .x_scheme = scheme,
         .x_scale = scheme == QuantScheme::kPerTensor ? args_.gate_up_in_scale
                                                      : args_.hidden_scale,
         .compute = ComputeType(args_.hidden_tensor, up_, args_.f32_mode)},
        scratch, context_);
  }

  Branch PrepareBranch(const MatrixOperand& weight, const ConstTensor& bias,
                       const std::optional<float>& upper,
                       const std::optional<float>& lower,
                       ScratchScope& scratch) const {
    return {.scales = ScalesOfProduct(operand_, weight, {}, scratch),
            .bias = ContiguousVector(bias, scratch),
            .upper = upper,
            .lower = lower};
  }

  GateUp PrepareGateUp(ScratchScope& scratch) const {
    GateUp result = {
        .gate = {},
        .up = PrepareBranch(up_, args_.up_proj_bias_tensor,
                            args_.up_clamp_upper_limit,
                            args_.up_clamp_lower_limit, scratch),
        .gated = !args_.skip_gate_proj,
        .activation = {args_.activation_fn, args_.hidden_act_scale_factor},
        .up_shift = args_.hidden_act_bias};
    if (result.gated) {
      result.gate = PrepareBranch(gate_, args_.gate_proj_bias_tensor,
                                  args_.gate_clamp_upper_limit,
                                  args_.gate_clamp_lower_limit, scratch);
    }
    return result;
  }

  void ProjectGateUp(int64_t first, int64_t count,
                     const Intermediate& v) const {
    GemmArgs gemm = {.a = operand_.a.Slice(0, first, count),
                     .column_multiple = v.column_multiple()};
    if (gate_up_.gated) gemm.b[0] = gate_;
    gemm.b[gate_up_.gated ? 1 : 0] = up_;
    if (operand_.block_scales.present()) {
      gemm.a_block_scales = operand_.block_scales.Slice(0, first, count);
    }
    Gemm(
        gemm,
        [&](const GemmTile& tile) HWY_ATTR {
          ActivateTile(gate_up_, first, tile);
          v.Store(tile);
        },
        context_);
  }

  void ProjectDown(int64_t first, int64_t count, const Intermediate& v) const {
    ScratchScope scratch(context_.arena());
    Operand operand = v.Finish(count, scratch, context_);
    if (operand.row_scales != nullptr) {
      // By token, as all else that is stored with.
      std::copy_n(operand.row_scales, count, row_scales_ + first);
      operand.row_scales = row_scales_;
    }
    StoreArgs store = {.scales = ScalesOfProduct(operand, down_, {}, scratch),
                       .bias = down_bias_,
                       .out = AsTokens(args_.out),
                       .first_row = first};
    if (args_.residual.present()) store.residual = AsTokens(args_.residual);
    Gemm(
        {.a = operand.a, .b = {down_}, .a_block_scales = operand.block_scales},
        [&](const GemmTile& tile) HWY_ATTR { StoreTile(store, tile); },
        context_);
  }

  const MlpArgs& args_;
  HostContext& context_;
  ActQuant act_quant_;
  MatrixOperand gate_, up_, down_;
  Operand operand_;
  GateUp gate_up_;
  const float* down_bias_;
  float* row_scales_;  // of v, one a token
};

void MlpHost(const MlpArgs& args, HostContext& context) {
  ScratchScope scratch(context.arena());
  MlpCall(args, scratch, context).Run(scratch);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(MlpHost);

absl::Status Mlp(const MlpArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.out.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(MlpHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
