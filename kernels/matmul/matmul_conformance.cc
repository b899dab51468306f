// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/matmul/matmul.h"
#include "tilework/kernels/matmul/matmul_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

double Flops(const MatmulArgs& args) {
  return 2 * static_cast<double>(args.out.NumElements() * args.a.dim(-1));
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
            {"GPT-OSS 20B qkv",
             "a=bf16[64,2880] b=bf16[2880,5120] bias=bf16 out=bf16"},
            {"vision tower",
             "a=f16[578,1408] b=f16[1408,264] bias=f16 activation=SiLU "
             "out=f16"},
            {"batch with a residual",
             "a=f32[32,128,64] b=f32[64,127] residual=f32 out=f32"},
        },
});

}  // namespace
}  // namespace tilework
