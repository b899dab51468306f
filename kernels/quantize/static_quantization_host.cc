// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/static_quantization.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tilework/kernels/quantize/static_quantization_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/kernels/quantize/quantize_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {

void StaticQuantizationHost(const StaticQuantizationArgs& args,
                            HostContext& context) {
  const float qs = args.quant_scale.present()
                       ? *args.quant_scale.data<float>()
                       : 1.0f / *args.input_dequant_scale.data<float>();
  ConstTensor x = args.hidden_state;
  Tensor codes = args.quantized;
  OrderForStreaming(x, codes);
  const Pieces pieces({0, NumRows(x), 0, x.dim(-1)});
  VisitFloat(x.dtype(), [&](auto x_type) HWY_ATTR {
    VisitFloat8(codes.dtype(), [&](auto code_type) HWY_ATTR {
      const QuantizeRows<decltype(x_type), decltype(code_type)> rows(x, codes);
      context.pool().ParallelFor(pieces.num(), [&](int64_t task, int) HWY_ATTR {
        rows.Encode(pieces[task], kNoClip, qs);
        rows.Finish();
      });
    });
  });
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(StaticQuantizationHost);

absl::Status StaticQuantization(const StaticQuantizationArgs& args,
                                HostContext& context) {
  if (absl::Status status = Validate(args); !status.ok()) return status;
  if (args.hidden_state.NumElements() == 0) return absl::OkStatus();
  HWY_DYNAMIC_DISPATCH(StaticQuantizationHost)(args, context);
  return absl::OkStatus();
}

}  // namespace tilework
#endif  // HWY_ONCE
