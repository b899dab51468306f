// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How tensors are cut: into units of one scale each, and into tasks. By shape
// alone.

#ifndef TILEWORK_KERNELS_QUANTIZE_BOXES_H_
#define TILEWORK_KERNELS_QUANTIZE_BOXES_H_

#include <algorithm>
#include <cstdint>

#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/divisor.h"
#include "tilework/common/tiling/tile_range.h"
#include "tilework/kernels/quantize/granularity.h"

namespace tilework {

// Elements [begin, end) of rows [row, row + num_rows), rows counted over all
// leading dimensions.
struct Box {
  int64_t row;
  int64_t num_rows;
  int64_t begin;
  int64_t end;

  constexpr int64_t size() const { return num_rows * (end - begin); }
  friend bool operator==(const Box&, const Box&) = default;
};

// Whether no dimension but the last is 0.
inline bool HasRows(const ConstTensor& tensor) {
  bool has_rows = true;
  for (int i = 0; i + 1 < tensor.rank(); ++i) has_rows &= tensor.dim(i) > 0;
  return has_rows;
}

// The product of all dimensions but the last; 1 for rank 0.
inline int64_t NumRows(const ConstTensor& tensor) {
  int64_t rows = 1;
  for (int i = 0; i + 1 < tensor.rank(); ++i) rows *= tensor.dim(i);
  return rows;
}

// The units of a tensor [..., H] that is not empty, in row-major order of their
// scales. Also in device code.
class ScaleUnits {
 public:
  ScaleUnits(const ConstTensor& x, QuantizationGranularity granularity,
             int64_t group_size)
      : num_rows_(NumRows(x)),
        size_(x.dim(-1)),
        matrix_rows_(1),
        unit_size_(size_) {
    switch (granularity) {
      case QuantizationGranularity::kRow:
        break;
      case QuantizationGranularity::kGroup:
        unit_size_ = Divisor(std::min(group_size, size_));
        break;
      case QuantizationGranularity::kBlock2d:
        matrix_rows_ = x.dim(-2);
        unit_rows_ = Divisor(std::min(group_size, matrix_rows_));
        unit_size_ = Divisor(std::min(group_size, size_));
        break;
      case QuantizationGranularity::kTensor:
        matrix_rows_ = num_rows_;
        unit_rows_ = Divisor(num_rows_);
        break;
    }
    matrices_ = Divisor(matrix_rows_);
    bands_ = Divisor(CeilDiv(matrix_rows_, unit_rows_.value()));
    columns_ = CeilDiv(size_, unit_size_.value());
  }

  // Rows and columns of scales.
  constexpr int64_t num_bands() const {
    return matrices_.Quotient(num_rows_) * bands_.value();
  }
  constexpr int64_t num_columns() const { return columns_; }
  constexpr int64_t num_units() const { return num_bands() * columns_; }
  // The largest number of elements of a unit, of its rows, and of one of them.
  constexpr int64_t unit_elements() const { return unit_rows() * unit_size(); }
  constexpr int64_t unit_rows() const { return unit_rows_.value(); }
  constexpr int64_t unit_size() const { return unit_size_.value(); }

  // The band of a row, and the column of an element of it.
  constexpr int64_t Band(int64_t row) const {
    if (unit_rows() == 1) return row;
    const int64_t matrix = matrices_.Quotient(row);
    return matrix * bands_.value() +
           unit_rows_.Quotient(row - matrix * matrix_rows_);
  }
  constexpr int64_t Column(int64_t element) const {
    return unit_size_.Quotient(element);
  }
  constexpr Box operator()(int64_t band, int64_t column) const {
    const int64_t matrix = bands_.Quotient(band);
    const int64_t first = (band - matrix * bands_.value()) * unit_rows();
    const int64_t begin = column * unit_size();
    return {matrix * matrix_rows_ + first,
            std::min(unit_rows(), matrix_rows_ - first), begin,
            std::min(begin + unit_size(), size_)};
  }

 private:
  int64_t num_rows_;
  int64_t size_;
  int64_t matrix_rows_;  // rows that bands do not cross
  Divisor matrices_;     // the same
  Divisor unit_rows_;
  Divisor unit_size_;
  Divisor bands_;  // of a matrix
  int64_t columns_;
};

// A box that is not empty, cut into tasks of about kElements elements.
class Pieces {
 public:
  // Enough for a task to be worth a thread's attention.
  static constexpr int64_t kElements = int64_t{1} << 16;

  explicit Pieces(const Box& box)
      : box_(box),
        rows_(std::max<int64_t>(kElements / (box.end - box.begin), 1)),
        size_(std::min(kElements, box.end - box.begin)),
        columns_(CeilDiv(box.end - box.begin, size_)) {}

  int64_t num() const { return CeilDiv(box_.num_rows, rows_) * columns_; }
  Box operator[](int64_t i) const {
    const int64_t first = i / columns_ * rows_;
    const int64_t begin = box_.begin + i % columns_ * size_;
    return {box_.row + first, std::min(rows_, box_.num_rows - first), begin,
            std::min(begin + size_, box_.end)};
  }

 private:
  Box box_;
  int64_t rows_;
  int64_t size_;
  int64_t columns_;
};

// Reorders the dimensions of two tensors of the same shape for a kernel to
// which the order of the elements is nothing: one row if possible, otherwise
// the smallest strides of `x` last. Rank 0 becomes rank 1.
inline void OrderForStreaming(ConstTensor& x, Tensor& y) {
  Dims order;
  for (int i = 0; i < x.rank(); ++i) order.push_back(i);
  // An insertion sort, which keeps the order of equal strides.
  for (int i = 1; i < order.size(); ++i) {
    for (int j = i; j > 0; --j) {
      const int left = static_cast<int>(order[j - 1]);
      const int right = static_cast<int>(order[j]);
      if (x.stride(left) >= x.stride(right)) break;
      std::swap(order[j - 1], order[j]);
    }
  }
  x = x.Permute(order);
  y = y.Permute(order);
  if (x.IsContiguous() && y.IsContiguous()) {
    x = x.Reshape({x.NumElements()});
    y = y.Reshape({y.NumElements()});
  }
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_BOXES_H_
