// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/pre_combine_dequant_scales.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tilework/kernels/quantize/pre_combine_dequant_scales_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// `size` floats, `stride` apart.
template <typename T>
struct Vector {
  T* data;
  int64_t size;
  int64_t stride;
};
template <typename T, class View>
Vector<T> AsVector(const View& view) {
  return {static_cast<T*>(view.data()), view.NumElements(),
          view.rank() == 0 ? 0 : view.stride(-1)};
}

void Multiply(const Vector<const float>& from, float factor, int64_t begin,
              int64_t end, const Vector<float>& to) {
  constexpr int64_t kPiece = 1024;
  HWY_ALIGN float piece[kPiece];
  for (int64_t first = begin; first < end; first += kPiece) {
    const int64_t size = std::min(kPiece, end - first);
    LoadRow(from.data + first * from.stride, from.stride, size, piece);
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      const auto v = LoadUpTo(df, piece + i, count);
      StoreUpTo(hn::Mul(v, hn::Set(df, factor)), df, piece + i, count);
    });
    StoreRow(piece, to.stride, size, to.data + first * to.stride);
  }
}

void PreCombineDequantScalesHost(const PreCombineDequantScalesArgs& args,
                                 HostContext& context) {
  auto row = AsVector<const float>(args.weight_dequant_scale);
  auto factors = AsVector<const float>(args.input_dequant_scale);
  Vector<float> to = AsVector<float>(args.combined);
  int64_t row_stride = args.combined.rank() == 2 ? args.combined.stride(0) : 0;
  if (row.size == 1) {
    // A column, or a vector, is a row of the other scales.
    std::swap(row, factors);
    if (args.combined.rank() == 2) std::swap(to.stride, row_stride);
  }
  const Pieces pieces({0, factors.size, 0, row.size});
  context.pool().ParallelFor(pieces.num(), [&](int64_t task, int) HWY_ATTR {
    const Box box = pieces[task];
    for (int64_t i = box.row; i < box.row + box.num_rows; ++i) {
      const Vector<float> target = {to.data + i * row_stride, row.size,
                                    to.stride};
      Multiply(row, factors.data[i * factors.stride], box.begin, box.end,
               target);
    }
  });
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(PreCombineDequantScalesHost);

absl::Status PreCombineDequantScales(const PreCombineDequantScalesArgs& args,
                                     HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.combined.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(PreCombineDequantScalesHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
