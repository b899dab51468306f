// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/matmul/matmul.h"
#include "tilework/kernels/matmul/matmul_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

double Flops(const MatmulArgs& args) {
  const double outputs = static_cast<double>(args.out.NumElements());
  return 2 * outputs * static_cast<double>(args.a.data.dim(-1));
}

const Tested<MatmulArgs> kKernel({
    .run = Matmul,
    .expect = MatmulExpected,
    .flops = Flops,
    .cases =
        {
            {"Llama-3 8B qkv decode",
             "a=bf16[1,4096] b=bf16[4096,6144] out=bf16"},
            {"Llama-3 8B qkv decode, 8 tokens",
             "a=bf16[8,4096] b=bf16[4096,6144] out=bf16"},
            {"Llama-3 8B gate and up",
             "a=bf16[4096,4096] b=bf16[4096,28672] out=bf16"},
            {"large square", "a=bf16[8192,8192] b=bf16[8192,8192] out=bf16"},
            {"large square, fp8",
             "a_scheme=PER_TOKEN b_scheme=PER_CHANNEL a=f8e4m3[8192,8192] "
             "a_scale=f32 b=f8e4m3[8192,8192] b_scale=f32 out=bf16"},
            {"DeepSeek-V3 q_a and kv_a",
             "a_scheme=BLOCK128 b_scheme=BLOCK128 a=f8e4m3[4096,7168] "
             "a_scale=f32 b=f8e4m3[7168,2112] b_scale=f32 out=bf16"},
            {"GPT-OSS 20B qkv",
             "a=bf16[64,2880] b=bf16[2880,5120] bias=bf16 out=bf16"},
            {"GPT-OSS 20B qkv, MXFP4 weight",
             "b_scheme=MX a=bf16[64,2880] b=f4e2m1[2880,5120] b_scale=e8m0 "
             "bias=bf16 out=bf16"},
            {"vision tower",
             "a=f16[578,1408] b=f16[1408,264] bias=f16 activation=GELU "
             "out=f16"},
            {"batch with a residual",
             "a=f32[32,128,64] b=f32[32,64,127] residual=f32 out=f32"},
        },
});

}  // namespace
}  // namespace tilework
