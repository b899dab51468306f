// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/row_quantization.h"
#include "tilework/kernels/quantize/row_quantization_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<RowQuantizationArgs> kKernel({
    .run = RowQuantization,
    .expect = RowQuantizationExpected,
    .cases =
        {
            {"Llama-3 70B prefill",
             "hidden_state=bf16[2048,8192] quantized=f8e4m3 "
             "dequant_scale=f32"},
            {"Llama-3 405B",
             "hidden_state=bf16[32768,16384] quantized=f8e4m3_240 "
             "dequant_scale=f32"},
            {"DeepSeek-V3",
             "granularity=GROUP hidden_state=bf16[4096,7168] "
             "quantized=f8e4m3 dequant_scale=f32"},
            {"DeepSeek-V3, powers of two",
             "granularity=GROUP pow2_scale=true hidden_state=bf16[4096,7168] "
             "quantized=f8e4m3 dequant_scale=f32"},
            {"DeepSeek-V3 weight",
             "granularity=BLOCK2D hidden_state=bf16[7168,18432] "
             "quantized=f8e4m3 dequant_scale=f32"},
            {"GPT-OSS",
             "hidden_state=bf16[33,2880] quantized=f8e4m3 dequant_scale=f32"},
            {"odd sizes",
             "granularity=GROUP hidden_state=f32[5,7,1003] quantized=f8e5m2 "
             "dequant_scale=f32"},
        },
    .run_device = RowQuantization,
    .device_cases = {{"1.5 GiB",
                      "hidden_state=bf16[131072,4096] quantized=f8e4m3 "
                      "dequant_scale=f32"}},
    .bits_as_host = true,
});

}  // namespace
}  // namespace tilework
