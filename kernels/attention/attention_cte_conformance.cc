// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdint>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_cte.h"
#include "tilework/kernels/attention/attention_cte_oracle.h"
#include "tilework/kernels/attention/attention_declare.h"
#include "tilework/testing/tensors.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

// Two operations for each element of a visible pair of query and key.
double Flops(const AttentionCteArgs& args) {
  const ConstTensor q = WithBatch(args.q, 4);
  const int64_t keys = args.k.dim(-2);
  const ConstTensor& used = args.prior_used_len;
  double pairs = 0;
  for (int64_t b = 0; b < q.dim(0); ++b) {
    const double prior =
        used.present() ? Read(used, Dims{used.dim(0) == 1 ? 0 : b}) : 0;
    for (int64_t i = 0; i < q.dim(2); ++i) {
      const int64_t seen = args.causal_mask ? std::min(i + 1, keys) : keys;
      pairs += prior + static_cast<double>(seen);
    }
  }
  return 2 * static_cast<double>(q.dim(1) * (q.dim(3) + args.v.dim(-1))) *
         pairs;
}

const Tested<AttentionCteArgs> kKernel({
    .run = AttentionCte,
    .expect = AttentionCteExpected,
    .flops = Flops,
    .cases =
        {
            {"Llama-3 8B prefill",
             "q=bf16[1,32,8192,128] k=bf16[1,8,8192,128] v=bf16[1,8,8192,128] "
             "out=bf16 scale=0.088388348"},
            {"Llama-3 8B, batch",
             "q=bf16[4,32,2048,128] k=bf16[4,8,2048,128] v=bf16[4,8,2048,128] "
             "out=bf16 scale=0.088388348"},
            {"Llama-3 70B, chunk",
             "q=bf16[1,8,4096,128] k=bf16[1,1,4096,128] v=bf16[1,1,4096,128] "
             "k_prior=bf16[1,1,2048,128] v_prior=bf16 prior_used_len=i32[1] "
             "out=bf16 scale=0.088388348"},
            {"vision encoder",
             "q=bf16[1,16,577,88] k=bf16[1,16,577,88] v=bf16[1,16,577,88] "
             "out=bf16 causal_mask=false scale=0.106600358"},
            {"vision encoder, f32",
             "q=f32[1,16,577,88] k=f32[1,16,577,88] v=f32[1,16,577,88] "
             "out=f32 causal_mask=false scale=0.106600358"},
            {"vision, causal",
             "q=bf16[1,16,729,128] k=bf16[1,16,729,128] v=bf16[1,16,729,128] "
             "out=bf16 scale=0.088388348"},
            {"DeepSeek-V3 prefill",
             "q=bf16[1,128,4096,192] k=bf16[1,128,4096,192] "
             "v=bf16[1,128,4096,128] out=bf16 scale=0.072168784"},
            {"long queries",
             "q=bf16[1,1,16384,128] k=bf16[1,1,2048,128] v=bf16[1,1,2048,128] "
             "out=bf16 causal_mask=false scale=0.088388348"},
        },
});

}  // namespace
}  // namespace tilework
