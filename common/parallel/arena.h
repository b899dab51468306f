// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Scratch memory that grows once and is then reused.

#ifndef TILEWORK_COMMON_PARALLEL_ARENA_H_
#define TILEWORK_COMMON_PARALLEL_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// A stack of allocations. Kernels allocate through a ScratchScope, which gives
// everything back when it ends. Once the arena has seen the largest need of a
// program, it never allocates again. Memory is uninitialized.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Bytes held from the system.
  size_t capacity() const;

 private:
  friend class ScratchScope;
  struct Block {
    Buffer memory;
    size_t size = 0;
  };

  std::byte* Allocate(size_t bytes);
  // Called when the last scope ends: several blocks become one, so that the
  // next use of the same size finds it in one piece.
  void Consolidate();

  std::vector<Block> blocks_;
  size_t block_ = 0;   // the block in use
  size_t offset_ = 0;  // first free byte in it
  int scopes_ = 0;
};

// Allocations that live until the end of the scope. Scopes nest.
class ScratchScope {
 public:
  explicit ScratchScope(Arena& arena)
      : arena_(arena), block_(arena.block_), offset_(arena.offset_) {
    ++arena_.scopes_;
  }
  ~ScratchScope();
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

  // `count` elements, aligned to 64 bytes.
  template <typename T>
  T* Allocate(int64_t count) {
    return reinterpret_cast<T*>(
        arena_.Allocate(static_cast<size_t>(count) * sizeof(T)));
  }
  // A contiguous tensor.
  Tensor AllocateTensor(DType dtype, const Dims& shape) {
    return Tensor(
        arena_.Allocate(static_cast<size_t>(ContiguousBytes(shape, dtype))),
        dtype, shape);
  }

 private:
  Arena& arena_;
  size_t block_;
  size_t offset_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_PARALLEL_ARENA_H_
