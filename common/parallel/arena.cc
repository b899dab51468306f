// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/parallel/arena.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kFirstBlock = size_t{1} << 20;

}  // namespace

size_t Arena::capacity() const {
  size_t bytes = 0;
  for (const Block& block : blocks_) bytes += block.size;
  return bytes;
}

std::byte* Arena::Allocate(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  while (block_ < blocks_.size() && blocks_[block_].size - offset_ < bytes) {
    ++block_;
    offset_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t size = std::max({bytes, capacity(), kFirstBlock});
    blocks_.push_back({Buffer(DType::kU8, {static_cast<int64_t>(size)}), size});
  }
  std::byte* result =
      reinterpret_cast<std::byte*>(blocks_[block_].memory.data<uint8_t>()) +
      offset_;
  offset_ += bytes;
  return result;
}

void Arena::Consolidate() {
  if (blocks_.size() <= 1) return;
  const size_t size = capacity();
  blocks_.clear();
  blocks_.push_back({Buffer(DType::kU8, {static_cast<int64_t>(size)}), size});
}

ScratchScope::~ScratchScope() {
  arena_.block_ = block_;
  arena_.offset_ = offset_;
  if (--arena_.scopes_ == 0) arena_.Consolidate();
}

}  // namespace tilework
