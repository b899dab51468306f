// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/mlp/mlp.h"
#include "tilework/kernels/mlp/mlp_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

double Flops(const MlpArgs& args) {
  const double products = args.skip_gate_proj ? 2 : 3;
  return 2 * products *
         static_cast<double>(args.hidden_tensor.NumElements() *
                             args.up_proj_weights_tensor.cols());
}

const Tested<MlpArgs> kKernel({
    .run = Mlp,
    .expect = MlpExpected,
    .flops = Flops,
    .cases =
        {
            {"Llama-3 8B prefill",
             "hidden_tensor=bf16[1,8192,4096] "
             "gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[4096,14336] "
             "down_proj_weights_tensor=bf16 normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 fused_add_tensor=bf16 "
             "store_fused_add_result=true fused_add_out=bf16 out=bf16"},
            {"Llama-3 8B decode",
             "hidden_tensor=bf16[8,1,4096] "
             "gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[4096,14336] "
             "down_proj_weights_tensor=bf16 normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 fused_add_tensor=bf16 "
             "store_fused_add_result=true fused_add_out=bf16 out=bf16"},
            {"Llama-3 70B",
             "hidden_tensor=bf16[1,64,8192] "
             "gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[8192,3584] "
             "down_proj_weights_tensor=bf16 normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 out=bf16"},
            {"Llama-3 70B, small share",
             "hidden_tensor=bf16[1,5,8192] "
             "gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[8192,448] "
             "down_proj_weights_tensor=bf16 normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 out=bf16"},
            {"Llama-3 70B STATIC",
             "quantization_type=STATIC hidden_tensor=bf16[1,256,8192] "
             "gate_proj_weights_tensor=f8e4m3 "
             "up_proj_weights_tensor=f8e4m3[8192,3584] "
             "down_proj_weights_tensor=f8e4m3 gate_w_scale=f32[1] "
             "up_w_scale=f32[1] down_w_scale=f32[1] "
             "gate_up_in_scale=f32[1] down_in_scale=f32[1] "
             "normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 out=bf16"},
            {"Llama-3 70B STATIC, weight only",
             "quantization_type=STATIC hidden_tensor=bf16[1,5,8192] "
             "gate_proj_weights_tensor=f8e4m3 "
             "up_proj_weights_tensor=f8e4m3[8192,448] "
             "down_proj_weights_tensor=f8e4m3 gate_w_scale=f32[1] "
             "up_w_scale=f32[1] down_w_scale=f32[1] "
             "normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 act_quant=NONE out=bf16"},
            {"Llama-3 70B STATIC_MX",
             "quantization_type=STATIC_MX hidden_tensor=bf16[8,1,8192] "
             "gate_proj_weights_tensor=f8e4m3 "
             "up_proj_weights_tensor=f8e4m3[8192,3584] "
             "down_proj_weights_tensor=f8e4m3 gate_w_scale=f32[1] "
             "up_w_scale=f32[1] down_w_scale=f32[1] "
             "gate_up_in_scale=f32[1] down_in_scale=f32[1] "
             "normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 out=bf16"},
            {"Qwen3 32B ROW",
             "quantization_type=ROW hidden_tensor=bf16[512,1,5120] "
             "gate_proj_weights_tensor=f8e4m3 "
             "up_proj_weights_tensor=f8e4m3[5120,3200] "
             "down_proj_weights_tensor=f8e4m3 gate_w_scale=f32 "
             "up_w_scale=f32 down_w_scale=f32 "
             "normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 out=bf16"},
            {"Qwen3 32B ROW, small share, clipped",
             "quantization_type=ROW hidden_tensor=bf16[128,1,5120] "
             "gate_proj_weights_tensor=f8e4m3_240 "
             "up_proj_weights_tensor=f8e4m3_240[5120,400] "
             "down_proj_weights_tensor=f8e4m3_240 gate_w_scale=f32 "
             "up_w_scale=f32 down_w_scale=f32 "
             "normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 "
             "quant_clipping_bound=0.5 out=bf16"},
            {"Gemma-3 27B ROW_MX",
             "quantization_type=ROW_MX hidden_tensor=bf16[16,1,5376] "
             "gate_proj_weights_tensor=f8e4m3 "
             "up_proj_weights_tensor=f8e4m3[5376,1344] "
             "down_proj_weights_tensor=f8e4m3 gate_w_scale=f32 "
             "up_w_scale=f32 down_w_scale=f32 "
             "normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 gamma_offset=1 "
             "activation_fn=GELU_Tanh_Approx "
             "out=bf16"},
            {"GPT-OSS style",
             "quantization_type=MX hidden_tensor=bf16[2,33,3072] "
             "gate_proj_weights_tensor=f4e2m1 "
             "up_proj_weights_tensor=f4e2m1[3072,2880] "
             "down_proj_weights_tensor=f4e2m1 gate_w_scale=e8m0 "
             "up_w_scale=e8m0 down_w_scale=e8m0 "
             "normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 hidden_actual=2880 "
             "activation_fn=Swish gate_clamp_upper_limit=7 "
             "up_clamp_upper_limit=7 "
             "up_clamp_lower_limit=-7 hidden_act_bias=1 "
             "gate_proj_bias_tensor=bf16 up_proj_bias_tensor=bf16 "
             "down_proj_bias_tensor=bf16 out=bf16"},
            {"DeepSeek-V3 dense layer BLOCK128",
             "quantization_type=BLOCK128 "
             "hidden_tensor=bf16[1,4096,7168] "
             "gate_proj_weights_tensor=f8e4m3 "
             "up_proj_weights_tensor=f8e4m3[7168,18432] "
             "down_proj_weights_tensor=f8e4m3 gate_w_scale=f32 "
             "up_w_scale=f32 down_w_scale=f32 "
             "normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 out=bf16"},
            {"DeepSeek-V3 dense layer MX",
             "quantization_type=MX hidden_tensor=bf16[1,4096,7168] "
             "gate_proj_weights_tensor=f8e4m3 "
             "up_proj_weights_tensor=f8e4m3[7168,18432] "
             "down_proj_weights_tensor=f8e4m3 gate_w_scale=e8m0 "
             "up_w_scale=e8m0 down_w_scale=e8m0 "
             "normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 out=bf16"},
            {"vision tower",
             "hidden_tensor=f16[1,578,1408] skip_gate_proj=true "
             "up_proj_weights_tensor=f16[1408,352] "
             "down_proj_weights_tensor=f16 activation_fn=GELU "
             "up_proj_bias_tensor=f16 down_proj_bias_tensor=f16 out=f16"},
            {"vision tower, gated",
             "hidden_tensor=f16[1,578,1408] "
             "gate_proj_weights_tensor=f16 "
             "up_proj_weights_tensor=f16[1408,352] "
             "down_proj_weights_tensor=f16 "
             "normalization_type=LAYER_NORM "
             "normalization_weights_tensor=f16 activation_fn=GELU "
             "normalization_bias_tensor=f16 out=f16"},
            {"odd",
             "hidden_tensor=bf16[4,1,8192] "
             "gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[8192,893] "
             "down_proj_weights_tensor=bf16 normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 "
             "gate_proj_bias_tensor=bf16 up_proj_bias_tensor=bf16 "
             "down_proj_bias_tensor=bf16 out=bf16"},
            {"odd, layer norm",
             "hidden_tensor=bf16[64,1,3072] "
             "gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[3072,135] "
             "down_proj_weights_tensor=bf16 "
             "normalization_type=LAYER_NORM "
             "normalization_weights_tensor=bf16 "
             "normalization_bias_tensor=bf16 gate_proj_bias_tensor=bf16 "
             "up_proj_bias_tensor=bf16 down_proj_bias_tensor=bf16 "
             "out=bf16"},
            {"odd, gamma in the weights",
             "hidden_tensor=bf16[4,7,32768] "
             "gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[32768,896] "
             "down_proj_weights_tensor=bf16 "
             "normalization_type=RMS_NORM_SKIP_GAMMA activation_fn=ReLU "
             "out=bf16"},
            {"odd, of codes",
             "quantization_type=ROW hidden_tensor=f8e4m3[1,128,8448] "
             "gate_proj_weights_tensor=f8e4m3 "
             "up_proj_weights_tensor=f8e4m3[8448,1408] "
             "down_proj_weights_tensor=f8e4m3 gate_w_scale=f32 "
             "up_w_scale=f32 down_w_scale=f32 hidden_scale=f32 out=bf16"},
            {"MX of several types",
             "quantization_type=MX hidden_tensor=bf16[3,5,7] "
             "gate_proj_weights_tensor=f8e5m2 "
             "up_proj_weights_tensor=f4e2m1[7,3] "
             "down_proj_weights_tensor=f8e4m3 gate_w_scale=e8m0 "
             "up_w_scale=e8m0 down_w_scale=e8m0 out=bf16"},
            {"SmolLM2 135M",
             "hidden_tensor=bf16[512,576] gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[576,1536] "
             "down_proj_weights_tensor=bf16 normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 residual=bf16 out=bf16"},
        },
});

}  // namespace
}  // namespace tilework
