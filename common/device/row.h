// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rows that are dealt to threads: to a few lanes of a warp, a warp or a block.
//
// A pack is eight consecutive elements. Of a row that `threads` threads share,
// pack p belongs to thread p % threads, whatever the types and strides are: so
// that sums over a row, in the order of a thread's packs, have the same bits
// for all of them. A thread works on kPacks packs at a time, with their loads
// under way together; these are a tile of the row. A row of one tile stays in
// registers, and a row of more is read once for each pass over it.

#ifndef TILEWORK_COMMON_DEVICE_ROW_H_
#define TILEWORK_COMMON_DEVICE_ROW_H_

#include <bit>
#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/prefetch.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// How many rows there are and how they are dealt: a parameter of kernels.
struct RowShape {
  int64_t rows;
  int64_t size;  // elements of a row
  int threads;   // of a row: a power of two up to 32, or those of the block
  int packs;     // of a thread, rounded up to whole tiles
};

// The rows that a thread takes part in. All threads of a block make the same
// number of rounds, some of them without a row.
//
//   for (RowLoop row(shape); row.More(); row.Next()) { ... }
class RowLoop {
 public:
  // All rows, with the other blocks.
  __device__ explicit RowLoop(const RowShape& shape)
      : RowLoop(shape, int64_t{blockIdx.x} * RowsOfBlock(shape), shape.rows,
                int64_t{gridDim.x} * RowsOfBlock(shape)) {}
  // Rows [begin, end), by this block alone.
  __device__ RowLoop(const RowShape& shape, int64_t begin, int64_t end)
      : RowLoop(shape, begin, end, RowsOfBlock(shape)) {}

  __device__ bool More() const { return first_ < end_; }
  __device__ void Next() {
    first_ += step_;
    SetPacks();
  }

  // Whether this thread has a row in this round.
  __device__ bool IsRow() const { return packs_ > 0; }
  // Which row; some row if it is none.
  __device__ int64_t index() const { return IsRow() ? Index() : end_ - 1; }
  // Whether this thread has a row in the next round, and which.
  __device__ bool HasNext() const { return Index() + step_ < end_; }
  __device__ int64_t next_index() const { return Index() + step_; }
  // Which pack of the row this thread's pack i is.
  __device__ int Pack(int i) const { return i * shape_.threads + thread_; }
  __device__ int packs_of_rows() const {
    return static_cast<int>((shape_.size + kEight - 1) / kEight);
  }
  // Whether the row has pack p, and how many elements of it.
  __device__ bool HasPack(int p) const { return p < packs_; }
  __device__ int CountOf(int p) const {
    if (!HasPack(p)) return 0;
    const int64_t rest = shape_.size - int64_t{p} * kEight;
    return rest < kEight ? static_cast<int>(rest) : kEight;
  }
  // Whether this thread writes what there is one of in a row.
  __device__ bool IsFirstThread() const { return thread_ == 0 && IsRow(); }
  __device__ int thread() const { return thread_; }

 private:
  __device__ RowLoop(const RowShape& shape, int64_t first, int64_t end,
                     int64_t step)
      : shape_(shape),
        thread_(static_cast<int>(threadIdx.x) % shape.threads),
        first_(first),
        end_(end),
        step_(step) {
    SetPacks();
  }

  __device__ static int RowsOfBlock(const RowShape& shape) {
    return static_cast<int>(blockDim.x) / shape.threads;
  }
  __device__ int64_t Index() const {
    return first_ + static_cast<int>(threadIdx.x) / shape_.threads;
  }

  __device__ void SetPacks() { packs_ = Index() < end_ ? packs_of_rows() : 0; }

  const RowShape& shape_;
  int packs_;  // of the row; 0 if there is none
  int thread_;
  int64_t first_;
  int64_t end_;
  int64_t step_;
};

// kNum packs as they are in memory; those of 16-bit elements take the first
// half of the words.
template <int kNum>
struct RawPacks {
  uint32_t words[kNum][kEight];
};

namespace device_internal {

// In a row of stride 1; one instruction.
template <int kBytes>
__device__ inline unsigned char* PackAddress(const RowInMemory& row, int p) {
  return row.data + uint64_t{static_cast<uint32_t>(p)} * (kEight * kBytes);
}

template <bool kAligned, int kBytes, int kNum>
__device__ inline void LoadPacksOf(const RowInMemory& row, const RowLoop& part,
                                   int first, RawPacks<kNum>& raw) {
  TILEWORK_UNROLL
  for (int i = 0; i < kNum; ++i) {
    const int p = part.Pack(first + i);
    RawEight<kBytes> eight = {};
    if constexpr (kAligned) {
      if (part.HasPack(p)) {
        eight = LoadEight<kBytes>(PackAddress<kBytes>(row, p), 1, 16, kEight);
      }
    } else {
      eight = LoadEight<kBytes>(row.data + p * (row.stride * kEight * kBytes),
                                row.stride, row.alignment, part.CountOf(p));
    }
    TILEWORK_UNROLL
    for (int j = 0; j < 2 * kBytes; ++j) raw.words[i][j] = eight.words[j];
  }
}

template <bool kAligned, int kBytes, int kNum>
__device__ inline void StorePacksOf(const float (&x)[kNum][kEight],
                                    const RowInMemory& row, const RowLoop& part,
                                    int first) {
  TILEWORK_UNROLL
  for (int i = 0; i < kNum; ++i) {
    const int p = part.Pack(first + i);
    const auto eight = FromFloats<kBytes>(row.dtype, x[i]);
    if constexpr (kAligned) {
      if (part.HasPack(p)) {
        StoreEight<kBytes>(eight, PackAddress<kBytes>(row, p), 1, 16, kEight);
      }
    } else {
      StoreEight<kBytes>(eight, row.data + p * (row.stride * kEight * kBytes),
                         row.stride, row.alignment, part.CountOf(p));
    }
  }
}

}  // namespace device_internal

// This thread's packs `first` and following of a row, zero beyond its end.
// kAligned: the row has stride 1, an address that 16 divides and a size that 8
// divides.
template <bool kAligned, int kNum>
__device__ inline void LoadPacks(const RowInMemory& row, const RowLoop& part,
                                 int first, RawPacks<kNum>& raw) {
  if (row.dtype == DType::kF32) {
    device_internal::LoadPacksOf<kAligned, 4>(row, part, first, raw);
  } else {
    device_internal::LoadPacksOf<kAligned, 2>(row, part, first, raw);
  }
}

// Asks for this thread's first kNum packs of a row of the next round.
template <int kNum>
__device__ inline void PrefetchPacks(const RowInMemory& row,
                                     const RowLoop& part) {
  if (!row.present()) return;
  const int64_t bytes = row.stride * (row.dtype == DType::kF32 ? 4 : 2);
  TILEWORK_UNROLL
  for (int i = 0; i < kNum; ++i) {
    const int p = part.Pack(i);
    if (p < part.packs_of_rows()) {
      PrefetchGlobalL2(row.data + p * (bytes * kEight));
    }
  }
}

// The words of a pack as f32.
__device__ inline void ToFloats(DType dtype, const uint32_t (&words)[kEight],
                                float (&x)[kEight]) {
  if (dtype == DType::kF32) {
    TILEWORK_UNROLL
    for (int j = 0; j < kEight; ++j) x[j] = std::bit_cast<float>(words[j]);
    return;
  }
  RawEight<2> eight;
  TILEWORK_UNROLL
  for (int j = 0; j < 4; ++j) eight.words[j] = words[j];
  ToFloats<2>(dtype, eight, x);
}

// Both.
template <bool kAligned, int kNum>
__device__ inline void LoadFloats(const RowInMemory& row, const RowLoop& part,
                                  int first, float (&x)[kNum][kEight]) {
  RawPacks<kNum> raw;
  LoadPacks<kAligned>(row, part, first, raw);
  TILEWORK_UNROLL
  for (int i = 0; i < kNum; ++i) ToFloats(row.dtype, raw.words[i], x[i]);
}

// Writes packs, rounded to the type of the row.
template <bool kAligned, int kNum>
__device__ inline void StorePacks(const float (&x)[kNum][kEight],
                                  const RowInMemory& row, const RowLoop& part,
                                  int first) {
  if (row.dtype == DType::kF32) {
    device_internal::StorePacksOf<kAligned, 4>(x, row, part, first);
  } else {
    device_internal::StorePacksOf<kAligned, 2>(x, row, part, first);
  }
}

// To f32, bf16 or f16 and back.
template <int kNum>
__device__ inline void RoundTo(DType dtype, float (&x)[kNum][kEight]) {
  if (dtype == DType::kF32) return;
  TILEWORK_UNROLL
  for (int i = 0; i < kNum; ++i) {
    ToFloats<2>(dtype, FromFloats<2>(dtype, x[i]), x[i]);
  }
}

// One number.
__device__ inline float RoundTo(DType dtype, float x) {
  if (dtype == DType::kF32) return x;
  if (dtype == DType::kBF16) {
    return std::bit_cast<float>(CvtRnBf16x2F32(0, x) << 16);
  }
  return CvtF32F16(static_cast<uint16_t>(CvtRnF16x2F32(0, x)));
}

// Element i of a row of f32, bf16 or f16.
__device__ inline float LoadElement(const RowInMemory& row, int64_t i) {
  const int64_t at = i * row.stride;
  if (row.dtype == DType::kF32) {
    return reinterpret_cast<const float*>(row.data)[at];
  }
  const uint16_t bits = reinterpret_cast<const uint16_t*>(row.data)[at];
  return row.dtype == DType::kBF16 ? std::bit_cast<float>(uint32_t{bits} << 16)
                                   : CvtF32F16(bits);
}
__device__ inline void StoreElement(float x, const RowInMemory& row,
                                    int64_t i) {
  const int64_t at = i * row.stride;
  if (row.dtype == DType::kF32) {
    reinterpret_cast<float*>(row.data)[at] = x;
    return;
  }
  reinterpret_cast<uint16_t*>(row.data)[at] = static_cast<uint16_t>(
      row.dtype == DType::kBF16 ? CvtRnBf16x2F32(0, x) : CvtRnF16x2F32(0, x));
}

// Sums of packs: terms i and i + 4 of all packs in order, and then these four.
class PackSum {
 public:
  // The term of element j.
  __device__ void Add(int j, float term) { sums_[j % kSums] += term; }
  __device__ float Total() const {
    return (sums_[0] + sums_[2]) + (sums_[1] + sums_[3]);
  }

 private:
  static constexpr int kSums = 4;
  float sums_[kSums] = {};
};

// One f32 a row in a tensor of any strides, or none.
class RowScalars {
 public:
  RowScalars() = default;
  // All dimensions count rows; an absent tensor has none.
  explicit RowScalars(const ConstTensor& tensor)
      : data_(static_cast<float*>(const_cast<void*>(tensor.data()))),
        offsets_(tensor, tensor.rank()) {}

  __device__ bool present() const { return data_ != nullptr; }
  __device__ float Load(int64_t row) const { return data_[offsets_[row]]; }
  __device__ void Store(int64_t row, float value) const {
    data_[offsets_[row]] = value;
  }

 private:
  float* data_ = nullptr;
  RowOffsets offsets_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_ROW_H_
