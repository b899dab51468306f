// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/fp8_dequantize.h"
#include "tilework/kernels/quantize/fp8_dequantize_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<Fp8DequantizeArgs> kKernel({
    .run = Fp8Dequantize,
    .expect = Fp8DequantizeExpected,
    .cases =
        {
            {"Llama-3 70B prefill",
             "quantized=f8e4m3[2048,8192] dequant_scale=f32 y=bf16"},
            {"Llama-3 405B",
             "quantized=f8e4m3_240[32768,16384] dequant_scale=f32 y=bf16"},
            {"DeepSeek-V3",
             "granularity=GROUP quantized=f8e4m3[4096,7168] dequant_scale=f32 "
             "y=bf16"},
            {"DeepSeek-V3 weight",
             "granularity=BLOCK2D quantized=f8e4m3[7168,18432] "
             "dequant_scale=f32 y=bf16"},
            {"GPT-OSS", "quantized=f8e4m3[33,2880] dequant_scale=f32 y=bf16"},
            {"GPT-OSS, packed", "packed=true quantized=f8e4m3[33,2884] y=bf16"},
            {"odd sizes",
             "granularity=GROUP quantized=f8e5m2[5,7,1003] dequant_scale=f32 "
             "y=f32"},
        },
    .run_device = Fp8Dequantize,
    .device_cases =
        {{"1.5 GiB", "quantized=f8e4m3[131072,4096] dequant_scale=f32 y=bf16"}},
    .bits_as_host = true,
});

}  // namespace
}  // namespace tilework
