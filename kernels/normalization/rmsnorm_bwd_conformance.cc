// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm_bwd.h"
#include "tilework/kernels/normalization/rmsnorm_bwd_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<RmsNormBwdArgs> kKernel({
    .run = RmsNormBwd,
    .expect = RmsNormBwdExpected,
    .cases =
        {
            {"8192 x 4096",
             "dy=bf16[8192,4096] input=bf16 gamma=bf16 rstd=f32 dx=bf16 "
             "dgamma=f32"},
            {"2048 x 8192",
             "dy=bf16[2048,8192] input=bf16 gamma=bf16 rstd=f32 dx=bf16 "
             "dgamma=f32"},
            {"QK norm",
             "dy=bf16[32768,128] input=bf16 gamma=bf16 rstd=f32 dx=bf16 "
             "dgamma=f32"},
        },
    .run_device = RmsNormBwd,
    .device_cases = {{"3 GiB",
                      "dy=bf16[131072,4096] input=bf16 gamma=bf16 rstd=f32 "
                      "dx=bf16 dgamma=f32"}},
});

}  // namespace
}  // namespace tilework
