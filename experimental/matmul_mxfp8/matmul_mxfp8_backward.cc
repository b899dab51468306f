// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8_backward.h"

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/random/philox.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/matmul_mxfp8/mx_factor.h"

namespace tilework {
namespace matmul_mxfp8_internal {
namespace {

constexpr DType kE8M0Only[] = {DType::kE8M0};
constexpr DType kCodes[] = {DType::kF8E4M3, DType::kF8E5M2};
constexpr DType kNumbersOrCodes[] = {DType::kF32, DType::kBF16, DType::kF16,
                                     DType::kF8E4M3, DType::kF8E5M2};

int64_t Blocks(int64_t size) {
  return (size + kMxBlockSize - 1) / kMxBlockSize;
}

ConstTensor TransposedView(const ConstTensor& matrix) {
  return matrix.present() ? matrix.Transpose() : matrix;
}

MxFactor Factor(const MatmulMxfp8BackwardArgs& args, const ConstTensor& x,
                const ConstTensor& scales) {
  return {.x = x,
          .scales = scales,
          .code = args.float8_dtype.value_or(DType::kF8E5M2),
          .mode = args.scale_mode};
}

// dY itself, `rows` being its rows or its columns.
MxFactor Grad(const MatmulMxfp8BackwardArgs& args, const ConstTensor& x,
              uint64_t stream, int64_t row_stride, int64_t col_stride) {
  MxFactor factor = Factor(args, x, {});
  factor.code = args.grad_float8_dtype.value_or(factor.code);
  if (args.stochastic_rounding) {
    PhiloxState state = ReadState(args.rng_state);
    state.stream += stream;
    factor.stochastic = {
        .state = state, .row_stride = row_stride, .col_stride = col_stride};
  }
  return factor;
}

// Numbers, or codes with blocks along the contraction.
void DeclareFactor(std::string_view name, const ConstTensor& x,
                   std::string_view shape, SchemaVisitor& v) {
  v.Input(name, x,
          {.shape = shape,
           .dtypes = kNumbersOrCodes,
           .presence = Optional(),
           .help = "numbers, or codes with blocks along the contraction"});
}

void DeclareCodesOfGrad(std::string_view name, const ConstTensor& codes,
                        std::string_view help, SchemaVisitor& v) {
  v.Input(
      name, codes,
      {.shape = "M N", .dtypes = kCodes, .presence = Optional(), .help = help});
}

// The scales of `x`, if it is given as codes.
void DeclareScales(std::string_view name, const ConstTensor& scales,
                   const ConstTensor& x, std::string_view shape,
                   SchemaVisitor& v) {
  v.Input(name, scales,
          {.shape = shape,
           .dtypes = kE8M0Only,
           .presence = RequiredUnless(!x.present() || IsFloat(x.dtype()),
                                      "its tensor is not quantized"),
           .help = "powers of two, one for 32 codes along the contraction"});
}

void DeclareInputs(const MatmulMxfp8BackwardArgs& args, SchemaVisitor& v) {
  v.Input("output_grad", args.output_grad,
          {.shape = "M N",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "dY"});
  DeclareFactor("weights", args.weights, "N K", v);
  DeclareFactor("input_activation", args.input_activation, "M K", v);
  DeclareCodesOfGrad("output_grad_q_n", args.output_grad_q_n,
                     "dY quantized along N", v);
  DeclareCodesOfGrad("output_grad_q_m", args.output_grad_q_m,
                     "dY quantized along M", v);
  // After all that may tell N and M.
  v.Bind("N/32", "ceil(N / 32)", [&] { return Blocks(v["N"]); });
  v.Bind("M/32", "ceil(M / 32)", [&] { return Blocks(v["M"]); });
  DeclareScales("weight_scales", args.weight_scales, args.weights, "N/32 K", v);
  DeclareScales("input_scales", args.input_scales, args.input_activation,
                "M/32 K", v);
  DeclareScales("output_grad_scales_n", args.output_grad_scales_n,
                args.output_grad_q_n, "M N/32", v);
  DeclareScales("output_grad_scales_m", args.output_grad_scales_m,
                args.output_grad_q_m, "M/32 N", v);
  DeclareState(args.rng_state, args.stochastic_rounding,
               "stochastic_rounding is false", v);
}

void DeclareOutputs(const MatmulMxfp8BackwardArgs& args, SchemaVisitor& v) {
  const bool has_n =
      args.output_grad.present() || args.output_grad_q_n.present();
  const bool has_m =
      args.output_grad.present() || args.output_grad_q_m.present();
  const TensorSpec input_grad = {
      .shape = "M K",
      .dtypes = kFloatTypes,
      .presence = OptionalUnless(!has_n || !args.weights.present(),
                                 "dY or weights are not"),
      .help = "dX"};
  v.Output("input_grad", args.input_grad, input_grad);
  const TensorSpec weight_grad = {
      .shape = "N K",
      .dtypes = kFloatTypes,
      .presence = OptionalUnless(!has_m || !args.input_activation.present(),
                                 "dY or input_activation are not"),
      .help = "dW"};
  if (args.accumulate_weight_grad) {
    v.InOut("weight_grad", args.weight_grad, weight_grad);
  } else {
    v.Output("weight_grad", args.weight_grad, weight_grad);
  }
  v.Output("bias_grad", args.bias_grad,
           {.shape = "N",
            .dtypes = kF32Only,
            .presence = OptionalUnless(!args.output_grad.present(),
                                       "output_grad is not"),
            .help = "the sum of dY over M"});
  v.Rule("one of input_grad, weight_grad and bias_grad is given",
         [&](ArgumentChecker& check) {
           check.Require(args.input_grad.present() ||
                             args.weight_grad.present() ||
                             args.bias_grad.present(),
                         "input_grad, weight_grad and bias_grad are missing, "
                         "expected at least one");
         });
}

}  // namespace

MxFactor GradAlongN(const MatmulMxfp8BackwardArgs& args) {
  if (args.output_grad_q_n.present()) {
    return Factor(args, args.output_grad_q_n, args.output_grad_scales_n);
  }
  return Grad(args, args.output_grad, 0, args.output_grad.dim(1), 1);
}

MxFactor WeightsAlongN(const MatmulMxfp8BackwardArgs& args) {
  return Factor(args, args.weights.Transpose(),
                TransposedView(args.weight_scales));
}

MxFactor GradAlongM(const MatmulMxfp8BackwardArgs& args) {
  if (args.output_grad_q_m.present()) {
    return Factor(args, args.output_grad_q_m.Transpose(),
                  args.output_grad_scales_m.Transpose());
  }
  return Grad(args, args.output_grad.Transpose(), 1, 1,
              args.output_grad.dim(1));
}

MxFactor InputAlongM(const MatmulMxfp8BackwardArgs& args) {
  return Factor(args, args.input_activation.Transpose(),
                TransposedView(args.input_scales));
}

}  // namespace matmul_mxfp8_internal

void Declare(const MatmulMxfp8BackwardArgs& args, SchemaVisitor& v) {
  namespace internal = matmul_mxfp8_internal;
  v.Kernel({.name = "matmul_mxfp8_backward",
            .summary = "Gradients of a linear layer by products of MX blocks"});
  internal::DeclareCodeType("float8_dtype", args.float8_dtype, "f8e5m2", v);
  internal::DeclareCodeType("grad_float8_dtype", args.grad_float8_dtype,
                            "float8_dtype", v);
  internal::DeclareScaleMode(args.scale_mode, v);
  v.Attribute("accumulate_weight_grad", args.accumulate_weight_grad,
              {.help = "adds to weight_grad"});
  v.Attribute("stochastic_rounding", args.stochastic_rounding,
              {.help = "rounds dY by chance"});
  internal::DeclareInputs(args, v);
  internal::DeclareOutputs(args, v);
}

absl::Status Validate(const MatmulMxfp8BackwardArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
