// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_cte.h"

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_check.h"

namespace tilework {

absl::Status Validate(const AttentionCteArgs& args) {
  ArgumentChecker check("attention_cte");
  check.Required("q", WithBatch(args.q, 4), "B Hq Sq D", kFloatTypes);
  check.Required("k", WithBatch(args.k, 4), "B Hkv Sk D", kFloatTypes);
  check.Required("v", WithBatch(args.v, 4), "B Hkv Sk Dv", kFloatTypes);
  CheckPair(check, "k_prior", args.k_prior, "v_prior", args.v_prior);
  CheckPair(check, "k_prior", args.k_prior, "prior_used_len",
            args.prior_used_len);
  check.Optional("k_prior", WithBatch(args.k_prior, 4), "B Hkv Sp D",
                 kFloatTypes);
  check.Optional("v_prior", WithBatch(args.v_prior, 4), "B Hkv Sp Dv",
                 kFloatTypes);
  check.Optional("prior_used_len", args.prior_used_len, "B | 1", kI32Only);
  check.Required("out", WithBatch<ConstTensor>(args.out, 4), "B Hq Sq Dv",
                 kFloatTypes);
  check.Optional("out_lse", WithBatch<ConstTensor>(args.out_lse, 3), "B Hq Sq",
                 kF32Only);
  CheckHeads(check);
  CheckType(check, "k", args.k, args.q);
  CheckType(check, "v", args.v, args.q);
  CheckType(check, "k_prior", args.k_prior, args.q);
  CheckType(check, "v_prior", args.v_prior, args.q);
  CheckOut(check, args.out, args.q, args.scale);
  if (check.ok() && args.prior_used_len.present()) {
    for (int64_t b = 0; b < args.prior_used_len.dim(0); ++b) {
      const int32_t used = *args.prior_used_len.At<int32_t>(b);
      check.Require(used >= 0 && used <= check["Sp"], "prior_used_len[", b,
                    "] = ", used, ", expected 0 to Sp = ", check["Sp"]);
    }
  }
  const struct {
    std::string_view name;
    const ConstTensor& tensor;
  } inputs[] = {{"q", args.q},
                {"k", args.k},
                {"v", args.v},
                {"k_prior", args.k_prior},
                {"v_prior", args.v_prior},
                {"prior_used_len", args.prior_used_len}};
  for (const auto& input : inputs) {
    check.NoOverlap("out", args.out, input.name, input.tensor);
    check.NoOverlap("out_lse", args.out_lse, input.name, input.tensor);
  }
  check.NoOverlap("out_lse", args.out_lse, "out", args.out);
  return check.status();
}

}  // namespace tilework
