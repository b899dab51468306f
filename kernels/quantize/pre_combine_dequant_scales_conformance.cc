// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/pre_combine_dequant_scales.h"
#include "tilework/kernels/quantize/pre_combine_dequant_scales_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<PreCombineDequantScalesArgs> kKernel({
    .run = PreCombineDequantScales,
    .expect = PreCombineDequantScalesExpected,
    .cases =
        {
            {"rows of weights",
             "weight_dequant_scale=f32[8192] input_dequant_scale=f32[1] "
             "combined=f32"},
            {"rows of weights and tokens",
             "weight_dequant_scale=f32[8192] input_dequant_scale=f32[2048] "
             "combined=f32"},
        },
    .run_device = PreCombineDequantScales,
    .bits_as_host = true,
});

}  // namespace
}  // namespace tilework
