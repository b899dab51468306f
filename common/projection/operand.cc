// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/projection/operand.h"

#include <cstdint>
#include <optional>

#include "absl/log/absl_check.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr Enumerator kRmsNorms[] = {
    {0, "NO_NORM"}, {1, "RMS_NORM"}, {3, "RMS_NORM_SKIP_GAMMA"}};
constexpr Enumerator kNorms[] = {{0, "NO_NORM"},
                                 {1, "RMS_NORM"},
                                 {2, "LAYER_NORM"},
                                 {3, "RMS_NORM_SKIP_GAMMA"}};

template <class View>
View WithLeadingOne(const View& view) {
  Dims shape = {1};
  Dims strides = {0};
  for (int i = 0; i < view.rank(); ++i) {
    shape.push_back(view.dim(i));
    strides.push_back(view.stride(i));
  }
  return View(view.data(), view.dtype(), shape, strides, view.space());
}

template <class View>
View AsTokensImpl(const View& tokens) {
  return tokens.rank() == 2 ? WithLeadingOne(tokens) : tokens;
}

template <class View>
View AsHeadsImpl(const View& tokens) {
  if (tokens.rank() == 4) return tokens;
  const View view = AsTokensImpl(tokens);
  return View(
      view.data(), view.dtype(), {view.dim(0), view.dim(1), 1, view.dim(2)},
      {view.stride(0), view.stride(1), 0, view.stride(2)}, view.space());
}

// The stride of dimensions i and i + 1 taken as one, if they are evenly spaced.
std::optional<int64_t> MergedStride(const ConstTensor& view, int i) {
  if (view.dim(i + 1) == 1) return view.stride(i);
  if (view.dim(i) == 1) return view.stride(i + 1);
  if (view.stride(i) != view.dim(i + 1) * view.stride(i + 1)) {
    return std::nullopt;
  }
  return view.stride(i + 1);
}

}  // namespace

void DeclareNorm(const NormMembers& norm, SchemaVisitor& v) {
  const bool has_layer_norm = norm.beta != nullptr;
  const bool is_layer_norm = norm.type == NormType::kLayerNorm;
  v.Attribute(norm.type_name, norm.type,
              {.domain = has_layer_norm ? Domain::OneOf(kNorms)
                                        : Domain::OneOf(kRmsNorms),
               .help = "the norm of each token; SKIP_GAMMA where gamma is part "
                       "of the weight"});
  v.Input(
      norm.gamma_name, norm.gamma,
      {.shape = "H | 1 H",
       .dtypes = kFloatTypes,
       .presence = RequiredUnless(
           norm.type != NormType::kRmsNorm && !is_layer_norm, norm.no_gamma),
       .help = "gamma, the weight of the norm"});
  if (has_layer_norm) {
    v.Input(norm.beta_name, *norm.beta,
            {.shape = "H | 1 H",
             .dtypes = kFloatTypes,
             .presence = OptionalUnless(!is_layer_norm, norm.no_beta),
             .help = "beta, added by the layer norm"});
  }
  v.Attribute(norm.eps_name, norm.eps,
              {.domain = Domain::FiniteAtLeast(0),
               .help = "added to the mean of the squares"});
  v.Attribute("gamma_offset", norm.gamma_offset,
              {.domain = Domain::Either(0, 1),
               .help = "1 for gammas of RMS stored as their difference to 1"});
  const Bound h = {v["H"], "H"};
  v.Attribute("hidden_actual", norm.hidden_actual,
              {.domain = Domain::Between(is_layer_norm ? h : Bound(1), h),
               .absent = "H",
               .help = "the divisor of the mean of RMS, for a zero-padded H"});
}

Tensor AsTokens(const Tensor& tokens) { return AsTokensImpl(tokens); }
ConstTensor AsTokens(const ConstTensor& tokens) { return AsTokensImpl(tokens); }

Tensor AsHeads(const Tensor& tokens) { return AsHeadsImpl(tokens); }
ConstTensor AsHeads(const ConstTensor& tokens) { return AsHeadsImpl(tokens); }

ConstTensor AsMatrix(const ConstTensor& heads) {
  ABSL_CHECK_EQ(heads.rank(), 4);
  const std::optional<int64_t> row = MergedStride(heads, 0);
  const std::optional<int64_t> col = MergedStride(heads, 2);
  if (!row.has_value() || !col.has_value()) return ConstTensor();
  return ConstTensor(heads.data(), heads.dtype(),
                     {heads.dim(0) * heads.dim(1), heads.dim(2) * heads.dim(3)},
                     {*row, *col}, heads.space());
}

}  // namespace tilework
