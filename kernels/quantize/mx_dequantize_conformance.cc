// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/mx_dequantize.h"
#include "tilework/kernels/quantize/mx_dequantize_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<MxDequantizeArgs> kKernel({
    .run = MxDequantize,
    .expect = MxDequantizeExpected,
    .cases =
        {
            {"GPT-OSS expert weight",
             "data=f4e2m1[5760,2880] scales=e8m0 y=bf16"},
            {"GPT-OSS activations",
             "data=f8e4m3[4096,2880] scales=e8m0 y=bf16"},
            {"GPT-OSS, padded", "data=f8e4m3[256,3072] scales=e8m0 y=bf16"},
            {"Llama-3 8B gradient",
             "data=f8e5m2[8192,4096] scales=e8m0 y=bf16"},
            {"DeepSeek-V3", "data=f8e4m3[7168,2048] scales=e8m0 y=bf16"},
            {"DeepSeek-V3, along F",
             "axis=-2 data=f8e4m3[7168,2048] scales=e8m0 y=bf16"},
            {"odd sizes", "data=f4e2m1[7,1001] scales=e8m0 y=f32"},
        },
    .run_device = MxDequantize,
    .device_cases = {{"1.5 GiB",
                      "data=f8e4m3[131072,4096] scales=e8m0 y=bf16"}},
    .bits_as_host = true,
});

}  // namespace
}  // namespace tilework
