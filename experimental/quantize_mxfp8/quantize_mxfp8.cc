// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/packing.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr Enumerator kScaleModes[] = {
    {0, "FLOOR"}, {1, "CEIL"}, {2, "EVEN"}, {3, "RCEIL"}};
// The last one along K only.
constexpr DType kDataTypes[] = {DType::kF8E4M3, DType::kF8E5M2, DType::kF4E2M1};
constexpr DType kScaleTypes[] = {DType::kE8M0, DType::kU8};
constexpr std::string_view kScaleHelp =
    "powers of two by their exponent + 127; 255 is NaN";

bool HasRows(const ConstTensor& tensor) {
  bool has_rows = true;
  for (int i = 0; i + 1 < tensor.rank(); ++i) has_rows &= tensor.dim(i) > 0;
  return has_rows;
}

int64_t NumBlocks(int64_t size) {
  return size / kMxBlockSize + (size % kMxBlockSize != 0 ? 1 : 0);
}

void DeclareAttributes(const QuantizeMxfp8Args& args, SchemaVisitor& v) {
  v.Attribute("axis", args.axis,
              {.domain = Domain::Either(-1, -2),
               .help = "the dimension that blocks lie along"});
  v.Attribute("scale_mode", args.scale_mode,
              {.domain = Domain::OneOf(kScaleModes),
               .help = "how the scale follows from the largest magnitude"});
  v.Attribute("block_size", args.block_size,
              {.domain = Domain::Between(kMxBlockSize, kMxBlockSize),
               .help = "elements that share a scale"});
}

// Elements of 4 bits share bytes along the last dimension.
void DeclarePacking(std::string_view name, const Tensor& tensor,
                    std::string_view rule, SchemaVisitor& v) {
  v.Rule(rule, [&](ArgumentChecker& check) {
    check.Require(tensor.dtype() != DType::kF4E2M1 || IsPackedAlong(tensor, -1),
                  name, " of f4e2m1 has strides ", tensor.strides(),
                  ", expected 1 in the last dimension");
  });
}

// Of src_tensor and data.
Shapes SourceShapes(const QuantizeMxfp8Args& args) {
  const bool is_vector = args.src_tensor.rank() == 1 && args.axis == -1;
  return {{"... F K", "", !is_vector}, {"K", "src_tensor is [K]", is_vector}};
}

void DeclareSource(const QuantizeMxfp8Args& args, SchemaVisitor& v) {
  v.Input("src_tensor", args.src_tensor,
          {.shape = {{"... F K | K", "axis = -1", args.axis == -1},
                     {"... F K", "axis = -2", args.axis == -2}},
           .dtypes = kFloatTypes,
           .help = "x"});
  v.Rule("K >= 1 if there are rows", [&](ArgumentChecker& check) {
    check.Require(check["K"] >= 1 || !HasRows(args.src_tensor),
                  "src_tensor is ", args.src_tensor.shape(),
                  ": K = 0, expected >= 1");
  });
  v.Bind("K/32", "ceil(K / 32)", [&] { return NumBlocks(v["K"]); });
  v.Bind("F/32", "ceil(F / 32)", [&] { return NumBlocks(v["F"]); });
}

void DeclareData(const QuantizeMxfp8Args& args, SchemaVisitor& v) {
  const bool along_k = args.axis == -1;
  const bool is_vector = along_k && args.src_tensor.rank() == 1;
  v.Output("data", args.data,
           {.shape = SourceShapes(args),
            .dtypes = {absl::MakeConstSpan(kDataTypes, along_k ? 3 : 2),
                       "f8e4m3, f8e5m2; f4e2m1 too if axis = -1"},
            .help = "element codes"});
  DeclarePacking("data", args.data,
                 "data of f4e2m1 is packed along its last dimension", v);
  v.Output("scales", args.scales,
           {.shape = {{"... F K/32", "axis = -1", along_k && !is_vector},
                      {"K/32", "src_tensor is [K]", is_vector},
                      {"... F/32 K", "axis = -2", !along_k}},
            .dtypes = kScaleTypes,
            .help = kScaleHelp});
}

void DeclareTransposed(const QuantizeMxfp8Args& args, SchemaVisitor& v) {
  const bool is_vector = args.src_tensor.rank() == 1;
  v.Output("data_t", args.data_t,
           {.shape = "... K F",
            .dtypes = SameAs(args.data, "as data"),
            .presence = OptionalUnless(args.axis != -1 || is_vector,
                                       "axis is -2 or src_tensor has no F"),
            .help = "codes of src_tensor quantized along F, transposed"});
  DeclarePacking("data_t", args.data_t,
                 "data_t of f4e2m1 is packed along its last dimension", v);
  v.Output("scales_t", args.scales_t,
           {.shape = "... K F/32",
            .dtypes = kScaleTypes,
            .presence =
                RequiredUnless(!args.data_t.present(), "data_t is not given"),
            .help = "scales of data_t"});
}

}  // namespace

void Declare(const QuantizeMxfp8Args& args, SchemaVisitor& v) {
  v.Kernel({.name = "quantize_mxfp8",
            .summary = "Quantization to MX blocks: 32 elements of 8 or 4 bits "
                       "that share a power of two",
            .rows = "..."});
  DeclareAttributes(args, v);
  DeclareSource(args, v);
  DeclareData(args, v);
  DeclareTransposed(args, v);
}

absl::Status Validate(const QuantizeMxfp8Args& args) {
  return CheckArguments(args);
}

}  // namespace tilework
