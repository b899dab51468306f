// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/transformer/sample_tokens.h"
#include "tilework/experimental/transformer/sample_tokens_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

const Tested<SampleTokensArgs> kKernel({
    .run = SampleTokens,
    .expect = SampleTokensExpected,
    .cases =
        {
            {"Llama-3, greedy",
             "logits=f32[8,128256] step=i32 request_id=i64 tokens=i32"},
            {"Llama-3, top-p",
             "logits=f32[8,128256] step=i32 request_id=i64 tokens=i32 "
             "logprob=f32 temperature=0.8 top_p=0.95"},
            {"Llama-3, top-k",
             "logits=f32[8,128256] step=i32 request_id=i64 tokens=i32 "
             "logprob=f32 temperature=0.8 top_k=40"},
            {"Qwen3, min-p",
             "logits=bf16[32,151936] step=i32 request_id=i64 tokens=i32 "
             "temperature=1 min_p=0.05"},
            {"tiny",
             "logits=f32[1,257] step=i32 request_id=i64 tokens=i32 "
             "temperature=1"},
        },
});

}  // namespace
}  // namespace tilework
