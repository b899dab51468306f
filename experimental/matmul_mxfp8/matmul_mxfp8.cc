// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8.h"

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/random/philox.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/matmul_mxfp8/mx_factor.h"

namespace tilework {
namespace matmul_mxfp8_internal {
namespace {

constexpr DType kE8M0Only[] = {DType::kE8M0};
constexpr DType kAccumulated[] = {DType::kF32, DType::kBF16};
constexpr Enumerator kRoundings[] = {
    {0, "NONE"}, {1, "LHS"}, {2, "RHS"}, {3, "BOTH"}};

bool RoundsLeft(const MatmulMxfp8Args& args) {
  return args.stochastic_rounding == MxStochasticRounding::kLhs ||
         args.stochastic_rounding == MxStochasticRounding::kBoth;
}
bool RoundsRight(const MatmulMxfp8Args& args) {
  return args.stochastic_rounding == MxStochasticRounding::kRhs ||
         args.stochastic_rounding == MxStochasticRounding::kBoth;
}

void DeclareScales(std::string_view name, const ConstTensor& scales,
                   const ConstTensor& x, std::string_view shape,
                   SchemaVisitor& v) {
  v.Input(name, scales,
          {.shape = shape,
           .dtypes = kE8M0Only,
           .presence = RequiredUnless(IsFloat(x.dtype()) || !x.present(),
                                      "the operand is not quantized"),
           .help = "powers of two, one for 32 elements along K"});
}

MxFactor Factor(const MatmulMxfp8Args& args, const ConstTensor& x,
                const ConstTensor& scales, bool rounds, uint64_t stream) {
  MxFactor factor = {.x = x,
                     .scales = scales,
                     .code = args.float8_dtype.value_or(DType::kF8E5M2),
                     .mode = args.scale_mode};
  if (rounds && IsFloat(x.dtype())) {
    PhiloxState state = ReadState(args.rng_state);
    state.stream += stream;
    factor.stochastic = {
        .state = state, .row_stride = x.dim(1), .col_stride = 1};
  }
  return factor;
}

}  // namespace

MxFactor LeftFactor(const MatmulMxfp8Args& args) {
  return Factor(args, args.lhs, args.lhs_scales, RoundsLeft(args), 0);
}

MxFactor RightFactor(const MatmulMxfp8Args& args) {
  return Factor(args, args.rhs, args.rhs_scales, RoundsRight(args), 1);
}

}  // namespace matmul_mxfp8_internal

void Declare(const MatmulMxfp8Args& args, SchemaVisitor& v) {
  namespace internal = matmul_mxfp8_internal;
  v.Kernel({.name = "matmul_mxfp8",
            .summary = "Product of two matrices in MX blocks, quantized before "
                       "or in the kernel"});
  internal::DeclareCodeType("float8_dtype", args.float8_dtype, "f8e5m2", v);
  internal::DeclareScaleMode(args.scale_mode, v);
  v.Attribute("stochastic_rounding", args.stochastic_rounding,
              {.domain = Domain::OneOf(internal::kRoundings),
               .help = "operands that are rounded by chance"});
  internal::DeclareState(
      args.rng_state, args.stochastic_rounding != MxStochasticRounding::kNone,
      "stochastic_rounding is NONE", v);
  v.Input("lhs", args.lhs,
          {.shape = "M K",
           .dtypes = internal::kMxFactorTypes,
           .help = "the left operand"});
  v.Input("rhs", args.rhs,
          {.shape = "N K",
           .dtypes = internal::kMxFactorTypes,
           .help = "the right operand, a weight as linear layers store it"});
  v.Bind("K/32", "ceil(K / 32)",
         [&] { return (v["K"] + kMxBlockSize - 1) / kMxBlockSize; });
  internal::DeclareScales("lhs_scales", args.lhs_scales, args.lhs, "M K/32", v);
  internal::DeclareScales("rhs_scales", args.rhs_scales, args.rhs, "N K/32", v);
  v.Input("bias", args.bias,
          {.shape = "N",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added to each row"});
  v.Input("accumulate_into", args.accumulate_into,
          {.shape = "M N",
           .dtypes = internal::kAccumulated,
           .presence = Optional(),
           .help = "added to the product"});
  DeclareOutputDType(args.output_dtype, v);
  v.Output("out", args.out,
           {.shape = "M N",
            .dtypes = OutputTypes(args.output_dtype),
            .may_be = {"accumulate_into"},
            .help = "the product"});
}

absl::Status Validate(const MatmulMxfp8Args& args) {
  return CheckArguments(args);
}

}  // namespace tilework
