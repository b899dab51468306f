// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// attention_tkg in float64, slot by slot.

#ifndef TILEWORK_KERNELS_ATTENTION_ATTENTION_TKG_ORACLE_H_
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_TKG_ORACLE_H_

#include <cstdint>
#include <vector>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_declare.h"
#include "tilework/kernels/attention/attention_testing.h"
#include "tilework/kernels/attention/attention_tkg.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// For four-dimensional tensors.
inline AttentionReference AttentionTkgOracle(const AttentionTkgArgs& args) {
  const int64_t group =
      args.q.dim(1) == 0 ? 1 : args.q.dim(1) / args.k_prior.dim(1);
  const int64_t active = args.q.dim(2);
  const int64_t slots = args.curr_sprior.value_or(args.k_prior.dim(2));
  const bool in_cache = !args.k_active.present();
  const bool append = args.active_placement == ActivePlacement::kAppend;
  // Entries of the key axis, and the first that is an active token's.
  const int64_t total = !in_cache && append ? slots + active : slots;
  const int64_t first_active = in_cache ? slots : total - active;
  AttentionReference reference;
  for (int64_t b = 0; b < args.q.dim(0); ++b) {
    const auto cached = static_cast<int64_t>(Read(args.cache_lens, Dims{b}));
    for (int64_t h = 0; h < args.q.dim(1); ++h) {
      const auto read = [&](const ConstTensor& prior,
                            const ConstTensor& actives, int64_t t, int64_t d) {
        return t < first_active
                   ? Read(prior, {b, h / group, t, d})
                   : Read(actives, {b, h / group, t - first_active, d});
      };
      for (int64_t i = 0; i < active; ++i) {
        std::vector<int64_t> visible;
        std::vector<double> scores;
        for (int64_t t = 0; t < total; ++t) {
          bool sees = t < first_active ? t < cached : t - first_active <= i;
          if (in_cache && t >= cached && t < cached + active) {
            sees = t - cached <= i;
          }
          if (!sees) continue;
          double dot = 0;
          for (int64_t d = 0; d < args.q.dim(3); ++d) {
            dot += Read(args.q, {b, h, i, d}) *
                   read(args.k_prior, args.k_active, t, d);
          }
          visible.push_back(t);
          scores.push_back(args.scale * dot);
        }
        reference.AddRow(scores, args.v_prior.dim(3),
                         [&](int64_t c, int64_t d) {
                           return read(args.v_prior, args.v_active,
                                       visible[static_cast<size_t>(c)], d);
                         });
      }
    }
  }
  return reference;
}

// AttentionTkgOracle() with the bounds of attention_cte.h.
inline std::vector<ExpectedTensor> AttentionTkgExpected(
    const AttentionTkgArgs& args) {
  AttentionTkgArgs whole = args;
  for (ConstTensor* tensor : {&whole.q, &whole.k_active, &whole.v_active,
                              &whole.k_prior, &whole.v_prior}) {
    *tensor = WithBatch(*tensor, 4);
  }
  return WithBounds(AttentionTkgOracle(whole), args.out, args.out_lse,
                    args.q.dtype());
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_TKG_ORACLE_H_
