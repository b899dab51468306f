// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Shapes, strided views and owned buffers.
//
// `Tensor` and `ConstTensor` are views: a pointer, an element type, a shape and
// strides (counted in elements, >= 0; 0 repeats an element). Of f4e2m1, the
// dimension of stride 1 is packed two elements a byte, and all other strides
// are even. Views are cheap to copy and own nothing. A default-constructed view
// means "this optional argument is absent". `Buffer` owns memory and hands out
// views of it.
//
//   Buffer buffer = Buffer::Zeros(DType::kBF16, {2, 128, 4096});
//   Tensor heads = buffer.view().Reshape({2, 128, 32, 128});
//   Tensor head_major = heads.Permute({0, 2, 1, 3});  // [2, 32, 128, 128]
//
// The view functions (Permute, Slice, ...) check their arguments with
// ABSL_CHECK: a wrong call is a bug in the caller. Data that comes from outside
// is checked by the kernels, which return a Status.

#ifndef TILEWORK_COMMON_TENSOR_TENSOR_H_
#define TILEWORK_COMMON_TENSOR_TENSOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/log/absl_check.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"

namespace tilework {

// The largest number of dimensions of a tensor.
inline constexpr int kMaxRank = 6;

// Where a tensor's bytes are.
enum class MemorySpace : uint8_t { kHost, kDevice };

// "host" or "device".
constexpr std::string_view Name(MemorySpace space) {
  return space == MemorySpace::kHost ? "host" : "device";
}

// Up to kMaxRank numbers: a shape, strides, or a permutation.
class Dims {
 public:
  constexpr Dims() = default;
  Dims(std::initializer_list<int64_t> values)
      : Dims(absl::MakeConstSpan(values.begin(), values.size())) {}
  explicit Dims(absl::Span<const int64_t> values);

  int size() const { return size_; }
  int64_t operator[](int i) const { return values_[Index(i)]; }
  int64_t& operator[](int i) { return values_[Index(i)]; }
  const int64_t* begin() const { return values_.data(); }
  const int64_t* end() const { return values_.data() + size_; }
  void push_back(int64_t value) {
    ABSL_CHECK_LT(size_, kMaxRank);
    values_[static_cast<size_t>(size_++)] = value;
  }

  friend bool operator==(const Dims& a, const Dims& b) {
    return absl::MakeConstSpan(a.begin(), a.end()) ==
           absl::MakeConstSpan(b.begin(), b.end());
  }

  // The product; 1 for rank 0. Must not overflow (see ProductFits).
  int64_t Product() const;
  // Whether the product of the values, all >= 0, is below 2^63.
  bool ProductFits() const;
  // "[2, 128, 4096]"
  std::string ToString() const;
  // For absl::StrCat.
  template <typename Sink>
  friend void AbslStringify(Sink& sink, const Dims& dims) {
    sink.Append(dims.ToString());
  }

 private:
  size_t Index(int i) const {
    ABSL_DCHECK(i >= 0 && i < size_) << "dimension " << i << " of " << size_;
    return static_cast<size_t>(i);
  }
  std::array<int64_t, kMaxRank> values_ = {};
  int size_ = 0;
};

// Row-major strides of `shape`; rows of packed elements are whole bytes.
Dims ContiguousStrides(const Dims& shape, DType dtype = DType::kNone);

// Bytes of a row-major tensor. Must not overflow.
int64_t ContiguousBytes(const Dims& shape, DType dtype);

namespace tensor_internal {

// What Tensor (kConst = false) and ConstTensor (kConst = true) share.
template <bool kConst>
class View {
 public:
  using Void = std::conditional_t<kConst, const void, void>;
  template <typename T>
  using Element = std::conditional_t<kConst, const T, T>;

  // Absent.
  View() = default;
  // Row-major.
  View(Void* data, DType dtype, const Dims& shape)
      : View(data, dtype, shape, ContiguousStrides(shape, dtype)) {}
  // `strides` in elements, one a dimension.
  View(Void* data, DType dtype, const Dims& shape, const Dims& strides,
       MemorySpace space = MemorySpace::kHost)
      : data_(data),
        shape_(shape),
        strides_(strides),
        dtype_(dtype),
        space_(space) {
    ABSL_CHECK_EQ(shape.size(), strides.size());
  }
  // A Tensor is also a ConstTensor.
  template <bool kOther>
  requires(kConst && !kOther)
      // NOLINTNEXTLINE(google-explicit-constructor)
      View(const View<kOther>& other)
      : data_(other.data()),
        shape_(other.shape()),
        strides_(other.strides()),
        dtype_(other.dtype()),
        space_(other.space()) {}

  // Whether this is a tensor at all: false for an absent optional argument.
  bool present() const { return dtype_ != DType::kNone; }

  DType dtype() const { return dtype_; }
  MemorySpace space() const { return space_; }
  int rank() const { return shape_.size(); }
  const Dims& shape() const { return shape_; }
  const Dims& strides() const { return strides_; }
  // Size and stride of dimension i; a negative i counts from the last.
  int64_t dim(int i) const { return shape_[i < 0 ? i + rank() : i]; }
  int64_t stride(int i) const { return strides_[i < 0 ? i + rank() : i]; }
  int64_t NumElements() const { return shape_.Product(); }
  // Bytes of all elements, if contiguous.
  int64_t NumBytes() const { return ContiguousBytes(shape_, dtype_); }
  // Whether the elements lie row-major without gaps (size-1 dims are free).
  bool IsContiguous() const;

  Void* data() const { return data_; }
  // The first element; T must be the storage type of dtype().
  template <typename T>
  Element<T>* data() const {
    ABSL_DCHECK(kDTypeOf<T> == dtype_)
        << Name(kDTypeOf<T>) << " access to " << Name(dtype_);
    return static_cast<Element<T>*>(data_);
  }
  // Pointer to the element at the given leading indices (the others 0), or to
  // the pair that it is in.
  template <typename T, typename... Indices>
  Element<T>* At(Indices... indices) const {
    static_assert(sizeof...(Indices) <= kMaxRank);
    int64_t offset = 0;
    int i = 0;
    ((offset += static_cast<int64_t>(indices) * strides_[i++]), ...);
    return data<T>() + offset / PackFactor(kDTypeOf<T>);
  }

  // The same elements with dimension order[i] in place i.
  View Permute(const Dims& order) const;
  // Swaps the last two dimensions.
  View Transpose() const;
  // Elements [start, start + length) of dimension i. Must start with a whole
  // byte.
  View Slice(int i, int64_t start, int64_t length) const;
  // Fixes dimension i at `index` and drops it.
  View Select(int i, int64_t index) const;
  // Another shape of the same elements in row-major order. Splits and merges
  // dimensions; needs a layout in which the merged ones are adjacent.
  View Reshape(const Dims& shape) const;

 private:
  Void* data_ = nullptr;
  Dims shape_;
  Dims strides_;
  DType dtype_ = DType::kNone;
  MemorySpace space_ = MemorySpace::kHost;
};

extern template class View<false>;
extern template class View<true>;

}  // namespace tensor_internal

using Tensor = tensor_internal::View<false>;
using ConstTensor = tensor_internal::View<true>;

// "bf16 [2, 128, 4096]", with strides if they are not row-major, or "absent".
std::string ToString(const ConstTensor& tensor);

// Whether the byte ranges from first to last element of `a` and `b` meet.
// (Interleaved views of disjoint elements count as meeting.)
bool Overlap(const ConstTensor& a, const ConstTensor& b);

// Whether `a` and `b` are the same view: data, type, shape and strides.
bool SameView(const ConstTensor& a, const ConstTensor& b);

// Host memory for one contiguous tensor, aligned to 64 bytes; large buffers lie
// in huge pages where the system has them. Move-only.
class Buffer {
 public:
  // Empty: view() is absent.
  Buffer() = default;
  // Uninitialized elements.
  Buffer(DType dtype, const Dims& shape);
  static Buffer Zeros(DType dtype, const Dims& shape);

  Tensor view() { return Tensor(data_.get(), dtype_, shape_); }
  ConstTensor view() const { return ConstTensor(data_.get(), dtype_, shape_); }
  template <typename T>
  T* data() {
    return view().template data<T>();
  }
  template <typename T>
  const T* data() const {
    return view().template data<T>();
  }
  const Dims& shape() const { return shape_; }
  DType dtype() const { return dtype_; }

 private:
  struct Free {
    size_t alignment;  // with which it was allocated
    void operator()(std::byte* data) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  Dims shape_;
  DType dtype_ = DType::kNone;
};

// Copies `from` to `to` (same shape, any strides) with conversion between
// floating-point types. Single-threaded, for set-up and tests.
void Copy(const ConstTensor& from, const Tensor& to);

// A contiguous copy of `from`, converted to `dtype`.
Buffer ToContiguous(const ConstTensor& from, DType dtype);

}  // namespace tilework

#endif  // TILEWORK_COMMON_TENSOR_TENSOR_H_
