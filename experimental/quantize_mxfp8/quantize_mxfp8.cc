// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr DType kScaleTypes[] = {DType::kE8M0, DType::kU8};

bool HasRows(const ConstTensor& tensor) {
  bool has_rows = true;
  for (int i = 0; i + 1 < tensor.rank(); ++i) has_rows &= tensor.dim(i) > 0;
  return has_rows;
}

int64_t NumBlocks(int64_t size) {
  return size / kMxBlockSize + (size % kMxBlockSize != 0 ? 1 : 0);
}

void CheckAttributes(const QuantizeMxfp8Args& args, ArgumentChecker& check) {
  check.Require(args.axis == -1 || args.axis == -2, "axis is ", args.axis,
                ", expected -1 or -2");
  check.Require(args.block_size == kMxBlockSize, "block_size is ",
                args.block_size, ", expected 32");
  check.Require(args.scale_mode <= MxScaleMode::kRceil, "scale_mode is ",
                static_cast<int>(args.scale_mode),
                ", expected 0 (FLOOR), 1 (CEIL), 2 (EVEN) or 3 (RCEIL)");
}

// Elements of 4 bits share bytes along the last dimension.
void CheckPacking(std::string_view name, const Tensor& tensor,
                  ArgumentChecker& check) {
  if (!check.ok() || tensor.dtype() != DType::kF4E2M1) return;
  bool whole_bytes = tensor.dim(-1) <= 1 || tensor.stride(-1) == 1;
  for (int i = 0; i + 1 < tensor.rank(); ++i) {
    whole_bytes &= tensor.dim(i) <= 1 || tensor.stride(i) % 2 == 0;
  }
  check.Require(whole_bytes, name, " of f4e2m1 has strides ", tensor.strides(),
                ", expected 1 in the last dimension and even ones before");
}

void CheckData(const QuantizeMxfp8Args& args, ArgumentChecker& check) {
  constexpr DType kDataTypes[] = {DType::kF8E4M3, DType::kF8E5M2,
                                  DType::kF4E2M1};
  const bool along_k = args.axis == -1;
  const std::string_view shape =
      along_k && !args.data_t.present() ? "... K" : "... F K";
  check.Required("src_tensor", args.src_tensor, shape, kFloatTypes);
  if (!check.ok()) return;
  check.Require(check["K"] >= 1 || !HasRows(args.src_tensor), "src_tensor is ",
                args.src_tensor.shape(), ": K = 0, expected >= 1");
  check.Required("data", args.data, shape, kDataTypes);
  check.Require(along_k || args.data.dtype() != DType::kF4E2M1,
                "data has dtype f4e2m1 with axis -2, expected axis -1");
  CheckPacking("data", args.data, check);
}

void CheckScales(const QuantizeMxfp8Args& args, ArgumentChecker& check) {
  const bool has_f = args.axis == -2 || args.data_t.present();
  check.Bind("K/32", NumBlocks(check["K"]), "ceil(K / 32)");
  if (has_f) check.Bind("F/32", NumBlocks(check["F"]), "ceil(F / 32)");
  if (args.axis == -2) {
    check.Required("scales", args.scales, "... F/32 K", kScaleTypes);
  } else {
    check.Required("scales", args.scales, has_f ? "... F K/32" : "... K/32",
                   kScaleTypes);
  }
}

void CheckTransposed(const QuantizeMxfp8Args& args, ArgumentChecker& check) {
  check.Require(args.data_t.present() == args.scales_t.present(),
                args.data_t.present() ? "data_t is given but scales_t is not"
                                      : "scales_t is given but data_t is not");
  if (!args.data_t.present()) return;
  check.Require(args.axis == -1, "data_t is given with axis ", args.axis,
                ", expected axis -1");
  const DType type[] = {args.data.dtype()};
  check.Required("data_t", args.data_t, "... K F", type);
  check.Required("scales_t", args.scales_t, "... K F/32", kScaleTypes);
  CheckPacking("data_t", args.data_t, check);
}

void CheckOverlaps(const QuantizeMxfp8Args& args, ArgumentChecker& check) {
  const std::array<std::pair<std::string_view, Tensor>, 4> outputs = {
      {{"data", args.data},
       {"scales", args.scales},
       {"data_t", args.data_t},
       {"scales_t", args.scales_t}}};
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto& [name, tensor] = outputs[i];
    check.NoOverlap(name, tensor, "src_tensor", args.src_tensor);
    for (size_t j = 0; j < i; ++j) {
      check.NoOverlap(name, tensor, outputs[j].first, outputs[j].second);
    }
  }
}

}  // namespace

absl::Status Validate(const QuantizeMxfp8Args& args) {
  ArgumentChecker check("quantize_mxfp8");
  CheckAttributes(args, check);
  CheckData(args, check);
  CheckScales(args, check);
  CheckTransposed(args, check);
  CheckOverlaps(args, check);
  return check.status();
}

}  // namespace tilework
