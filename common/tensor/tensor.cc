// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/tensor.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "absl/log/absl_check.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"

namespace tilework {
namespace {

constexpr size_t kAlignment = 64;
// From this size on, buffers are made of huge pages where the system has them:
// fewer TLB misses make a stream of weights faster.
constexpr size_t kHugeBuffer = size_t{4} << 20;
constexpr size_t kHugePage = size_t{2} << 20;

// Calls f(offset_a, offset_b) for each index of `shape`, in row-major order.
template <typename F>
void ForEachOffset(const Dims& shape, const Dims& strides_a,
                   const Dims& strides_b, const F& f) {
  if (shape.Product() == 0) return;
  Dims index = shape;
  for (int i = 0; i < shape.size(); ++i) index[i] = 0;
  int64_t a = 0;
  int64_t b = 0;
  while (true) {
    f(a, b);
    int i = shape.size() - 1;
    for (; i >= 0; --i) {
      a += strides_a[i];
      b += strides_b[i];
      if (++index[i] < shape[i]) break;
      a -= strides_a[i] * shape[i];
      b -= strides_b[i] * shape[i];
      index[i] = 0;
    }
    if (i < 0) return;
  }
}

// `factor` is a power of two.
uint64_t RoundUp(uint64_t value, uint64_t factor) {
  return (value + factor - 1) & ~(factor - 1);
}

// Bytes of consecutive elements.
int64_t Bytes(int64_t elements, DType dtype) {
  if (PackFactor(dtype) == 2) return elements / 2 + elements % 2;
  return elements * static_cast<int64_t>(SizeOf(dtype));
}

// Bytes from the first element to the last; 0 if there is none.
int64_t ExtentBytes(const ConstTensor& tensor) {
  int64_t extent = 1;
  for (int i = 0; i < tensor.rank(); ++i) {
    if (tensor.dim(i) == 0) return 0;
    extent += (tensor.dim(i) - 1) * tensor.stride(i);
  }
  return Bytes(extent, tensor.dtype());
}

void CopyPacked(const ConstTensor& from, const Tensor& to) {
  const auto* source = from.data<Float4E2M1Pair>();
  auto* target = to.data<Float4E2M1Pair>();
  ForEachOffset(from.shape(), from.strides(), to.strides(),
                [&](int64_t a, int64_t b) {
                  // The first of a pair comes first; the second may not exist.
                  if (b % 2 == 0) target[b / 2] = Float4E2M1Pair::FromBits(0);
                  SetPacked(target, b, GetPacked(source, a));
                });
}

}  // namespace

Dims::Dims(absl::Span<const int64_t> values)
    : size_(static_cast<int>(values.size())) {
  ABSL_CHECK_LE(values.size(), static_cast<size_t>(kMaxRank));
  std::copy(values.begin(), values.end(), values_.begin());
}

int64_t Dims::Product() const {
  // With a zero the others may be of any size.
  if (std::find(begin(), end(), 0) != end()) return 0;
  int64_t product = 1;
  for (const int64_t value : *this) product *= value;
  return product;
}

bool Dims::ProductFits() const {
  if (std::find(begin(), end(), 0) != end()) return true;
  int64_t product = 1;
  for (const int64_t value : *this) {
    if (value > std::numeric_limits<int64_t>::max() / product) return false;
    product *= value;
  }
  return true;
}

std::string Dims::ToString() const {
  return absl::StrCat("[", absl::StrJoin(*this, ", "), "]");
}

Dims ContiguousStrides(const Dims& shape, DType dtype) {
  const auto pack = static_cast<uint64_t>(PackFactor(dtype));
  Dims strides = shape;
  // Wraps around in a view that is too large to exist, which the argument
  // checks find.
  uint64_t stride = 1;
  for (int i = shape.size() - 1; i >= 0; --i) {
    strides[i] = static_cast<int64_t>(stride);
    stride *= static_cast<uint64_t>(std::max<int64_t>(shape[i], 1));
    stride = RoundUp(stride, pack);
  }
  return strides;
}

int64_t ContiguousBytes(const Dims& shape, DType dtype) {
  if (PackFactor(dtype) == 1 || shape.size() == 0) {
    return Bytes(shape.Product(), dtype);
  }
  Dims rows = shape;
  rows[shape.size() - 1] = 1;
  return rows.Product() * Bytes(shape[shape.size() - 1], dtype);
}

namespace tensor_internal {

template <bool kConst>
bool View<kConst>::IsContiguous() const {
  const auto pack = static_cast<uint64_t>(PackFactor(dtype_));
  uint64_t expected = 1;  // wraps around as in ContiguousStrides
  for (int i = rank() - 1; i >= 0; --i) {
    const auto stride = static_cast<uint64_t>(strides_[i]);
    if (shape_[i] == 0) return true;
    if (shape_[i] != 1 && stride != expected) return false;
    expected = RoundUp(expected * static_cast<uint64_t>(shape_[i]), pack);
  }
  return true;
}

template <bool kConst>
View<kConst> View<kConst>::Permute(const Dims& order) const {
  ABSL_CHECK_EQ(order.size(), rank());
  View result = *this;
  unsigned seen = 0;
  for (int i = 0; i < rank(); ++i) {
    const int from = static_cast<int>(order[i]);
    ABSL_CHECK(from >= 0 && from < rank()) << "dimension " << from;
    seen |= 1u << from;
    result.shape_[i] = shape_[from];
    result.strides_[i] = strides_[from];
  }
  ABSL_CHECK_EQ(seen, (1u << rank()) - 1) << order.ToString();
  return result;
}

template <bool kConst>
View<kConst> View<kConst>::Transpose() const {
  ABSL_CHECK_GE(rank(), 2);
  View result = *this;
  std::swap(result.shape_[rank() - 1], result.shape_[rank() - 2]);
  std::swap(result.strides_[rank() - 1], result.strides_[rank() - 2]);
  return result;
}

template <bool kConst>
View<kConst> View<kConst>::Slice(int i, int64_t start, int64_t length) const {
  if (i < 0) i += rank();
  ABSL_CHECK(start >= 0 && length >= 0 && start <= shape_[i] - length)
      << "slice [" << start << ", +" << length << ") of " << shape_.ToString();
  const int64_t offset = start * strides_[i];
  ABSL_CHECK(PackFactor(dtype_) == 1 || offset % 2 == 0)
      << "slice from " << start << " of " << ToString(*this);
  View result = *this;
  if (data_ != nullptr) {
    using Byte = std::conditional_t<kConst, const char, char>;
    result.data_ = static_cast<Byte*>(data_) + Bytes(offset, dtype_);
  }
  result.shape_[i] = length;
  return result;
}

template <bool kConst>
View<kConst> View<kConst>::Select(int i, int64_t index) const {
  if (i < 0) i += rank();
  const View slice = Slice(i, index, 1);
  View result = slice;
  result.shape_ = Dims();
  result.strides_ = Dims();
  for (int j = 0; j < rank(); ++j) {
    if (j == i) continue;
    result.shape_.push_back(slice.shape_[j]);
    result.strides_.push_back(slice.strides_[j]);
  }
  return result;
}

template <bool kConst>
View<kConst> View<kConst>::Reshape(const Dims& shape) const {
  ABSL_CHECK_EQ(shape.Product(), NumElements())
      << shape_.ToString() << " to " << shape.ToString();
  View result = *this;
  result.shape_ = shape;
  result.strides_ = ContiguousStrides(shape, dtype_);
  if (NumElements() == 0) return result;
  // Walk both shapes from the last dimension; each group of old dimensions that
  // together make up a group of new ones must be laid out without a gap.
  int from = rank() - 1;
  int to = shape.size() - 1;
  while (to >= 0) {
    while (from >= 0 && shape_[from] == 1) --from;
    if (shape[to] == 1) {
      --to;
      continue;
    }
    ABSL_CHECK_GE(from, 0);
    const int64_t inner = strides_[from];
    int64_t old_size = shape_[from--];
    int64_t new_size = 1;
    while (to >= 0 && new_size < old_size) {
      const int64_t stride = inner * new_size;
      ABSL_CHECK(PackFactor(dtype_) == 1 || stride == 1 || stride % 2 == 0)
          << "cannot reshape " << ToString(*this) << " to " << shape.ToString()
          << ": rows would not be whole bytes";
      result.strides_[to] = stride;
      new_size *= shape[to--];
      while (new_size > old_size) {
        while (from >= 0 && shape_[from] == 1) --from;
        ABSL_CHECK(from >= 0 && strides_[from] == inner * old_size)
            << "cannot reshape " << ToString(*this) << " to "
            << shape.ToString() << " without a copy";
        old_size *= shape_[from--];
      }
    }
    ABSL_CHECK_EQ(new_size, old_size)
        << "cannot reshape " << ToString(*this) << " to " << shape.ToString();
  }
  return result;
}

template class View<false>;
template class View<true>;

}  // namespace tensor_internal

std::string ToString(const ConstTensor& tensor) {
  if (!tensor.present()) return "absent";
  std::string result =
      absl::StrCat(Name(tensor.dtype()), " ", tensor.shape().ToString());
  if (!tensor.IsContiguous()) {
    absl::StrAppend(&result, " strides ", tensor.strides().ToString());
  }
  return result;
}

bool Overlap(const ConstTensor& a, const ConstTensor& b) {
  if (!a.present() || !b.present() || a.space() != b.space()) return false;
  const auto* a_begin = static_cast<const char*>(a.data());
  const auto* b_begin = static_cast<const char*>(b.data());
  const int64_t a_bytes = ExtentBytes(a);
  const int64_t b_bytes = ExtentBytes(b);
  if (a_bytes == 0 || b_bytes == 0) return false;
  const std::less<const char*> less;
  return less(a_begin, b_begin + b_bytes) && less(b_begin, a_begin + a_bytes);
}

bool SameView(const ConstTensor& a, const ConstTensor& b) {
  return a.data() == b.data() && a.dtype() == b.dtype() &&
         a.shape() == b.shape() && a.strides() == b.strides() &&
         a.space() == b.space();
}

void Buffer::Free::operator()(std::byte* data) const {
  ::operator delete[](data, std::align_val_t{alignment});
}

Buffer::Buffer(DType dtype, const Dims& shape) : shape_(shape), dtype_(dtype) {
  ABSL_CHECK(shape.ProductFits()) << shape.ToString();
  const size_t bytes = static_cast<size_t>(ContiguousBytes(shape, dtype));
  const size_t alignment = bytes >= kHugeBuffer ? kHugePage : kAlignment;
  data_ = std::unique_ptr<std::byte[], Free>(
      static_cast<std::byte*>(::operator new[](std::max<size_t>(bytes, 1),
                                               std::align_val_t{alignment})),
      Free{alignment});
#if defined(MADV_HUGEPAGE)
  if (alignment == kHugePage) {
    // Advice: where it is not taken, nothing is lost.
    madvise(data_.get(), bytes, MADV_HUGEPAGE);
  }
#endif
}

Buffer Buffer::Zeros(DType dtype, const Dims& shape) {
  Buffer buffer(dtype, shape);
  std::memset(buffer.data_.get(), 0,
              static_cast<size_t>(buffer.view().NumBytes()));
  return buffer;
}

void Copy(const ConstTensor& from, const Tensor& to) {
  ABSL_CHECK(from.shape() == to.shape())
      << ToString(from) << " to " << ToString(to);
  if (from.dtype() == to.dtype()) {
    const size_t size = SizeOf(from.dtype());
    const auto* source = static_cast<const char*>(from.data());
    auto* target = static_cast<char*>(to.data());
    if (from.IsContiguous() && to.IsContiguous()) {
      if (from.NumBytes() == 0) return;
      std::memcpy(target, source, static_cast<size_t>(from.NumBytes()));
      return;
    }
    if (PackFactor(from.dtype()) > 1) return CopyPacked(from, to);
    ForEachOffset(from.shape(), from.strides(), to.strides(),
                  [&](int64_t a, int64_t b) {
                    std::memcpy(target + b * static_cast<int64_t>(size),
                                source + a * static_cast<int64_t>(size), size);
                  });
    return;
  }
  ABSL_CHECK(IsFloat(from.dtype()) && IsFloat(to.dtype()))
      << ToString(from) << " to " << ToString(to);
  VisitFloat(from.dtype(), [&](auto from_type) {
    VisitFloat(to.dtype(), [&](auto to_type) {
      using From = decltype(from_type);
      using To = decltype(to_type);
      const From* source = from.data<From>();
      To* target = to.data<To>();
      ForEachOffset(from.shape(), from.strides(), to.strides(),
                    [&](int64_t a, int64_t b) {
                      target[b] = To(static_cast<float>(source[a]));
                    });
    });
  });
}

Buffer ToContiguous(const ConstTensor& from, DType dtype) {
  Buffer buffer(dtype, from.shape());
  Copy(from, buffer.view());
  return buffer;
}

}  // namespace tilework
