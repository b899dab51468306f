// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_tables.h"
#include "tilework/kernels/rope/rope_tables_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<RopeTablesArgs> kKernel({
    .run = RopeTables,
    .expect = RopeTablesExpected,
    .cases =
        {
            {"Llama-3.1 8B",
             "rope_type=LLAMA3 base=500000 rotary_dim=128 rows=4096 factor=8 "
             "original_max_position=8192 cos=bf16 sin=bf16"},
            {"GPT-OSS",
             "rope_type=YARN base=150000 rotary_dim=64 rows=4096 factor=32 "
             "original_max_position=4096 truncate=false cos=f32 sin=f32"},
            {"DeepSeek-V3",
             "rope_type=YARN rotary_dim=64 rows=4096 factor=40 "
             "original_max_position=4096 mscale=1 mscale_all_dim=1 cos=f32 "
             "sin=f32"},
            {"HuggingFace's width",
             "rotary_dim=128 duplicate=true rows=512 rope_cache=bf16"},
        },
    .simd = false,
    .run_device = RopeTables,
});

}  // namespace
}  // namespace tilework
