// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/matmul/matmul.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/matmul/matmul_host.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After foreach_target.h.
#include "tilework/common/projection/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

using matmul_internal::ScaleRank;
using matmul_internal::Schemes;

// `view` with the leading dimensions of `out`, [.., M, N]: those that it lacks
// or that are 1 have stride 0. Its last `inner` dimensions stay.
ConstTensor Stretch(const ConstTensor& view, int inner, const Tensor& out) {
  if (!view.present()) return view;
  const int leading = out.rank() - 2;
  const int skipped = leading - (view.rank() - inner);
  Dims shape, strides;
  for (int i = 0; i < leading; ++i) {
    const bool has = i >= skipped && view.dim(i - skipped) != 1;
    shape.push_back(out.dim(i));
    strides.push_back(has ? view.stride(i - skipped) : 0);
  }
  for (int i = -inner; i < 0; ++i) {
    shape.push_back(view.dim(i));
    strides.push_back(view.stride(i));
  }
  return ConstTensor(view.data(), view.dtype(), shape, strides, view.space());
}

// Scales so; any view of one element is [1].
ConstTensor StretchScales(const ConstTensor& scales, QuantScheme scheme,
                          const Tensor& out) {
  if (scheme == QuantScheme::kPerTensor && scales.NumElements() == 1) {
    return Stretch(ConstTensor(scales.data(), scales.dtype(), {1}), 1, out);
  }
  return Stretch(scales, ScaleRank(scheme), out);
}

// [1] with leading dimensions as [M] with them.
ConstTensor RepeatRows(const ConstTensor& scales, int64_t rows) {
  Dims shape = scales.shape(), strides = scales.strides();
  shape[shape.size() - 1] = rows;
  strides[strides.size() - 1] = 0;
  return ConstTensor(scales.data(), scales.dtype(), shape, strides);
}

// Whether an operand differs along the leading dimensions.
bool Varies(const ConstTensor& view, int inner) {
  for (int i = 0; i < view.rank() - inner; ++i) {
    if (view.dim(i) > 1 && view.stride(i) != 0) return true;
  }
  return false;
}

// What all products of a call share.
struct Problem {
  const MatmulArgs& args;
  Schemes schemes;
  const float* bias;
  const float* row_bias;
  float out_factor;
};

// Views with the same leading dimensions.
struct Batch {
  ConstTensor a, a_scale;
  ConstTensor b, b_scale;  // absent if b is packed
  ConstTensor multiplier, residual;
  Tensor out;

  int leading() const { return out.rank() - 2; }
  Batch Select(int64_t i) const {
    const auto select = [i](const ConstTensor& view) {
      return view.present() ? view.Select(0, i) : view;
    };
    return {.a = select(a),
            .a_scale = select(a_scale),
            .b = select(b),
            .b_scale = select(b_scale),
            .multiplier = select(multiplier),
            .residual = select(residual),
            .out = out.Select(0, i)};
  }
};

OperandArgs LeftArgs(const Problem& problem, const Batch& batch) {
  const MatmulArgs& args = problem.args;
  OperandArgs result = {.x = batch.a};
  if (IsFloat(batch.a.dtype())) {
    if (args.act_quant != ActQuant::kAuto) {
      result.quantize = {.type = args.act_quant,
                         .code = ActivationCode(args.act_quant, args.b.dtype()),
                         .in_scale = args.a_in_scale,
                         .clip = args.quant_clipping_bound,
                         .scale_mode = args.scale_mode};
    }
    return result;
  }
  result.x_scheme = problem.schemes.a;
  result.x_scale = batch.a_scale;
  if (result.x_scheme == QuantScheme::kPerTensor && batch.leading() > 0) {
    result.x_scheme = QuantScheme::kPerToken;
    result.x_scale = RepeatRows(batch.a_scale, batch.a.dim(-2));
  }
  return result;
}

// One matrix [M, K], or a batch [B, M, K] with the same b.
void MatmulOnce(const Problem& problem, const Batch& batch,
                HostContext& context) {
  const MatmulArgs& args = problem.args;
  ScratchScope scratch(context.arena());
  const Operand operand =
      PrepareOperand(LeftArgs(problem, batch), scratch, context);
  MatrixOperand b = args.b;
  if (batch.b.present()) {
    // The first of those that are all the same.
    const bool one = batch.leading() > 0;
    b = QuantizedMatrix{one ? batch.b.Select(0, 0) : batch.b,
                        one && batch.b_scale.present()
                            ? batch.b_scale.Select(0, 0)
                            : batch.b_scale,
                        problem.schemes.b};
  }
  SegmentColumns columns;
  if (args.segment_columns.has_value()) {
    columns = {(*args.segment_columns)[0], (*args.segment_columns)[1]};
  }
  StoreArgs store = {.scales = ScalesOfProduct(operand, b, columns, scratch),
                     .alpha = args.alpha,
                     .bias = problem.bias,
                     .row_bias = problem.row_bias,
                     .clamp_lower = args.clamp_lower,
                     .clamp_upper = args.clamp_upper,
                     .activation = args.activation,
                     .beta = args.beta,
                     .out = AsTokens(batch.out),
                     .out_factor = problem.out_factor};
  if (problem.row_bias != nullptr && batch.leading() > 0) {
    const int64_t m = batch.out.dim(-2);
    float* repeated = scratch.Allocate<float>(batch.out.dim(0) * m);
    for (int64_t i = 0; i < batch.out.dim(0); ++i) {
      std::copy(problem.row_bias, problem.row_bias + m, repeated + i * m);
    }
    store.row_bias = repeated;
  }
  if (batch.multiplier.present()) store.multiplier = AsTokens(batch.multiplier);
  if (batch.residual.present()) store.residual = AsTokens(batch.residual);
  Gemm(
      {.a = operand.a, .b = {b}, .a_block_scales = operand.block_scales},
      [&](const GemmTile& tile) HWY_ATTR { StoreTile(store, tile); }, context);
}

// Cuts off leading dimensions until one product is left.
void MatmulLeading(const Problem& problem, const Batch& batch,
                   HostContext& context) {
  const bool same_b = !Varies(batch.b, 2) &&
                      !Varies(batch.b_scale, ScaleRank(problem.schemes.b));
  if (batch.leading() == 0 || (batch.leading() == 1 && same_b)) {
    MatmulOnce(problem, batch, context);
    return;
  }
  for (int64_t i = 0; i < batch.out.dim(0); ++i) {
    MatmulLeading(problem, batch.Select(i), context);
  }
}

void MatmulHost(const MatmulArgs& args, HostContext& context) {
  ScratchScope scratch(context.arena());
  const float* bias = ContiguousVector(args.bias, scratch);
  const bool of_rows = args.bias_dim == MatmulBiasDim::kM;
  const Problem problem = {
      .args = args,
      .schemes = matmul_internal::ResolveSchemes(args),
      .bias = of_rows ? nullptr : bias,
      .row_bias = of_rows ? bias : nullptr,
      .out_factor = args.out_scale.present()
                        ? 1.0f / *args.out_scale.data<float>()
                        : 1.0f};
  Batch batch = {
      .a = Stretch(args.a.data, 2, args.out),
      .a_scale = StretchScales(args.a.scales, problem.schemes.a, args.out),
      .b = Stretch(args.b.plain(), 2, args.out),
      .b_scale = StretchScales(args.b.scales(), problem.schemes.b, args.out),
      .multiplier = args.multiplier,
      .out = args.out};
  if (args.beta != 0) batch.residual = args.residual;
  MatmulLeading(problem, batch, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(MatmulHost);

absl::Status Matmul(const MatmulArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.out.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(MatmulHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
