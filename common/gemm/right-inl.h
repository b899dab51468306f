// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Parts of the right operand as the micro-kernels read it: packed panels of
// f32, bf16 or f16, made on the fly where it is not stored so. Include after
// hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_GEMM_RIGHT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_GEMM_RIGHT_INL_H_
#undef TILEWORK_COMMON_GEMM_RIGHT_INL_H_
#else
#define TILEWORK_COMMON_GEMM_RIGHT_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/codes.h"
#include "tilework/common/gemm/expand-inl.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/gemm/gemm_plan.h"
#include "tilework/common/gemm/left-inl.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/micro-inl.h"
#include "tilework/common/gemm/pack.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// How many rows of a row-major matrix are asked for before they are read.
inline constexpr int64_t kRowsAhead = 8;

// 32 columns of a pair of rows, interleaved. Reads nothing of a missing second
// row.
HWY_INLINE void PackPairRow(const BFloat16* HWY_RESTRICT first,
                            const BFloat16* HWY_RESTRICT second,
                            BFloat16* HWY_RESTRICT to) {
  const hn::CappedTag<uint16_t, 32> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t c = 0; c < PackedMatrix::kPanelCols; c += lanes) {
    const auto a = hn::LoadU(d, reinterpret_cast<const uint16_t*>(first) + c);
    const auto b =
        second == nullptr
            ? hn::Zero(d)
            : hn::LoadU(d, reinterpret_cast<const uint16_t*>(second) + c);
    auto* out = reinterpret_cast<uint16_t*>(to) + 2 * c;
    hn::StoreU(hn::InterleaveWholeLower(d, a, b), d, out);
    hn::StoreU(hn::InterleaveWholeUpper(d, a, b), d, out + lanes);
  }
}

// Rows [row, row + rows) of whole panels [col, col + cols) of a row-major
// matrix, row by row, so that what is contiguous in memory is read in one go.
template <typename TB>
HWY_NOINLINE void PackRowMajor(const ConstTensor& matrix, int64_t row,
                               int64_t rows, int64_t col, int64_t cols,
                               TB* HWY_RESTRICT to) {
  constexpr int64_t kGroup = kPackedRowGroup<TB>;
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  const int64_t panel_size = PackedPanelSize<TB>(rows);
  const int64_t stride = matrix.stride(0);
  for (int64_t i = 0; i < rows; i += kGroup) {
    const TB* from = matrix.At<TB>(row + i, col);
    const bool fetch = i + kRowsAhead + kGroup <= rows;
    for (int64_t c = 0; c < cols; c += kCols) {
      if (fetch) {
        for (int64_t j = 0; j < kGroup; ++j) {
          const TB* ahead = from + (kRowsAhead + j) * stride + c;
          hwy::Prefetch(ahead);
          if constexpr (sizeof(TB) * kCols > 64) hwy::Prefetch(ahead + 16);
        }
      }
      TB* out = to + c / kCols * panel_size + i * kCols;
      if constexpr (kGroup == 2) {
        PackPairRow(from + c, i + 1 < rows ? from + stride + c : nullptr, out);
      } else {
        std::copy_n(from + c, kCols, out);
      }
    }
  }
}

// The same of a column-major one: columns are read front to back, 4 at a time.
// For f32, and bf16 whose columns begin at multiples of 4 bytes.
template <typename TB>
HWY_NOINLINE void PackColumnMajor(const ConstTensor& matrix, int64_t row,
                                  int64_t rows, int64_t col, int64_t cols,
                                  TB* HWY_RESTRICT to) {
  constexpr int64_t kStep = kStepElements<TB>;
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  const int64_t panel_size = PackedPanelSize<TB>(rows);
  const int64_t stride = matrix.stride(1) / kStep;
  const int64_t steps = rows / kStep;
  for (int64_t c = 0; c < cols; c += 4) {
    const auto* from =
        reinterpret_cast<const uint32_t*>(matrix.At<TB>(row, col + c));
    TB* panel = to + c / kCols * panel_size;
    auto* out = reinterpret_cast<uint32_t*>(panel) + c % kCols;
    const bool fetch = c + 8 <= cols;
    int64_t i = 0;
    for (; i + 4 <= steps; i += 4) {
      if (fetch && i % 16 == 0) {
        for (int64_t j = 4; j < 8; ++j) hwy::Prefetch(from + j * stride + i);
      }
      Transpose4(from + i, stride, out + i * kCols, kCols);
    }
    for (; i < steps; ++i) {
      for (int64_t j = 0; j < 4; ++j) {
        out[i * kCols + j] = from[j * stride + i];
      }
    }
    if (rows % kStep == 0) continue;
    for (int64_t j = 0; j < 4; ++j) {
      TB* pair = panel + (rows - 1) * kCols + (c % kCols + j) * kStep;
      pair[0] = *matrix.At<TB>(row + rows - 1, col + c + j);
      pair[kStep - 1] = kStep == 1 ? pair[0] : TB(0.0f);
    }
  }
}

template <typename TB>
bool IsColumnMajor(const ConstTensor& matrix, int64_t row) {
  constexpr int64_t kStep = kStepElements<TB>;
  return kPackedRowGroup<TB> == kStep && matrix.stride(0) == 1 &&
         matrix.stride(1) % kStep == 0 &&
         reinterpret_cast<uintptr_t>(matrix.At<TB>(row)) % 4 == 0;
}

// Rows [row, row + rows) of the columns of a tile, as a PackedMatrix has them:
// one panel after the other.
template <typename TB>
void PackTile(const ConstTensor& matrix, int64_t row, int64_t rows,
              const GemmTile& tile, TB* HWY_RESTRICT to) {
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  int64_t c = 0;
  if (matrix.stride(1) == 1) {
    c = tile.cols / kCols * kCols;
    PackRowMajor(matrix, row, rows, tile.col, c, to);
  } else if (IsColumnMajor<TB>(matrix, row)) {
    c = tile.cols / kCols * kCols;
    PackColumnMajor(matrix, row, rows, tile.col, c, to);
  }
  for (; c < tile.cols; c += kCols) {
    PackPanelRows(matrix, row, rows, tile.col + c,
                  to + c / kCols * PackedPanelSize<TB>(rows));
  }
}

// Rows of a right operand as micro-kernels read them.
template <typename TB>
class RightRows {
 public:
  // `scratch` has room for what ScratchSize() says.
  RightRows(const MatrixOperand& matrix, TB* scratch)
      : matrix_(matrix),
        scheme_(matrix.scheme()),
        mx_scales_(scheme_, matrix.scales()),
        scratch_(scratch) {}

  // Codes of packed matrices are expanded two panels at a time.
  static int64_t ScratchSize(bool packed, const GemmPlan& plan) {
    // One operand may be packed beside one that is not.
    return (packed ? 2 : std::max<int64_t>(2, plan.tile_panels)) *
           PackedPanelSize<TB>(plan.k_block);
  }

  // Chooses rows [row, row + rows) of the columns of a tile.
  void Begin(int64_t row, int64_t rows, const GemmTile& tile) {
    row_ = row;
    rows_ = rows;
    if (matrix_.packed() != nullptr) return;
    if (matrix_.dtype() == kDTypeOf<TB>) {
      return PackTile(matrix_.plain(), row, rows, tile, scratch_);
    }
    if constexpr (std::is_same_v<TB, BFloat16>) {
      constexpr int64_t kCols = PackedMatrix::kPanelCols;
      const CodeReader codes(matrix_.plain());
      for (int64_t c = 0; c < tile.cols; c += kCols) {
        PackPanelValues(codes, Bf16Table(matrix_.dtype()), mx_scales_, row,
                        rows, tile.col + c, std::min(kCols, tile.cols - c),
                        scratch_ + c / kCols * PackedPanelSize<TB>(rows));
      }
    }
  }

  // Those of the panel that begins at column `c` of the tile. Until the call
  // after the next.
  const TB* Panel(const GemmTile& tile, int64_t c) {
    constexpr int64_t kCols = PackedMatrix::kPanelCols;
    const PackedMatrix* packed = matrix_.packed();
    if (packed == nullptr) {
      return scratch_ + c / kCols * PackedPanelSize<TB>(rows_);
    }
    const int64_t panel = (tile.col + c) / kCols;
    if constexpr (std::is_same_v<TB, BFloat16>) {
      if (packed->storage() != DType::kBF16) {
        TB* to = scratch_ + panel % 2 * PackedPanelSize<TB>(rows_);
        ExpandPanel(packed->storage(), CodePanel(*packed, panel, row_), rows_,
                    to);
        return to;
      }
    }
    return packed->Panel<TB>(panel) + row_ * kCols;
  }

  // Lets rows [row, row + rows) of the panel at column `c` of the tile be
  // fetched, if they are packed.
  void FetchPanel(const GemmTile& tile, int64_t c, int64_t row, int64_t rows,
                  FetchNext& fetch) const {
    const PackedMatrix* packed = matrix_.packed();
    if (packed == nullptr || tile.col + c >= packed->cols()) return;
    const DType storage = packed->storage();
    const std::byte* panel =
        packed->Panel((tile.col + c) / PackedMatrix::kPanelCols);
    const int64_t begin = PackedPanelBytes(storage, row);
    fetch.Add(panel + begin, PackedPanelBytes(storage, row + rows) - begin);
  }

  // kBlock128: the scale of row `row` and the panel.
  bool has_block_scales() const { return scheme_ == QuantScheme::kBlock128; }
  float BlockScale(const GemmTile& tile, int64_t c, int64_t row) const {
    return *ScalesOf(matrix_).template At<float>(row / kScaleBlock,
                                                 (tile.col + c) / kScaleBlock);
  }

 private:
  const MatrixOperand& matrix_;
  QuantScheme scheme_;
  MxScaleReader mx_scales_;
  TB* scratch_;
  int64_t row_ = 0;
  int64_t rows_ = 0;
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_GEMM_RIGHT_INL_H_
