// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the normalizations share: rows read in place or gathered, the sum with a
// residual, statistics, and rows written to any strides. Include after
// hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_KERNELS_NORMALIZATION_NORM_ROWS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_KERNELS_NORMALIZATION_NORM_ROWS_INL_H_
#undef TILEWORK_KERNELS_NORMALIZATION_NORM_ROWS_INL_H_
#else
#define TILEWORK_KERNELS_NORMALIZATION_NORM_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/moments-inl.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/store_two-inl.h"
#include "tilework/common/simd/stream-inl.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/row_tasks.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Elements of a row that are worked on at a time, so that they stay in the
// first level of cache between two steps.
inline constexpr int64_t kPiece = 1024;
// Elements between two calls of ReadAhead::Advance().
inline constexpr int64_t kChunk = 256;

// The offsets of the rows along the last dimension.
inline RowOffsets LastDimRows(const ConstTensor& tensor) {
  return tensor.present() ? RowOffsets(tensor, tensor.rank() - 1)
                          : RowOffsets();
}

// v[i] + offset as a contiguous row of f32; `absent` everywhere if there is no
// tensor.
inline const float* LoadVector(const ConstTensor& v, int64_t size, float offset,
                               float absent, ScratchScope& scratch) {
  if (v.present() && v.dtype() == DType::kF32 && v.stride(-1) == 1 &&
      offset == 0) {
    return v.data<float>();
  }
  float* row = scratch.Allocate<float>(size);
  if (!v.present()) {
    std::fill(row, row + size, absent);
    return row;
  }
  VisitFloat(v.dtype(), [&](auto type) HWY_ATTR {
    LoadRow(v.data<decltype(type)>(), v.stride(-1), size, row);
  });
  if (offset == 0) return row;
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto sum = hn::Add(LoadUpTo(df, row + i, count), hn::Set(df, offset));
    StoreUpTo(sum, df, row + i, count);
  });
  return row;
}

// The rows of an input.
class InputRows {
 public:
  InputRows() = default;
  explicit InputRows(const ConstTensor& tensor)
      : tensor_(tensor), offsets_(LastDimRows(tensor)) {}

  bool present() const { return tensor_.present(); }
  DType dtype() const { return tensor_.dtype(); }

  // The row as a contiguous one: itself, or gathered in `scratch`.
  template <typename T>
  const T* Contiguous(int64_t row, void* scratch) const {
    const T* from = tensor_.data<T>() + offsets_[row];
    const int64_t stride = tensor_.stride(-1);
    if (stride == 1) return from;
    T* to = static_cast<T*>(scratch);
    for (int64_t i = 0; i < tensor_.dim(-1); ++i) to[i] = from[i * stride];
    return to;
  }
  // The same, widened; in `scratch` unless it is an f32 row of unit stride.
  const float* Widened(int64_t row, float* scratch) const {
    const float* result = scratch;
    VisitFloat(dtype(), [&](auto type) HWY_ATTR {
      using T = decltype(type);
      const T* from = tensor_.data<T>() + offsets_[row];
      if constexpr (sizeof(T) == sizeof(float)) {
        if (tensor_.stride(-1) == 1) {
          result = from;
          return;
        }
      }
      LoadRow(from, tensor_.stride(-1), tensor_.dim(-1), scratch);
    });
    return result;
  }
  // Calls f(piece, first, size) for the pieces of elements [begin, end):
  // element `first` and those after it, widened.
  template <class F>
  void VisitPieces(int64_t row, int64_t begin, int64_t end, const F& f) const {
    constexpr int64_t kMost = 256;
    HWY_ALIGN float piece[kMost];
    const int64_t stride = tensor_.stride(-1);
    VisitFloat(dtype(), [&](auto type) HWY_ATTR {
      const auto* from = tensor_.data<decltype(type)>() + offsets_[row];
      for (int64_t first = begin; first < end; first += kMost) {
        const int64_t size = std::min(kMost, end - first);
        LoadRow(from + first * stride, stride, size, piece);
        f(piece, first, size);
      }
    });
  }
  // The row will be read soon.
  template <typename T>
  void AddTo(ReadAhead& next, int64_t row) const {
    if (tensor_.stride(-1) != 1) return;
    next.Add(tensor_.data<T>() + offsets_[row], tensor_.dim(-1));
  }
  void AddTo(ReadAhead& next, int64_t row) const {
    if (!present()) return;
    VisitFloat(dtype(),
               [&](auto type) HWY_ATTR { AddTo<decltype(type)>(next, row); });
  }

 private:
  ConstTensor tensor_;
  RowOffsets offsets_;
};

// Where a row is written.
template <typename T>
struct OutputRow {
  T* data;
  int64_t stride;
  bool stream;  // past the caches
};

// The rows of an output.
class OutputRows {
 public:
  OutputRows() = default;
  // Lines that have been read already, in_place, need no streaming.
  OutputRows(const Tensor& tensor, bool in_place)
      : tensor_(tensor), offsets_(LastDimRows(tensor)) {
    stream_ = tensor.present() && !in_place && tensor.stride(-1) == 1 &&
              tensor.NumBytes() >= kStreamBytes;
  }

  bool present() const { return tensor_.present(); }
  DType dtype() const { return tensor_.dtype(); }
  // Whether a task must end with hwy::FlushStream().
  bool stream() const { return stream_; }
  template <typename T>
  OutputRow<T> Row(int64_t row) const {
    return {tensor_.data<T>() + offsets_[row], tensor_.stride(-1), stream_};
  }

 private:
  Tensor tensor_;
  RowOffsets offsets_;
  bool stream_ = false;
};

// One value of f32 a row (and group), such as rstd; or an absent tensor.
class RowValues {
 public:
  // `num_leading`: the dimensions that count rows; one more counts groups.
  explicit RowValues(const Tensor& tensor, int num_leading)
      : data_(tensor.present() ? tensor.data<float>() : nullptr) {
    if (!tensor.present()) return;
    offsets_ = RowOffsets(tensor, num_leading);
    if (tensor.rank() > num_leading) group_stride_ = tensor.stride(-1);
  }

  bool present() const { return data_ != nullptr; }
  void Store(int64_t row, int64_t group, float value) const {
    if (present()) data_[offsets_[row] + group * group_stride_] = value;
  }

 private:
  float* data_;
  RowOffsets offsets_;
  int64_t group_stride_ = 0;
};

namespace norm_rows_internal {

// to[i] = map(df, begin + i, count) for i in [0, size).
template <bool kStream, typename T, class Map>
HWY_INLINE void WritePiece(int64_t begin, int64_t size, ReadAhead& next,
                           const Map& map, T* to) {
  const hn::ScalableTag<float> df;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  for (int64_t first = 0; first < size; first += kChunk) {
    next.Advance(kChunk);
    const int64_t last = std::min(size, first + kChunk);
    int64_t i = first;
    for (; i + 2 * lanes <= last; i += 2 * lanes) {
      const auto low = map(df, begin + i, hn::Lanes(df));
      const auto high = map(df, begin + i + lanes, hn::Lanes(df));
      if constexpr (kStream) {
        StreamTwo(low, high, df, to + i);
      } else {
        StoreTwo(low, high, df, to + i);
      }
    }
    for (; i < last; i += lanes) {
      const size_t count = static_cast<size_t>(std::min(lanes, last - i));
      StoreUpTo(map(df, begin + i, count), df, to + i, count);
    }
  }
}

}  // namespace norm_rows_internal

// to[i] = map(df, i, count), rounded to T, for i in [begin, end): `map` gives
// the elements [i, i + count) of the row as an f32 vector.
template <typename T, class Map>
HWY_INLINE void WriteRow(const OutputRow<T>& to, int64_t begin, int64_t end,
                         ReadAhead& next, const Map& map) {
  using norm_rows_internal::WritePiece;
  if (to.stream && reinterpret_cast<uintptr_t>(to.data + begin) % 64 == 0) {
    WritePiece<true>(begin, end - begin, next, map, to.data + begin);
    return;
  }
  const bool direct = to.stride == 1 && !to.stream;
  HWY_ALIGN T buffer[kPiece];
  for (int64_t first = begin; first < end; first += kPiece) {
    const int64_t size = std::min(kPiece, end - first);
    WritePiece<false>(first, size, next, map,
                      direct ? to.data + first : buffer);
    if (to.stream) {
      StreamRow(buffer, size, to.data + first);
    } else if (!direct) {
      for (int64_t i = 0; i < size; ++i) {
        to.data[(first + i) * to.stride] = buffer[i];
      }
    }
  }
}

// The rows h: input, or input + residual rounded to the type of residual.
class HiddenRows {
 public:
  template <class Args>
  explicit HiddenRows(const Args& args)
      : input_(args.input),
        residual_(args.residual),
        residual_out_(args.residual_out,
                      SameView(args.residual_out, args.residual)),
        size_(args.input.dim(-1)),
        num_rows_(args.input.NumElements() / size_),
        distance_(ReadAhead::Distance(size_)) {}

  int64_t size() const { return size_; }
  int64_t num_rows() const { return num_rows_; }
  bool stream() const { return residual_out_.stream(); }

  // Writes residual_out and calls f(row, h, spare, next) for each row in
  // [begin, end): with the row of f32, bf16 or f16, a row of f32 for f to use,
  // and what to read ahead. `scratch` holds two rows.
  template <class F>
  void Visit(int64_t begin, int64_t end, float* scratch, const F& f) const {
    VisitFloat(input_.dtype(), [&](auto input_type) HWY_ATTR {
      using X = decltype(input_type);
      float* second = scratch + PaddedSize(size_);
      for (int64_t row = begin; row < end; ++row) {
        ReadAhead next;
        // Past the end of the task: the thread is likely to go on there.
        if (row + distance_ < num_rows_) {
          input_.AddTo<X>(next, row + distance_);
          residual_.AddTo(next, row + distance_);
        }
        const X* x = input_.Contiguous<X>(row, second);
        if (!residual_.present()) {
          f(row, x, scratch, next);
        } else if (residual_.dtype() == input_.dtype()) {
          f(row, AddResidual<X, X>(x, row, scratch), second, next);
        } else {
          f(row, AddResidual<X, float>(x, row, scratch), second, next);
        }
      }
    });
  }

 private:
  // The sum, in residual_out or in `scratch`.
  template <typename X, typename R>
  const R* AddResidual(const X* x, int64_t row, void* scratch) const {
    R* h = static_cast<R*>(scratch);
    const R* residual = residual_.Contiguous<R>(row, h);
    const OutputRow<R> out = residual_out_.present()
                                 ? residual_out_.Row<R>(row)
                                 : OutputRow<R>{h, 1, false};
    const bool direct = out.stride == 1 && !out.stream;
    if (direct) h = out.data;
    ReadAhead nothing;
    WriteRow(OutputRow<R>{h, 1, false}, 0, size_, nothing,
             [&](auto df, int64_t i, size_t count) HWY_ATTR {
               return hn::Add(LoadUpTo(df, x + i, count),
                              LoadUpTo(df, residual + i, count));
             });
    if (!direct) CopyRow(h, out);
    return h;
  }
  template <typename R>
  void CopyRow(const R* from, const OutputRow<R>& to) const {
    if (to.stream) {
      StreamRow(from, size_, to.data);
    } else {
      for (int64_t i = 0; i < size_; ++i) to.data[i * to.stride] = from[i];
    }
  }

  InputRows input_, residual_;
  OutputRows residual_out_;
  int64_t size_;
  int64_t num_rows_;
  int64_t distance_;
};

// Runs kernel.Run(begin, end, scratch) over all rows of kernel.hidden(), with
// scratch of two rows for each thread.
template <class Kernel>
void ForRows(const Kernel& kernel, ScratchScope& scratch,
             HostContext& context) {
  const int64_t size = kernel.hidden().size();
  const int64_t rows = kernel.hidden().num_rows();
  const int64_t per_thread = 2 * PaddedSize(size);
  float* thread_rows =
      scratch.Allocate<float>(per_thread * context.num_threads());
  const int64_t step = RowsPerTask(rows, size);
  context.pool().ParallelFor(
      (rows + step - 1) / step, [&](int64_t task, int thread) HWY_ATTR {
        kernel.Run(task * step, std::min(rows, (task + 1) * step),
                   thread_rows + per_thread * thread);
      });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_ROWS_INL_H_
