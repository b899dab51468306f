// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm.h"
#include "tilework/kernels/normalization/rmsnorm_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<RmsNormArgs> kKernel({
    .run = RmsNorm,
    .expect = RmsNormExpected,
    .cases =
        {
            {"Llama-3 8B decode",
             "input=bf16[1,1,4096] gamma=bf16 output=bf16"},
            {"Llama-3 8B prefill",
             "input=bf16[1,8192,4096] gamma=bf16 output=bf16"},
            {"Llama-3 70B", "input=bf16[4,8,8192] gamma=bf16 output=bf16"},
            {"Llama-3 70B, batch",
             "input=bf16[128,1,8192] gamma=bf16 output=bf16"},
            {"Llama-3 405B decode",
             "input=bf16[1,1,16384] gamma=bf16 output=bf16"},
            {"GPT-OSS, padded",
             "input=f16[2,8,3072] gamma=f16 output=f16 hidden_actual=2880"},
            {"GPT-OSS, unpadded",
             "input=bf16[4096,2880] gamma=bf16 output=bf16"},
            {"Qwen3 QK norm",
             "input=bf16[2,512,40,128] gamma=bf16 output=bf16"},
            {"DeepSeek-V3 latents",
             "input=bf16[4096,1536] gamma=bf16 output=bf16"},
            {"Gemma-2",
             "input=bf16[17,3584] gamma=bf16 output=bf16 gamma_offset=1"},
            {"Mamba-2",
             "input=bf16[64,5120] gamma=bf16 gate_mode=PRE gate=bf16 "
             "group_size=640 output=bf16"},
            {"residual, f32",
             "input=f32[8192,4096] gamma=f32 residual=f32 residual_out=f32 "
             "output=f32"},
        },
    .run_device = RmsNorm,
    .device_cases = {{"2 GiB",
                      "input=bf16[131072,4096] gamma=bf16 output=bf16"},
                     {"2 GiB, heads",
                      "input=bf16[131072,32,128] gamma=bf16 output=bf16"},
                     {"4 GiB, residual",
                      "input=bf16[131072,4096] gamma=bf16 residual=bf16 "
                      "residual_out=bf16 output=bf16"}},
});

}  // namespace
}  // namespace tilework
