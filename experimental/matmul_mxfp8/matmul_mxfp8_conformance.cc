// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8.h"
#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

double Flops(const MatmulMxfp8Args& args) {
  return 2 * static_cast<double>(args.out.NumElements() * args.lhs.dim(1));
}

const Tested<MatmulMxfp8Args> kKernel({
    .run = MatmulMxfp8,
    .expect = MatmulMxfp8Expected,
    .flops = Flops,
    .cases =
        {
            {"square", "lhs=bf16[1024,1024] rhs=bf16[1024,1024] out=bf16"},
            {"Qwen3 8B qkv",
             "float8_dtype=f8e4m3 lhs=bf16[4096,4096] rhs=bf16[6144,4096] "
             "out=bf16"},
            {"Qwen3 8B down, quantized before",
             "lhs=f8e4m3[4096,12288] rhs=f8e4m3[4096,12288] lhs_scales=e8m0 "
             "rhs_scales=e8m0 out=bf16"},
            {"GPT-OSS 20B, weight of 4 bits",
             "float8_dtype=f8e4m3 lhs=bf16[64,2880] rhs=f4e2m1[5120,2880] "
             "rhs_scales=e8m0 bias=bf16 out=bf16"},
        },
});

}  // namespace
}  // namespace tilework
