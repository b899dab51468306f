// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/rope/rope_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/common/simd/rotate-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {

// Enough for a task to be worth a thread's attention.
constexpr int64_t kElementsPerTask = int64_t{1} << 16;

// f32 values that one thread needs for each rotated element: the rows of the
// tables and the head.
constexpr int64_t kScratchPerElement = 3;

Rotation RotationOf(const RopeArgs& args) {
  return {.rotary_dim = args.rotary_dim.value_or(args.x_in.dim(3)),
          .table_width = args.cos.dim(-1),
          .contiguous_layout = args.contiguous_layout,
          .inverse = args.inverse};
}

// Row s of batch b of a table as contiguous f32, in `scratch` if need be.
const float* LoadTableRow(const ConstTensor& table, int64_t b, int64_t s,
                          float* scratch) {
  int64_t offset = s * table.stride(-2);
  if (table.rank() == 3 && table.dim(0) > 1) offset += b * table.stride(0);
  if (table.dtype() == DType::kF32 && table.stride(-1) == 1) {
    return table.data<float>() + offset;
  }
  VisitFloat(table.dtype(), [&](auto type) HWY_ATTR {
    LoadRow(table.data<decltype(type)>() + offset, table.stride(-1),
            table.dim(-1), scratch);
  });
  return scratch;
}

// The heads of one type.
template <typename T>
class Heads {
 public:
  explicit Heads(const RopeArgs& args)
      : args_(args),
        rotation_(RotationOf(args)),
        in_stride_(args.x_in.stride(3)),
        out_stride_(args.x_out.stride(3)),
        in_place_(args.x_in.data() == args.x_out.data()) {}

  // Heads [begin, end) of all B * S * N.
  void Rotate(int64_t begin, int64_t end, float* scratch) const {
    const int64_t num_heads = args_.x_in.dim(2);
    float* head = scratch + 2 * rotation_.rotary_dim;
    while (begin < end) {
      const int64_t token = begin / num_heads;
      const int64_t last = std::min(end, (token + 1) * num_heads);
      const int64_t b = token / args_.x_in.dim(1);
      const int64_t s = token % args_.x_in.dim(1);
      const float* cos = LoadTableRow(args_.cos, b, s, scratch);
      const float* sin =
          LoadTableRow(args_.sin, b, s, scratch + rotation_.rotary_dim);
      for (; begin < last; ++begin) {
        const int64_t n = begin - token * num_heads;
        RotateOne(args_.x_in.At<T>(b, s, n), cos, sin,
                  args_.x_out.At<T>(b, s, n), head);
      }
    }
  }

 private:
  void RotateOne(const T* x, const float* cos, const float* sin, T* y,
                 float* head) const {
    const int64_t offset = args_.rotary_offset;
    const int64_t size = rotation_.rotary_dim;
    if (!in_place_) {
      CopyRange(x, 0, offset, y);
      CopyRange(x, offset + size, args_.x_in.dim(3), y);
    }
    const T* from = x + offset * in_stride_;
    T* to = y + offset * out_stride_;
    if (in_stride_ == 1 && out_stride_ == 1) {
      RotateHead(rotation_, cos, sin, from, to);
    } else {
      LoadRow(from, in_stride_, size, head);
      RotateHead(rotation_, cos, sin, head, head);
      StoreRow(head, out_stride_, size, to);
    }
  }

  void CopyRange(const T* x, int64_t begin, int64_t end, T* y) const {
    for (int64_t i = begin; i < end; ++i) {
      y[i * out_stride_] = x[i * in_stride_];
    }
  }

  const RopeArgs& args_;
  Rotation rotation_;
  int64_t in_stride_;
  int64_t out_stride_;
  bool in_place_;
};

void RopeHost(const RopeArgs& args, HostContext& context) {
  const int64_t heads = args.x_in.NumElements() / args.x_in.dim(3);
  const int64_t step =
      std::max<int64_t>(kElementsPerTask / args.x_in.dim(3), 1);
  const int64_t scratch_size = kScratchPerElement * RotationOf(args).rotary_dim;
  ScratchScope scope(context.arena());
  float* scratch = scope.Allocate<float>(scratch_size * context.num_threads());
  VisitFloat(args.x_in.dtype(), [&](auto type) HWY_ATTR {
    const Heads<decltype(type)> kernel(args);
    context.pool().ParallelFor(
        (heads + step - 1) / step, [&](int64_t task, int thread) HWY_ATTR {
          kernel.Rotate(task * step, std::min(heads, (task + 1) * step),
                        scratch + scratch_size * thread);
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
HWY_EXPORT(RopeHost);

absl::Status Rope(const RopeArgs& args, HostContext& context) {
  if (absl::Status status = Validate(args); !status.ok()) return status;
  if (args.x_in.NumElements() == 0) return absl::OkStatus();
  HWY_DYNAMIC_DISPATCH(RopeHost)(args, context);
  return absl::OkStatus();
}

}  // namespace tilework
#endif  // HWY_ONCE
