// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/quantize/fp8_rows.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/quantize_rows.h"
#include "tilework/kernels/quantize/static_quantization.h"

namespace tilework {
namespace {

void Quantize(const StaticQuantizationArgs& args, HostContext& context) {
  const float qs = args.quant_scale.present()
                       ? *args.quant_scale.data<float>()
                       : 1.0f / *args.input_dequant_scale.data<float>();
  ConstTensor x = args.hidden_state;
  Tensor codes = args.quantized;
  OrderForStreaming(x, codes);
  const Pieces pieces({0, NumRows(x), 0, x.dim(-1)});
  const QuantizeRows rows(x, codes);
  context.pool().ParallelFor(pieces.num(), [&](int64_t task, int) {
    ReadAhead nothing;
    rows.Encode(pieces[task], kNoClip, qs, nothing);
    rows.Finish();
  });
}

}  // namespace

absl::Status StaticQuantization(const StaticQuantizationArgs& args,
                                HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.hidden_state.NumElements() > 0) Quantize(args, context);
  });
}

}  // namespace tilework
