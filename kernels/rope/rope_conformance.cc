// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<RopeArgs> kKernel({
    .run = Rope,
    .expect = RopeExpected,
    .cases =
        {
            {"Llama-3 8B prefill, queries",
             "x_in=bf16[1,4096,32,128] cos=bf16[4096,64] sin=bf16 x_out=bf16"},
            {"Llama-3 8B prefill, keys",
             "x_in=bf16[1,4096,8,128] cos=bf16[4096,64] sin=bf16 x_out=bf16"},
            {"Llama-3 8B decode",
             "mode=INDEXED x_in=bf16[64,1,32,128] cos=bf16[131072,64] sin=bf16 "
             "positions=i32 x_out=bf16"},
            {"Llama-3 8B decode, computed",
             "mode=COMPUTED x_in=bf16[64,1,32,128] positions=i32 inv_freq=f32 "
             "x_out=bf16"},
            {"batch of 64",
             "x_in=bf16[64,128,8,128] cos=bf16[128,64] sin=bf16 x_out=bf16"},
            {"512 heads",
             "x_in=bf16[1,128,512,64] cos=bf16[128,32] sin=bf16 x_out=bf16"},
            {"batch of 8192",
             "x_in=bf16[8192,8,1,128] cos=bf16[8,64] sin=bf16 x_out=bf16"},
            {"interleaved",
             "contiguous_layout=false x_in=bf16[255,6,8,64] cos=bf16[6,32] "
             "sin=bf16 x_out=bf16"},
            {"GPT-OSS",
             "x_in=bf16[2,1024,64,64] cos=f32[1024,32] sin=f32 x_out=bf16"},
            {"DeepSeek-V3, queries",
             "contiguous_layout=false rotary_dim=64 rotary_offset=128 "
             "x_in=bf16[1,512,128,192] cos=f32[512,32] sin=f32 x_out=bf16"},
            {"DeepSeek-V3, keys",
             "contiguous_layout=false x_in=bf16[1,512,1,64] cos=f32[512,32] "
             "sin=f32 x_out=bf16"},
            {"GLM-4",
             "contiguous_layout=false rotary_dim=64 x_in=bf16[1,1024,32,128] "
             "cos=bf16[1024,32] sin=bf16 x_out=bf16"},
            {"Phi-2",
             "rotary_dim=32 x_in=f16[1,1024,32,80] cos=f16[1024,16] sin=f16 "
             "x_out=f16"},
            {"Gemma",
             "x_in=bf16[1,1024,16,256] cos=bf16[1024,128] sin=bf16 "
             "x_out=bf16"},
            {"odd sizes",
             "rotary_dim=6 x_in=f32[1,51,3,10] cos=f32[51,3] sin=f32 "
             "x_out=f32"},
        },
    .run_device = Rope,
    .device_cases =
        {
            {"1 GiB of queries",
             "x_in=bf16[16,8192,32,128] cos=bf16[8192,64] sin=bf16 x_out=bf16"},
        },
    .bits_as_host = true,
});

}  // namespace
}  // namespace tilework
