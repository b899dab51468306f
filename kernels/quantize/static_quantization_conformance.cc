// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/static_quantization.h"
#include "tilework/kernels/quantize/static_quantization_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<StaticQuantizationArgs> kKernel({
    .run = StaticQuantization,
    .expect = StaticQuantizationExpected,
    .cases =
        {
            {"Llama-3 decode",
             "hidden_state=bf16[1,8192] input_dequant_scale=f32[1] "
             "quantized=f8e4m3"},
            {"Llama-3 decode, batch",
             "hidden_state=bf16[64,4096] input_dequant_scale=f32[1] "
             "quantized=f8e4m3"},
            {"Llama-3 70B prefill",
             "hidden_state=bf16[2048,8192] input_dequant_scale=f32[1] "
             "quantized=f8e4m3"},
        },
    .run_device = StaticQuantization,
    .device_cases =
        {{"1.5 GiB",
          "hidden_state=bf16[131072,4096] input_dequant_scale=f32[1] "
          "quantized=f8e4m3"}},
    .bits_as_host = true,
});

}  // namespace
}  // namespace tilework
