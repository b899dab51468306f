// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm_mx_quantize.h"
#include "tilework/kernels/normalization/rmsnorm_mx_quantize_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<RmsNormMxQuantizeArgs> kKernel({
    .run = RmsNormMxQuantize,
    .expect = RmsNormMxQuantizeExpected,
    .cases =
        {
            {"GPT-OSS, 512",
             "input=f16[64,512] gamma=f16 output_quant=f8e4m3 "
             "output_scale=e8m0"},
            {"GPT-OSS, padded",
             "input=bf16[384,3072] hidden_actual=2880 gamma=bf16 "
             "output_quant=f8e4m3 output_scale=e8m0"},
            {"GPT-OSS, residual",
             "input=bf16[320,3072] hidden_actual=2880 gamma=bf16 "
             "residual=bf16 output_residual=bf16 output_quant=f8e4m3 "
             "output_scale=e8m0"},
            {"GPT-OSS, unpadded",
             "input=bf16[77,2880] gamma=bf16 output_quant=f8e4m3 "
             "output_scale=e8m0"},
            {"DeepSeek-V3 prefill",
             "input=bf16[4096,7168] gamma=bf16 residual=bf16 "
             "output_residual=bf16 output=bf16 output_quant=f8e4m3 "
             "output_scale=e8m0"},
            {"Qwen3-235B",
             "input=bf16[64,4096] gamma=bf16 quantization_type=ROW_MX "
             "output_quant=f8e4m3 output_row_dequant_scale=f32"},
            {"mxfp4",
             "input=bf16[4096,4096] gamma=bf16 output_quant=f4e2m1 "
             "output_scale=e8m0"},
            {"past the caches",
             "input=bf16[8192,4096] gamma=bf16 output_quant=f8e4m3 "
             "output_scale=e8m0"},
        },
    .run_device = RmsNormMxQuantize,
    .device_cases = {{"1.5 GiB",
                      "input=bf16[131072,4096] gamma=bf16 output_quant=f8e4m3 "
                      "output_scale=e8m0"}},
});

}  // namespace
}  // namespace tilework
