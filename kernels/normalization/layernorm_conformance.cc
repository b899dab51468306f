// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/layernorm.h"
#include "tilework/kernels/normalization/layernorm_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<LayerNormArgs> kKernel({
    .run = LayerNorm,
    .expect = LayerNormExpected,
    .cases =
        {
            {"GPT-3 decode",
             "input=f16[1,8,8192] gamma=f16 beta=f16 output=f16"},
            {"GPT-NeoX-20B",
             "input=bf16[2048,6144] gamma=bf16 beta=bf16 output=bf16"},
            {"ViT-L", "input=f32[64,257,1024] gamma=f32 output=f32"},
            {"DiT", "input=bf16[16,256,1152] output=bf16"},
            {"long rows",
             "input=f32[64,1,32768] gamma=f32 beta=f32 output=f32"},
            {"past the caches",
             "input=bf16[8192,4096] gamma=bf16 beta=bf16 output=bf16"},
        },
    .run_device = LayerNorm,
    .device_cases =
        {{"2 GiB", "input=bf16[131072,4096] gamma=bf16 beta=bf16 output=bf16"}},
});

}  // namespace
}  // namespace tilework
