// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/scale_kernel.h"

#include <cmath>
#include <vector>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

void Declare(const ScaleArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "scale", .summary = "Multiplies", .rows = "T"});
  v.Attribute("factor", args.factor,
              {.domain = Domain::Between(0, 4), .help = "of all elements"});
  v.Input("x", args.x, {.shape = "T H", .dtypes = kF32Only, .help = "x"});
  v.Output("y", args.y,
           {.shape = "T H", .dtypes = kF32Only, .may_be = {"x"}, .help = "y"});
}

absl::Status Validate(const ScaleArgs& args) { return CheckArguments(args); }

std::vector<ExpectedTensor> ScaleExpected(const ScaleArgs& args) {
  std::vector<double> reference = ToDoubles(args.x);
  std::vector<double> bound;
  for (double& value : reference) {
    value *= static_cast<double>(args.factor);
    bound.push_back(1e-5 * (1 + std::abs(value)));
  }
  return {{"y", args.y, reference, bound}};
}

absl::Status ScaleOnHost(const ScaleArgs& args, HostContext& /*context*/) {
  if (absl::Status status = Validate(args); !status.ok()) return status;
  ForEachIndex(args.x.shape(), [&](const Dims& index) {
    Write(args.y, index,
          static_cast<double>(args.factor) * Read(args.x, index));
  });
  return absl::OkStatus();
}

}  // namespace tilework
