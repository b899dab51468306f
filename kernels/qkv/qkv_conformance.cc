// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/qkv/qkv.h"
#include "tilework/kernels/qkv/qkv_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

double Flops(const QkvArgs& args) {
  return 2 * static_cast<double>(args.input.NumElements() *
                                 args.fused_qkv_weights.cols());
}

const Tested<QkvArgs> kKernel({
    .run = Qkv,
    .expect = QkvExpected,
    .flops = Flops,
    .cases =
        {
            {"Llama-3 8B prefill",
             "input=bf16[1,8192,4096] num_q_heads=32 num_kv_heads=8 "
             "d_head=128 fused_qkv_weights=bf16 "
             "fused_norm_type=RMS_NORM gamma_norm_weights=bf16 "
             "fused_residual_add=true mlp_prev=bf16 attention_prev=bf16 "
             "fused_hidden_out=bf16 fused_rope=true "
             "cos_cache=f32[8192,128] sin_cache=f32 output_layout=NBSd "
             "output=bf16"},
            {"Llama-3 70B",
             "input=bf16[1,1024,8192] num_q_heads=8 num_kv_heads=1 "
             "d_head=128 fused_qkv_weights=bf16 output=bf16"},
            {"Llama-3 70B decode",
             "input=bf16[16,1,8192] num_q_heads=8 num_kv_heads=1 "
             "d_head=128 fused_qkv_weights=bf16 "
             "fused_norm_type=RMS_NORM gamma_norm_weights=bf16 "
             "fused_rope=true cos_cache=f32[1,128] sin_cache=f32 "
             "k_cache=bf16[16,1,4096,128] v_cache=bf16 cache_start=i32 "
             "output=bf16"},
            {"Qwen3 8B prefill",
             "input=bf16[2,513,4096] num_q_heads=32 num_kv_heads=8 "
             "d_head=128 fused_qkv_weights=bf16 "
             "fused_norm_type=RMS_NORM gamma_norm_weights=bf16 "
             "qk_norm_pre_rope=true qk_norm_pre_rope_q_gamma=bf16 "
             "qk_norm_pre_rope_k_gamma=bf16 fused_rope=true "
             "cos_cache=f32[513,128] sin_cache=f32 "
             "k_cache=bf16[2,8,1024,128] v_cache=bf16 cache_start=i32 "
             "output=bf16"},
            {"Qwen3 8B decode",
             "input=bf16[8,1,4096] num_q_heads=32 num_kv_heads=8 "
             "d_head=128 fused_qkv_weights=bf16 "
             "fused_norm_type=RMS_NORM gamma_norm_weights=bf16 "
             "qk_norm_pre_rope=true qk_norm_pre_rope_q_gamma=bf16 "
             "qk_norm_pre_rope_k_gamma=bf16 fused_rope=true "
             "cos_cache=f32[1,128] sin_cache=f32 "
             "k_cache=bf16[8,8,1024,128] v_cache=bf16 cache_start=i32 "
             "output=bf16"},
            {"GPT-OSS 20B, padded",
             "input=bf16[8,5,3072] num_q_heads=64 num_kv_heads=8 "
             "d_head=64 fused_qkv_weights=bf16 fused_norm_type=RMS_NORM "
             "gamma_norm_weights=bf16 hidden_actual=2880 bias=bf16 "
             "fused_rope=true cos_cache=f32[5,64] sin_cache=f32 "
             "output=bf16"},
            {"Gemma-3 27B",
             "input=bf16[1,1280,5376] num_q_heads=4 num_kv_heads=2 "
             "d_head=128 fused_qkv_weights=bf16 "
             "fused_norm_type=RMS_NORM gamma_norm_weights=bf16 "
             "gamma_offset=1 qk_norm_pre_rope=true "
             "qk_norm_pre_rope_q_gamma=bf16 "
             "qk_norm_pre_rope_k_gamma=bf16 fused_rope=true "
             "cos_cache=f32[1280,128] sin_cache=f32 output_layout=NBdS "
             "output=bf16"},
            {"vision tower",
             "input=f16[12,578,1408] num_q_heads=1 num_kv_heads=1 "
             "d_head=88 fused_qkv_weights=f16 bias=f16 output=f16"},
            {"video tokens",
             "input=bf16[1,35520,4096] num_q_heads=2 num_kv_heads=2 "
             "d_head=128 fused_qkv_weights=bf16 output_layout=NBSd "
             "output=bf16"},
            {"odd",
             "input=f32[3,7,333] num_q_heads=3 num_kv_heads=1 d_head=20 "
             "fused_qkv_weights=f32 fused_norm_type=RMS_NORM "
             "gamma_norm_weights=f32 output=f32"},
        },
});

}  // namespace
}  // namespace tilework
