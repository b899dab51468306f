// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8_backward.h"
#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8_backward_oracle.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

double Flops(const MatmulMxfp8BackwardArgs& args) {
  double products = 0;
  if (args.input_grad.present()) {
    products += static_cast<double>(args.input_grad.NumElements() *
                                    args.weights.dim(0));
  }
  if (args.weight_grad.present()) {
    products += static_cast<double>(args.weight_grad.NumElements() *
                                    args.input_activation.dim(0));
  }
  return 2 * products;
}

const Tested<MatmulMxfp8BackwardArgs> kKernel({
    .run = MatmulMxfp8Backward,
    .expect = MatmulMxfp8BackwardExpected,
    .flops = Flops,
    .cases =
        {
            {"square",
             "output_grad=bf16[1024,1024] weights=bf16[1024,1024] "
             "input_activation=bf16[1024,1024] input_grad=bf16 "
             "weight_grad=bf16"},
            {"Qwen3 8B qkv",
             "output_grad=bf16[4096,6144] weights=bf16[6144,4096] "
             "input_activation=bf16[4096,4096] input_grad=bf16 "
             "weight_grad=f32 bias_grad=f32"},
            {"GPT-OSS 20B",
             "output_grad=bf16[1000,5120] weights=bf16[5120,2880] "
             "input_activation=bf16[1000,2880] input_grad=bf16 "
             "weight_grad=bf16"},
        },
});

}  // namespace
}  // namespace tilework
