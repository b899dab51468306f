// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// attention_cte in float64, key by key.

#ifndef TILEWORK_KERNELS_ATTENTION_ATTENTION_CTE_ORACLE_H_
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_CTE_ORACLE_H_

#include <cstdint>
#include <vector>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_cte.h"
#include "tilework/kernels/attention/attention_declare.h"
#include "tilework/kernels/attention/attention_testing.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// For four-dimensional tensors.
inline AttentionReference AttentionCteOracle(const AttentionCteArgs& args) {
  const int64_t group = args.q.dim(1) == 0 ? 1 : args.q.dim(1) / args.k.dim(1);
  const int64_t dv = args.v.dim(3);
  AttentionReference reference;
  for (int64_t b = 0; b < args.q.dim(0); ++b) {
    int64_t used = 0;
    if (args.prior_used_len.present()) {
      const bool shared = args.prior_used_len.dim(0) == 1;
      used =
          static_cast<int64_t>(Read(args.prior_used_len, Dims{shared ? 0 : b}));
    }
    for (int64_t h = 0; h < args.q.dim(1); ++h) {
      // Element d of key c of k or v.
      const auto read = [&](const ConstTensor& prior, const ConstTensor& active,
                            int64_t c, int64_t d) {
        return c < used ? Read(prior, {b, h / group, c, d})
                        : Read(active, {b, h / group, c - used, d});
      };
      for (int64_t i = 0; i < args.q.dim(2); ++i) {
        std::vector<double> scores;
        for (int64_t c = 0; c < used + args.k.dim(2); ++c) {
          if (args.causal_mask && c - used > i) break;
          double dot = 0;
          for (int64_t d = 0; d < args.q.dim(3); ++d) {
            dot +=
                Read(args.q, {b, h, i, d}) * read(args.k_prior, args.k, c, d);
          }
          scores.push_back(args.scale * dot);
        }
        reference.AddRow(scores, dv, [&](int64_t c, int64_t d) {
          return read(args.v_prior, args.v, c, d);
        });
      }
    }
  }
  return reference;
}

// AttentionCteOracle() with the bounds of attention_cte.h.
inline std::vector<ExpectedTensor> AttentionCteExpected(
    const AttentionCteArgs& args) {
  AttentionCteArgs whole = args;
  for (ConstTensor* tensor :
       {&whole.q, &whole.k, &whole.v, &whole.k_prior, &whole.v_prior}) {
    *tensor = WithBatch(*tensor, 4);
  }
  return WithBounds(AttentionCteOracle(whole), args.out, args.out_lse,
                    args.q.dtype());
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_CTE_ORACLE_H_
