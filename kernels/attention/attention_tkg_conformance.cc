// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_declare.h"
#include "tilework/kernels/attention/attention_tkg.h"
#include "tilework/kernels/attention/attention_tkg_oracle.h"
#include "tilework/testing/tensors.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

// Two operations for each element of a visible pair of query and key.
double Flops(const AttentionTkgArgs& args) {
  const ConstTensor q = WithBatch(args.q, 4);
  const double active = static_cast<double>(q.dim(2));
  double pairs = 0;
  for (int64_t b = 0; b < q.dim(0); ++b) {
    pairs += active * (Read(args.cache_lens, Dims{b}) + (active + 1) / 2);
  }
  return 2 * static_cast<double>(q.dim(1) * (q.dim(3) + args.v_prior.dim(-1))) *
         pairs;
}

const Tested<AttentionTkgArgs> kKernel({
    .run = AttentionTkg,
    .expect = AttentionTkgExpected,
    .flops = Flops,
    .cases =
        {
            {"Llama-3 70B, 1024 slots",
             "q=bf16[4,8,1,128] k_prior=bf16[4,1,16384,128] "
             "v_prior=bf16[4,1,16384,128] k_active=bf16 v_active=bf16 "
             "curr_sprior=1024 cache_lens=i32 out=bf16 scale=0.088388348"},
            {"Llama-3 70B, 10240 slots",
             "q=bf16[4,8,1,128] k_prior=bf16[4,1,16384,128] "
             "v_prior=bf16[4,1,16384,128] k_active=bf16 v_active=bf16 "
             "curr_sprior=10240 cache_lens=i32 out=bf16 scale=0.088388348"},
            {"Llama-3 70B, speculation",
             "q=bf16[4,8,5,128] k_prior=bf16[4,1,16384,128] "
             "v_prior=bf16[4,1,16384,128] k_active=bf16 v_active=bf16 "
             "curr_sprior=10240 cache_lens=i32 out=bf16 scale=0.088388348"},
            {"Llama-3 8B",
             "q=bf16[1,32,1,128] k_prior=bf16[1,8,8192,128] "
             "v_prior=bf16[1,8,8192,128] k_active=bf16 v_active=bf16 "
             "cache_lens=i32 out=bf16 scale=0.088388348"},
            {"many heads of one group",
             "q=bf16[3,59,7,64] k_prior=bf16[3,1,4096,64] "
             "v_prior=bf16[3,1,4096,64] k_active=bf16 v_active=bf16 "
             "cache_lens=i32 out=bf16 scale=0.125"},
            {"many heads, tokens in the cache",
             "q=bf16[7,128,2,128] k_prior=bf16[7,1,8448,128] "
             "v_prior=bf16[7,1,8448,128] cache_lens=i32 out=bf16 "
             "scale=0.088388348"},
        },
});

}  // namespace
}  // namespace tilework
