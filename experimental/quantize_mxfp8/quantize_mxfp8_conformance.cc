// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"
#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<QuantizeMxfp8Args> kKernel({
    .run = QuantizeMxfp8,
    .expect = QuantizeMxfp8Expected,
    .cases =
        {
            {"GPT-OSS expert weight",
             "src_tensor=bf16[5760,2880] data=f4e2m1 scales=e8m0"},
            {"GPT-OSS activations",
             "src_tensor=bf16[4096,2880] data=f8e4m3 scales=e8m0"},
            {"GPT-OSS, padded",
             "src_tensor=bf16[256,3072] data=f8e4m3 scales=e8m0"},
            {"Llama-3 8B gradient",
             "src_tensor=bf16[8192,4096] data=f8e5m2 scales=e8m0 "
             "data_t=f8e5m2 scales_t=e8m0"},
            {"f16", "src_tensor=f16[128,512] data=f8e4m3 scales=e8m0"},
            {"f16, one short block",
             "src_tensor=f16[32,4] data=f8e5m2 scales=e8m0"},
            {"odd sizes", "src_tensor=f32[7,1001] data=f4e2m1 scales=e8m0"},
            {"DeepSeek-V3",
             "scale_mode=RCEIL src_tensor=bf16[7168,2048] data=f8e4m3 "
             "scales=e8m0"},
            {"DeepSeek-V3, along F",
             "axis=-2 src_tensor=bf16[7168,2048] data=f8e4m3 scales=e8m0"},
        },
    .run_device = QuantizeMxfp8,
    .device_cases = {{"1.5 GiB",
                      "src_tensor=bf16[131072,4096] data=f8e4m3 scales=e8m0"}},
    .bits_as_host = true,
});

}  // namespace
}  // namespace tilework
