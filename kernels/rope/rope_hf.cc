// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_hf.h"

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/overlap.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_arguments.h"

namespace tilework {
namespace {

void CheckRopeCache(const RopeHfArgs& args, int64_t r, ArgumentChecker& check) {
  const ConstTensor& cache = args.rope_cache;
  check.Forbidden("cos", args.cos, "rope_cache is given too");
  check.Forbidden("sin", args.sin, "rope_cache is given too");
  check.Required("rope_cache", cache, "P C | 1 P C | B P C", kFloatTypes);
  const int64_t c = check["C"];
  check.Require(c == r || c == 2 * r, "rope_cache is ", cache.shape(), ": ", c,
                " columns, expected ", r, " or ", 2 * r, " (from rotary_dim ",
                r, ")");
}

void CheckTables(const RopeHfArgs& args, ArgumentChecker& check) {
  const bool cached = args.rope_cache.present();
  check.Require(cached || args.cos.present() || args.sin.present(),
                "cos and sin are missing, and so is rope_cache");
  const int64_t r = args.rotary_dim.value_or(check["D"]);
  if (cached) {
    CheckRopeCache(args, r, check);
  } else {
    CheckCosSin(args.cos, args.sin, "P W | 1 P W | B P W", r, check);
  }
  const std::string_view name = cached ? "rope_cache" : "cos";
  const ConstTensor& table = cached ? args.rope_cache : args.cos;
  if (args.positions.present()) {
    CheckPositions(args.positions, name, table, check);
  } else {
    CheckRowsForTokens(name, table, "q", args.q, check);
  }
}

void CheckApart(std::string_view output_name, const ConstTensor& output,
                std::string_view other_name, const ConstTensor& other,
                ArgumentChecker& check) {
  if (!check.ok()) return;
  check.Require(!MayShareElements(output, other), output_name, " overlaps ",
                other_name);
}

void CheckAliasing(const RopeHfArgs& args, ArgumentChecker& check) {
  check.SameOrNoOverlap("q_out", args.q_out, "q", args.q);
  check.SameOrNoOverlap("k_out", args.k_out, "k", args.k);
  CheckApart("q_out", args.q_out, "k", args.k, check);
  CheckApart("k_out", args.k_out, "q", args.q, check);
  CheckApart("q_out", args.q_out, "k_out", args.k_out, check);
  struct Output {
    std::string_view name;
    const Tensor& tensor;
  };
  for (const Output& out :
       {Output{"q_out", args.q_out}, Output{"k_out", args.k_out}}) {
    check.NoOverlap(out.name, out.tensor, "cos", args.cos);
    check.NoOverlap(out.name, out.tensor, "sin", args.sin);
    check.NoOverlap(out.name, out.tensor, "rope_cache", args.rope_cache);
    check.NoOverlap(out.name, out.tensor, "positions", args.positions);
  }
}

}  // namespace

absl::Status Validate(const RopeHfArgs& args) {
  ArgumentChecker check("rope_hf");
  check.Required("q", args.q, "B Hq S D", kFloatTypes);
  const DType type[] = {args.q.dtype()};
  check.Required("k", args.k, "B Hkv S D", type);
  check.Required("q_out", args.q_out, "B Hq S D", type);
  check.Required("k_out", args.k_out, "B Hkv S D", type);
  CheckRotatedRange("q", args.q, args.rotary_dim, args.rotary_offset, check);
  CheckTables(args, check);
  CheckAliasing(args, check);
  return check.status();
}

}  // namespace tilework
