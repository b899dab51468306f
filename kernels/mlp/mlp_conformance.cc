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
            {"Gemma-3 27B",
             "hidden_tensor=bf16[16,1,5376] "
             "gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[5376,1344] "
             "down_proj_weights_tensor=bf16 normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 gamma_offset=1 out=bf16"},
            {"DeepSeek-V3 dense layer",
             "hidden_tensor=bf16[1,4096,7168] "
             "gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[7168,18432] "
             "down_proj_weights_tensor=bf16 normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 out=bf16"},
            {"vision tower",
             "hidden_tensor=f16[1,578,1408] skip_gate_proj=true "
             "up_proj_weights_tensor=f16[1408,352] "
             "down_proj_weights_tensor=f16 up_proj_bias_tensor=f16 "
             "down_proj_bias_tensor=f16 out=f16"},
            {"odd",
             "hidden_tensor=bf16[4,1,8192] "
             "gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[8192,893] "
             "down_proj_weights_tensor=bf16 normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 "
             "gate_proj_bias_tensor=bf16 up_proj_bias_tensor=bf16 "
             "down_proj_bias_tensor=bf16 out=bf16"},
            {"SmolLM2 135M",
             "hidden_tensor=bf16[512,576] gate_proj_weights_tensor=bf16 "
             "up_proj_weights_tensor=bf16[576,1536] "
             "down_proj_weights_tensor=bf16 normalization_type=RMS_NORM "
             "normalization_weights_tensor=bf16 residual=bf16 out=bf16"},
        },
});

}  // namespace
}  // namespace tilework
