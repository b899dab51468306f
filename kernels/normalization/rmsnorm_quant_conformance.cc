// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm_quant.h"
#include "tilework/kernels/normalization/rmsnorm_quant_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<RmsNormQuantArgs> kKernel({
    .run = RmsNormQuant,
    .expect = RmsNormQuantExpected,
    .cases =
        {
            {"Llama-3 405B",
             "hidden=bf16[1,2048,16384] ln_w=bf16 out=f8e4m3_240"},
            {"Llama-3 70B", "hidden=f16[1,8192,8192] ln_w=f16 out=f8e4m3_240"},
            {"Llama-3 70B, short",
             "hidden=bf16[1,256,8192] ln_w=bf16 out=f8e4m3_240"},
            {"quantization alone",
             "hidden=bf16[1,2,16384] norm_type=NO_NORM out=f8e4m3_240"},
            {"quantization alone, static",
             "hidden=bf16[1,2,16384] norm_type=NO_NORM "
             "quantization_type=STATIC input_dequant_scale=f32[1] "
             "out=f8e4m3_240"},
            {"Qwen3-32B, residual",
             "hidden=bf16[2,33,5120] ln_w=bf16 residual=bf16 "
             "residual_out=bf16 out=f8e4m3"},
            {"Gemma",
             "hidden=bf16[1,77,3584] ln_w=bf16 pre_norm_gamma=bf16 "
             "residual=bf16 residual_out=bf16 out=f8e4m3"},
            {"past the caches",
             "hidden=bf16[8192,4096] ln_w=bf16 packed_output=false "
             "out=f8e4m3 dequant_scale=f32"},
            {"past the caches, f32",
             "hidden=f32[8192,4096] ln_w=f32 packed_output=false out=f8e4m3 "
             "dequant_scale=f32"},
            {"groups",
             "hidden=bf16[4096,7168] ln_w=bf16 packed_output=false "
             "group_size=128 out=f8e4m3 dequant_scale=f32"},
        },
    .run_device = RmsNormQuant,
    .device_cases =
        {{"1.5 GiB",
          "hidden=bf16[1,131072,4096] ln_w=bf16 packed_output=false "
          "out=f8e4m3 dequant_scale=f32"},
         {"1.5 GiB, packed",
          "hidden=bf16[1,32768,16384] ln_w=bf16 out=f8e4m3_240"}},
});

}  // namespace
}  // namespace tilework
