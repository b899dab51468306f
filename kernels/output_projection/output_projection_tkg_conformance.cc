// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/output_projection/output_projection_tkg.h"
#include "tilework/kernels/output_projection/output_projection_tkg_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

double Flops(const OutputProjectionTkgArgs& args) {
  return 2 *
         static_cast<double>(args.attention.NumElements() * args.out.dim(-1));
}

const Tested<OutputProjectionTkgArgs> kKernel({
    .run = OutputProjectionTkg,
    .expect = OutputProjectionExpected,
    .flops = Flops,
    .cases =
        {
            {"Llama-3 70B",
             "attention=bf16[8,1,8,128] weight=bf16[1024,8192] out=bf16"},
            {"Llama-3 70B, speculation",
             "attention=bf16[8,5,8,128] weight=bf16[1024,8192] out=bf16"},
            {"Llama-3 405B",
             "attention=bf16[4,8,4,128] weight=bf16[512,16384] "
             "bias=bf16 out=bf16"},
            {"GPT-OSS",
             "attention=bf16[4,4,8,64] weight=bf16[512,2880] bias=bf16 "
             "out=bf16"},
            {"Gemma-3, odd",
             "attention=bf16[4,4,8,64] weight=bf16[512,5378] out=bf16"},
            {"Qwen3 8B",
             "attention=bf16[1,1,32,128] weight=bf16[4096,4096] "
             "residual=bf16 out=bf16"},
            {"odd sizes",
             "attention=bf16[413,8,27,13] weight=bf16[351,602] out=bf16"},
        },
});

}  // namespace
}  // namespace tilework
