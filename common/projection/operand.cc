// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/projection/operand.h"

#include <cmath>
#include <cstdint>
#include <optional>

#include "absl/log/absl_check.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

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

void CheckNorm(ArgumentChecker& check, const NormNames& names,
               const NormArgs& norm) {
  const bool known = norm.type == NormType::kNoNorm ||
                     norm.type == NormType::kRmsNorm ||
                     norm.type == NormType::kRmsNormSkipGamma;
  check.Require(known, names.type, " is ", static_cast<int>(norm.type),
                ", expected NO_NORM, RMS_NORM or RMS_NORM_SKIP_GAMMA");
  if (norm.type == NormType::kRmsNorm) {
    check.Required(names.gamma, norm.gamma, "H | 1 H", kFloatTypes);
  } else if (norm.gamma.present()) {
    check.Require(false, names.gamma, " is given but ", names.type,
                  " is not RMS_NORM");
  }
  check.Require(std::isfinite(norm.eps) && norm.eps >= 0, names.eps, " is ",
                norm.eps, ", expected a finite number >= 0");
  check.Require(norm.gamma_offset == 0 || norm.gamma_offset == 1,
                "gamma_offset is ", norm.gamma_offset, ", expected 0 or 1");
  const int64_t actual = norm.hidden_actual.value_or(check["H"]);
  check.Require(
      !norm.hidden_actual.has_value() || (actual >= 1 && actual <= check["H"]),
      "hidden_actual is ", actual, ", expected 1 to H = ", check["H"]);
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
