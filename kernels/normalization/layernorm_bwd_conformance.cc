// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/layernorm_bwd.h"
#include "tilework/kernels/normalization/layernorm_bwd_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<LayerNormBwdArgs> kKernel({
    .run = LayerNormBwd,
    .expect = LayerNormBwdExpected,
    .cases =
        {
            {"8192 x 4096",
             "dy=bf16[8192,4096] input=bf16 gamma=bf16 mean=f32 rstd=f32 "
             "dx=bf16 dgamma=f32 dbeta=f32"},
            {"2048 x 8192",
             "dy=bf16[2048,8192] input=bf16 gamma=bf16 mean=f32 rstd=f32 "
             "dx=bf16 dgamma=f32 dbeta=f32"},
        },
    .run_device = LayerNormBwd,
    .device_cases = {{"3 GiB",
                      "dy=bf16[131072,4096] input=bf16 gamma=bf16 mean=f32 "
                      "rstd=f32 dx=bf16 dgamma=f32 dbeta=f32"}},
});

}  // namespace
}  // namespace tilework
