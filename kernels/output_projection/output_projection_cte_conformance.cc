// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/output_projection/output_projection_cte.h"
#include "tilework/kernels/output_projection/output_projection_cte_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

double Flops(const OutputProjectionCteArgs& args) {
  return 2 *
         static_cast<double>(args.attention.NumElements() * args.out.dim(-1));
}

const Tested<OutputProjectionCteArgs> kKernel({
    .run = OutputProjectionCte,
    .expect = OutputProjectionExpected,
    .flops = Flops,
    .cases =
        {
            {"Llama-3 8B",
             "attention=bf16[1,8192,32,128] weight=bf16[4096,4096] "
             "residual=bf16 out=bf16"},
            {"Llama-3 70B, 1024 tokens",
             "attention=bf16[1,1024,8,128] weight=bf16[1024,8192] "
             "out=bf16"},
            {"Gemma-3 27B",
             "attention=bf16[1,1024,2,128] weight=bf16[256,5376] "
             "out=bf16"},
            {"GPT-OSS 20B",
             "attention=bf16[1,577,16,64] weight=bf16[1024,2880] "
             "bias=bf16 out=bf16"},
            {"odd heads",
             "attention=bf16[1,128,17,10] weight=bf16[170,3072] "
             "bias=bf16 out=bf16"},
            {"SmolLM2 135M",
             "attention=bf16[1,512,9,64] weight=bf16[576,576] "
             "residual=bf16 out=bf16"},
        },
});

}  // namespace
}  // namespace tilework
