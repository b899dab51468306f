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
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/stream-inl.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Enough elements for a task to be worth a thread's attention.
inline constexpr int64_t kElementsPerTask = int64_t{1} << 16;
// Elements of a row that are worked on at a time, so that they stay in the
// first level of cache between two steps.
inline constexpr int64_t kPiece = 1024;

// Elements of a row in scratch, for the next one to be aligned.
constexpr int64_t PaddedSize(int64_t size) { return (size + 15) / 16 * 16; }

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
  std::fill(row, row + size, absent);
  if (!v.present()) return row;
  VisitFloat(v.dtype(), [&](auto type) HWY_ATTR {
    LoadRow(v.data<decltype(type)>(), v.stride(-1), size, row);
  });
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto sum = hn::Add(LoadUpTo(df, row + i, count), hn::Set(df, offset));
    StoreUpTo(sum, df, row + i, count);
  });
  return row;
}

// Rows that will be read next. To fetch them while a row is written keeps the
// memory busy during the sums of the next one: long rows are 1.3 times as fast.
class ReadAhead {
 public:
  template <typename T>
  void Add(const T* row) {
    rows_[num_++] = {reinterpret_cast<const char*>(row), sizeof(T)};
  }
  // Elements [begin, end) of each.
  void Fetch(int64_t begin, int64_t end) const {
    constexpr int64_t kLine = 64;
    for (size_t k = 0; k < num_; ++k) {
      const int64_t size = static_cast<int64_t>(rows_[k].element_size);
      for (int64_t i = begin * size; i < end * size; i += kLine) {
        hwy::Prefetch(rows_[k].data + i);
      }
    }
  }

 private:
  struct Row {
    const char* data;
    size_t element_size;
  };
  std::array<Row, 3> rows_;
  size_t num_ = 0;
};

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
  // The row will be read after this one.
  void AddTo(ReadAhead& next, int64_t row) const {
    if (!present() || tensor_.stride(-1) != 1) return;
    VisitFloat(dtype(), [&](auto type) HWY_ATTR {
      next.Add(tensor_.data<decltype(type)>() + offsets_[row]);
    });
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

// to[i] = map(df, i, count), rounded to T, for i in [begin, end): `map` gives
// the elements [i, i + count) of the row as an f32 vector.
template <typename T, class Map>
HWY_INLINE void WriteRow(const OutputRow<T>& to, int64_t begin, int64_t end,
                         const ReadAhead& next, const Map& map) {
  const bool direct = to.stride == 1 && !to.stream;
  HWY_ALIGN T buffer[kPiece];
  for (int64_t first = begin; first < end; first += kPiece) {
    const int64_t size = std::min(kPiece, end - first);
    next.Fetch(first, first + size);
    T* piece = direct ? to.data + first : buffer;
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      StoreUpTo(map(df, first + i, count), df, piece + i, count);
    });
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
        num_rows_(args.input.NumElements() / size_) {}

  int64_t size() const { return size_; }
  int64_t num_rows() const { return num_rows_; }
  bool stream() const { return residual_out_.stream(); }

  // Writes residual_out and calls f(h, spare, next): the row of f32, bf16 or
  // f16, a row of f32 for f to use, and what is read for the next row unless
  // that is `end`. `scratch` holds two rows.
  template <class F>
  void Visit(int64_t row, int64_t end, float* scratch, const F& f) const {
    ReadAhead next;
    if (row + 1 < end) {
      input_.AddTo(next, row + 1);
      residual_.AddTo(next, row + 1);
    }
    VisitFloat(input_.dtype(), [&](auto input_type) HWY_ATTR {
      using X = decltype(input_type);
      float* second = scratch + PaddedSize(size_);
      const X* x = input_.Contiguous<X>(row, second);
      if (!residual_.present()) {
        f(x, scratch, next);
      } else if (residual_.dtype() == input_.dtype()) {
        f(AddResidual<X, X>(x, row, scratch), second, next);
      } else {
        f(AddResidual<X, float>(x, row, scratch), second, next);
      }
    });
  }

 private:
  template <typename X, typename R>
  const R* AddResidual(const X* x, int64_t row, void* scratch) const {
    R* h = static_cast<R*>(scratch);
    const R* residual = residual_.Contiguous<R>(row, h);
    WriteRow(OutputRow<R>{h, 1, false}, 0, size_, ReadAhead(),
             [&](auto df, int64_t i, size_t count) HWY_ATTR {
               return hn::Add(LoadUpTo(df, x + i, count),
                              LoadUpTo(df, residual + i, count));
             });
    if (residual_out_.present()) CopyRow(h, residual_out_.Row<R>(row));
    return h;
  }
  template <typename R>
  void CopyRow(const R* from, const OutputRow<R>& to) const {
    if (to.stream) {
      StreamRow(from, size_, to.data);
    } else if (to.stride == 1) {
      std::copy(from, from + size_, to.data);
    } else {
      for (int64_t i = 0; i < size_; ++i) to.data[i * to.stride] = from[i];
    }
  }

  InputRows input_, residual_;
  OutputRows residual_out_;
  int64_t size_;
  int64_t num_rows_;
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
  const int64_t step = std::max<int64_t>(kElementsPerTask / size, 1);
  context.pool().ParallelFor(
      (rows + step - 1) / step, [&](int64_t task, int thread) HWY_ATTR {
        kernel.Run(task * step, std::min(rows, (task + 1) * step),
                   thread_rows + per_thread * thread);
      });
}

namespace norm_rows_internal {

using rows_internal::kNumSums;
using rows_internal::kSumLanes;
using rows_internal::SumTag;
using SumVector = hn::Vec<SumTag>;

// Unrolled by hand, as below: an index that varies would keep the sums in
// memory.
template <size_t kNum, size_t... m>
HWY_INLINE void AddTerms(const SumVector (&terms)[kNum],
                         SumVector (&sums)[kNum], std::index_sequence<m...>) {
  ((sums[m] = hn::Add(sums[m], terms[m])), ...);
}

template <size_t kNum, class Map, size_t... m, size_t... k>
HWY_INLINE std::array<float, kNum> Sums(int64_t size, const Map& map,
                                        std::index_sequence<m...> terms_list,
                                        std::index_sequence<k...>) {
  const SumTag df;
  SumVector sums[sizeof...(k)][kNum];
  ((sums[k][0] = hn::Zero(df), sums[k][kNum - 1] = hn::Zero(df)), ...);
  SumVector terms[kNum];
  int64_t i = 0;
  for (; i + static_cast<int64_t>(kNumSums) <= size; i += kNumSums) {
    ((map(df, i + static_cast<int64_t>(k * kSumLanes), kSumLanes, terms),
      AddTerms(terms, sums[k], terms_list)),
     ...);
  }
  if (i < size) {
    HWY_ALIGN float rest[kNum][kNumSums] = {};
    for (size_t at = 0; i < size; at += kSumLanes, i += kSumLanes) {
      const size_t count = std::min(kSumLanes, static_cast<size_t>(size - i));
      map(df, i, count, terms);
      const auto valid = hn::FirstN(df, count);
      (hn::Store(hn::IfThenElseZero(valid, terms[m]), df, rest[m] + at), ...);
    }
    const auto add = [&](size_t at, SumVector(&to)[kNum]) HWY_ATTR {
      const SumVector last[] = {hn::Load(df, rest[m] + at)...};
      AddTerms(last, to, terms_list);
    };
    (add(k * kSumLanes, sums[k]), ...);
  }
  const auto total = [&](auto term) HWY_ATTR {
    const SumVector of_term[] = {sums[k][decltype(term)::value]...};
    return rows_internal::AddLanes(
        df, rows_internal::AddVectors(
                of_term, std::make_index_sequence<sizeof...(k) / 2>()));
  };
  return {total(std::integral_constant<size_t, m>())...};
}

}  // namespace norm_rows_internal

// kNum (1 or 2) sums over a row at once, in the order of SumOfMapped(): map(df,
// i, count, terms) gives the terms of elements [i, i + count) of each sum.
template <size_t kNum, class Map>
HWY_INLINE std::array<float, kNum> Sums(int64_t size, const Map& map) {
  return norm_rows_internal::Sums<kNum>(
      size, map, std::make_index_sequence<kNum>(), rows_internal::SumVectors());
}

// 1 / sqrt(variance + eps).
inline float ReciprocalDeviation(float variance, float eps) {
  return 1.0f / std::sqrt(variance + eps);
}

// The mean square of the distances to `center`.
template <typename H>
HWY_INLINE float VarianceAbout(const H* h, int64_t size, float center) {
  const auto sums = Sums<1>(
      size, [&](auto df, int64_t i, size_t count, auto& terms) HWY_ATTR {
        const auto v = hn::Sub(LoadUpTo(df, h + i, count), hn::Set(df, center));
        terms[0] = hn::Mul(v, v);
      });
  return sums[0] / static_cast<float>(size);
}

struct Moments {
  float mean;
  float variance;
};

// The mean of a row, and the mean square of the distances to it. The distances
// to a first mean correct both for the rounding of that: a row whose mean is
// 1000 times its deviation loses nothing.
template <typename H>
HWY_INLINE Moments MomentsOf(const H* h, int64_t size) {
  const float n = static_cast<float>(size);
  const float mean =
      SumOfMapped(h, size, [](auto v) HWY_ATTR { return v; }) / n;
  const auto sums = Sums<2>(
      size, [&](auto df, int64_t i, size_t count, auto& terms) HWY_ATTR {
        terms[0] = hn::Sub(LoadUpTo(df, h + i, count), hn::Set(df, mean));
        terms[1] = hn::Mul(terms[0], terms[0]);
      });
  const float shift = sums[0] / n;
  const float about_first = sums[1] / n;
  const float variance = about_first - shift * shift;
  // What is infinite stays so: differences of infinities are NaN.
  return {std::isfinite(shift) ? mean + shift : mean,
          std::isfinite(variance) ? std::max(variance, 0.0f) : about_first};
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_ROWS_INL_H_
