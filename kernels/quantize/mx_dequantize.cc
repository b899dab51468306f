// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/mx_dequantize.h"

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/packing.h"
#include "tilework/kernels/quantize/boxes.h"

namespace tilework {
namespace {

void DeclareData(const MxDequantizeArgs& args, const Shapes& shapes,
                 SchemaVisitor& v) {
  constexpr DType kDataTypes[] = {DType::kF8E4M3, DType::kF8E5M2,
                                  DType::kF4E2M1};
  v.Input("data", args.data,
          {.shape = shapes, .dtypes = kDataTypes, .help = "element codes"});
  v.Rule("K >= 1 if there are rows", [&](ArgumentChecker& check) {
    check.Require(check["K"] >= 1 || !HasRows(args.data), "data is ",
                  args.data.shape(), ": K = 0, expected >= 1");
  });
  v.Rule("data of f4e2m1 is packed along one of the last two dimensions",
         [&](ArgumentChecker& check) {
           check.Require(
               args.data.dtype() != DType::kF4E2M1 ||
                   IsPackedAlong(args.data, -1) ||
                   (args.data.rank() >= 2 && IsPackedAlong(args.data, -2)),
               "data of f4e2m1 has strides ", args.data.strides(),
               ", expected 1 in one of the last two dimensions");
         });
}

}  // namespace

void Declare(const MxDequantizeArgs& args, SchemaVisitor& v) {
  constexpr DType kScaleTypes[] = {DType::kE8M0, DType::kU8};
  v.Kernel({.name = "mx_dequantize",
            .summary = "The numbers that MX blocks stand for",
            .rows = "..."});
  v.Attribute("axis", args.axis,
              {.domain = Domain::Either(-1, -2),
               .help = "the dimension that blocks lie along"});
  const bool along_k = args.axis == -1;
  const Shapes shapes = {{"... K", "", along_k},
                         {"... F K", "axis = -2", !along_k}};
  DeclareData(args, shapes, v);
  v.Bind("K/32", "ceil(K / 32)", [&] { return CeilDiv(v["K"], kMxBlockSize); });
  v.Bind("F/32", "ceil(F / 32)", [&] { return CeilDiv(v["F"], kMxBlockSize); });
  v.Input("scales", args.scales,
          {.shape = {{"... K/32", "axis = -1", along_k},
                     {"... F/32 K", "axis = -2", !along_k}},
           .dtypes = kScaleTypes,
           .help = "powers of two by their exponent + 127; 255 is NaN"});
  v.Output("y", args.y,
           {.shape = shapes, .dtypes = kFloatTypes, .help = "the numbers"});
}

absl::Status Validate(const MxDequantizeArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
