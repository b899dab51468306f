// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_hf.h"
#include "tilework/kernels/rope/rope_hf_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<RopeHfArgs> kKernel({
    .run = RopeHf,
    .expect = RopeHfExpected,
    .cases =
        {
            {"Llama-3 8B",
             "q=bf16[1,32,256,128] k=bf16[1,8,256,128] cos=bf16[256,128] "
             "sin=bf16 q_out=bf16 k_out=bf16"},
            {"Llama-3 8B, f32",
             "q=f32[1,32,256,128] k=f32[1,8,256,128] cos=f32[256,128] sin=f32 "
             "q_out=f32 k_out=f32"},
            {"16 and 4 heads",
             "q=bf16[2,16,512,128] k=bf16[2,4,512,128] cos=bf16[512,128] "
             "sin=bf16 q_out=bf16 k_out=bf16"},
            {"one head",
             "q=bf16[4,1,512,128] k=bf16[4,1,512,128] cos=bf16[512,128] "
             "sin=bf16 q_out=bf16 k_out=bf16"},
            {"backward, f32",
             "backward=true q=f32[1,32,512,64] k=f32[1,8,512,64] "
             "cos=f32[512,64] sin=f32 q_out=f32 k_out=f32"},
            {"rope_cache",
             "q=bf16[1,32,77,128] k=bf16[1,8,77,128] rope_cache=bf16[77,256] "
             "q_out=bf16 k_out=bf16"},
        },
    .run_device = RopeHf,
    .device_cases =
        {
            {"1 GiB of queries, and keys",
             "q=bf16[16,32,8192,128] k=bf16[16,8,8192,128] "
             "cos=bf16[8192,128] sin=bf16 q_out=bf16 k_out=bf16"},
        },
    .bits_as_host = true,
});

}  // namespace
}  // namespace tilework
