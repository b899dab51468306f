// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_tkg.h"

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_check.h"

namespace tilework {
namespace {

// The tokens and the slots for them.
void CheckLengths(ArgumentChecker& check, const AttentionTkgArgs& args) {
  if (!check.ok()) return;
  const int64_t capacity = check["Scap"];
  const int64_t active = check["Sa"];
  const int64_t slots = args.curr_sprior == -1 ? capacity : args.curr_sprior;
  check.Require(slots <= capacity && (slots >= 1 || args.curr_sprior == -1),
                "curr_sprior is ", args.curr_sprior,
                ", expected 1 to Scap = ", capacity);
  const bool in_cache = !args.k_active.present();
  const bool append =
      !in_cache && args.active_placement == ActivePlacement::kAppend;
  check.Require(append || active <= slots, "Sa = ", active,
                " exceeds curr_sprior = ", slots);
  const int64_t most = append ? slots : slots - active;
  for (int64_t b = 0; b < check["B"]; ++b) {
    const int32_t length = *args.cache_lens.At<int32_t>(b);
    check.Require(length >= 0 && length <= most, "cache_lens[", b,
                  "] = ", length, ", expected 0 to ", most,
                  append ? " = curr_sprior" : " = curr_sprior - Sa");
  }
}

}  // namespace

absl::Status Validate(const AttentionTkgArgs& args) {
  ArgumentChecker check("attention_tkg");
  check.Required("q", WithBatch(args.q, 4), "B Hq Sa D", kFloatTypes);
  check.Required("k_prior", WithBatch(args.k_prior, 4), "Bc Hkv Scap D",
                 kFloatTypes);
  check.Required("v_prior", WithBatch(args.v_prior, 4), "Bc Hkv Scap Dv",
                 kFloatTypes);
  check.Require(check["Bc"] >= check["B"], "k_prior has Bc = ", check["Bc"],
                " batches but B = ", check["B"]);
  CheckPair(check, "k_active", args.k_active, "v_active", args.v_active);
  check.Optional("k_active", WithBatch(args.k_active, 4), "B Hkv Sa D",
                 kFloatTypes);
  check.Optional("v_active", WithBatch(args.v_active, 4), "B Hkv Sa Dv",
                 kFloatTypes);
  check.Required("cache_lens", args.cache_lens, "B", kI32Only);
  check.Required("out", WithBatch<ConstTensor>(args.out, 4), "B Hq Sa Dv",
                 kFloatTypes);
  check.Optional("out_lse", WithBatch<ConstTensor>(args.out_lse, 3), "B Hq Sa",
                 kF32Only);
  CheckHeads(check);
  CheckType(check, "k_prior", args.k_prior, args.q);
  CheckType(check, "v_prior", args.v_prior, args.q);
  CheckType(check, "k_active", args.k_active, args.q);
  CheckType(check, "v_active", args.v_active, args.q);
  CheckOut(check, args.out, args.q, args.scale);
  CheckLengths(check, args);
  const struct {
    std::string_view name;
    const ConstTensor& tensor;
  } inputs[] = {{"q", args.q},
                {"k_active", args.k_active},
                {"v_active", args.v_active},
                {"k_prior", args.k_prior},
                {"v_prior", args.v_prior},
                {"cache_lens", args.cache_lens}};
  for (const auto& input : inputs) {
    check.NoOverlap("out", args.out, input.name, input.tensor);
    check.NoOverlap("out_lse", args.out_lse, input.name, input.tensor);
  }
  check.NoOverlap("out_lse", args.out_lse, "out", args.out);
  return check.status();
}

}  // namespace tilework
