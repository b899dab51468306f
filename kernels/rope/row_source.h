// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The cosines and sines of tokens, from tables or computed.

#ifndef TILEWORK_KERNELS_ROPE_ROW_SOURCE_H_
#define TILEWORK_KERNELS_ROPE_ROW_SOURCE_H_

#include <cstdint>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"

namespace tilework {

// Tells the cosines and sines of one token from those of another: the row of a
// table (of a batch), or the position.
struct RowKey {
  int64_t batch;
  int64_t row;

  friend bool operator==(const RowKey&, const RowKey&) = default;
};

// Of one token, as contiguous f32.
struct TableRows {
  const float* cos;
  const float* sin;
};

// Where the cosines and sines of the tokens come from. In mode kIndexed the
// tables may also be one for each batch.
class RowSource {
 public:
  explicit RowSource(const RopeArgs& args);

  int64_t width() const { return width_; }
  // Whether batches have cosines and sines of their own.
  bool by_batch() const;
  // Of token s of batch b.
  RowKey Key(int64_t b, int64_t s) const;

  // The rows are in `scratch`, 2 * width() values, if they have to be made.
  TableRows Load(const RowKey& key, float* scratch) const;

 private:
  int64_t Position(int64_t b, int64_t s) const;
  const float* LoadRowOf(const ConstTensor& table, const RowKey& key,
                         float* scratch) const;

  const RopeArgs& args_;
  int64_t width_;
  bool batched_;
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROW_SOURCE_H_
