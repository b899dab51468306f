// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/codes.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/gemm/gemm_plan.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/pack.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/gemm/gemm_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/gemm/expand-inl.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kCols = PackedMatrix::kPanelCols;

// Micro-kernels compute kRows rows by kVectors vectors of columns and keep all
// sums in registers: 24 of AVX-512's 32, 8 of AVX2's 16.
#if HWY_TARGET <= HWY_AVX3
constexpr int kMaxRows = 12;
#else
constexpr int kMaxRows = 4;
#endif
constexpr int kVectors = 2;

// With one or two rows a product is as fast as the right operand comes from
// memory, and what the hardware fetches ahead is not enough: ask for each
// step's two cache lines this many bytes early. Panels follow one another, so
// the end of one fetches the beginning of the next.
constexpr int64_t kAheadBytes = 4096;

template <int kRows, typename TB>
HWY_INLINE void FetchAhead(const TB* HWY_RESTRICT b) {
  if constexpr (kRows <= 2) {
    const auto* ahead = reinterpret_cast<const uint8_t*>(b) + kAheadBytes;
    hwy::Prefetch(ahead);
    hwy::Prefetch(ahead + 64);
  }
}

// The right operand of one step, as f32: rows k and (for bf16, which is packed
// in pairs) k + 1.
template <typename TB, int kRow, class DF>
HWY_INLINE hn::Vec<DF> LoadPackedRow(DF df, const TB* HWY_RESTRICT b) {
  if constexpr (std::is_same_v<TB, BFloat16>) {
    const hn::RebindToUnsigned<DF> du32;
    const auto pair = hn::LoadU(du32, reinterpret_cast<const uint32_t*>(b));
    return hn::BitCast(df, kRow == 0
                               ? hn::ShiftLeft<16>(pair)
                               : hn::And(pair, hn::Set(du32, 0xFFFF0000u)));
  } else {
    return LoadF32(df, b);
  }
}

// sums[r][v] += a[r] * (vector v of packed row k + kRow).
template <typename TB, int kRow, int kRows, class DF, class VF>
HWY_INLINE void AddRow(DF df, const float* HWY_RESTRICT a, int64_t a_stride,
                       const TB* HWY_RESTRICT b, VF (&sums)[kRows][kVectors]) {
  const size_t step = hn::Lanes(df) * kPackedRowGroup<TB>;
  const VF b0 = LoadPackedRow<TB, kRow>(df, b);
  const VF b1 = LoadPackedRow<TB, kRow>(df, b + step);
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    const VF x = hn::Set(df, a[r * a_stride]);
    sums[r][0] = hn::MulAdd(x, b0, sums[r][0]);
    sums[r][1] = hn::MulAdd(x, b1, sums[r][1]);
  }
}

// sums[j] += a times right operand j: f32 times any packed type.
template <typename TB, int kRows, int kB, class DF, class VF>
HWY_INLINE void Accumulate(DF df, const float* HWY_RESTRICT a, int64_t a_stride,
                           const TB* const (&b)[kB], int64_t k,
                           VF (&sums)[kB][kRows][kVectors]) {
  constexpr int64_t kGroup = kPackedRowGroup<TB>;
  int64_t i = 0;
  for (; i + kGroup <= k; i += kGroup) {
    HWY_UNROLL(2)
    for (int j = 0; j < kB; ++j) {
      const TB* HWY_RESTRICT rows = b[j] + i * kCols;
      FetchAhead<kRows>(rows);
      AddRow<TB, 0>(df, a + i, a_stride, rows, sums[j]);
      if constexpr (kGroup == 2) {
        AddRow<TB, 1>(df, a + i + 1, a_stride, rows, sums[j]);
      }
    }
  }
  if (i == k) return;
  HWY_UNROLL(2)
  for (int j = 0; j < kB; ++j) {
    AddRow<TB, 0>(df, a + i, a_stride, b[j] + i * kCols, sums[j]);
  }
}

#if HWY_NATIVE_DOT_BF16
// sums[r][v] += the products of the pair of rows at b with pairs[r].
template <int kRows, class DF, class VF, class F>
HWY_INLINE void AddPair(DF df, const F& pair_of_row,
                        const BFloat16* HWY_RESTRICT b,
                        VF (&sums)[kRows][kVectors]) {
  const hn::Repartition<hwy::bfloat16_t, DF> dbf16;
  const auto* from = reinterpret_cast<const hwy::bfloat16_t*>(b);
  const auto b0 = hn::LoadU(dbf16, from);
  const auto b1 = hn::LoadU(dbf16, from + hn::Lanes(dbf16));
  VF unused = hn::Zero(df);
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    const hn::RebindToUnsigned<DF> du32;
    const auto x = hn::BitCast(dbf16, hn::Set(du32, pair_of_row(r)));
    sums[r][0] = hn::ReorderWidenMulAccumulate(df, x, b0, sums[r][0], unused);
    sums[r][1] = hn::ReorderWidenMulAccumulate(df, x, b1, sums[r][1], unused);
  }
}

// The same for bf16 times bf16.
template <typename TB, int kRows, int kB, class DF, class VF>
HWY_INLINE void Accumulate(DF df, const BFloat16* HWY_RESTRICT a,
                           int64_t a_stride, const TB* const (&b)[kB],
                           int64_t k, VF (&sums)[kB][kRows][kVectors]) {
  static_assert(std::is_same_v<TB, BFloat16>);
  const auto pair_at = [&](int64_t i) HWY_ATTR {
    return [=](int r) HWY_ATTR {
      uint32_t pair;
      hwy::CopyBytes<sizeof(pair)>(a + r * a_stride + i, &pair);
      return pair;
    };
  };
  int64_t i = 0;
  for (; i + 2 <= k; i += 2) {
    HWY_UNROLL(2)
    for (int j = 0; j < kB; ++j) {
      FetchAhead<kRows>(b[j] + i * kCols);
      AddPair(df, pair_at(i), b[j] + i * kCols, sums[j]);
    }
  }
  if (i == k) return;
  const auto last = [&](int r) HWY_ATTR {
    return static_cast<uint32_t>(a[r * a_stride + i].bits);
  };
  HWY_UNROLL(2)
  for (int j = 0; j < kB; ++j) AddPair(df, last, b[j] + i * kCols, sums[j]);
}
#endif  // HWY_NATIVE_DOT_BF16

// Scales of one block of the contraction: of each row of a, and of the panel.
struct BlockFactors {
  const float* rows = nullptr;  // null: 1
  int64_t row_stride = 0;
  float column = 1;

  float OfRow(int64_t r) const {
    return rows == nullptr ? column : rows[r * row_stride] * column;
  }
  BlockFactors From(int64_t r) const {
    return {rows == nullptr ? nullptr : rows + r * row_stride, row_stride,
            column};
  }
};

// values[j][r][c] (+)= sum over k of a[r][k] * b[j][k][c], times the factor of
// row r if there are factors, for kRows rows and one panel of each of kB right
// operands. `first`: begin at 0.
template <int kRows, int kB, typename TA, typename TB>
HWY_NOINLINE void PanelRows(const TA* HWY_RESTRICT a, int64_t a_stride,
                            const TB* const (&b)[kB], int64_t k, bool first,
                            float* const (&values)[kB], int64_t stride,
                            const BlockFactors* factors) {
  // At most kCols / kVectors lanes, so that a panel is whole steps.
  const hn::CappedTag<float, kCols / kVectors> df;
  using VF = hn::Vec<decltype(df)>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  for (int64_t c = 0; c < kCols; c += kVectors * lanes) {
    VF sums[kB][kRows][kVectors];
    const TB* columns[kB];
    HWY_UNROLL(2)
    for (int j = 0; j < kB; ++j) {
      columns[j] = b[j] + c * kPackedRowGroup<TB>;
      HWY_UNROLL(12)
      for (int r = 0; r < kRows; ++r) {
        const float* row = values[j] + r * stride + c;
        const bool zero = first || factors != nullptr;
        sums[j][r][0] = zero ? hn::Zero(df) : hn::LoadU(df, row);
        sums[j][r][1] = zero ? hn::Zero(df) : hn::LoadU(df, row + lanes);
      }
    }
    Accumulate<TB, kRows, kB>(df, a, a_stride, columns, k, sums);
    HWY_UNROLL(2)
    for (int j = 0; j < kB; ++j) {
      HWY_UNROLL(12)
      for (int r = 0; r < kRows; ++r) {
        float* row = values[j] + r * stride + c;
        if (factors != nullptr) {
          const VF factor = hn::Set(df, factors->OfRow(r));
          HWY_UNROLL(2)
          for (int v = 0; v < kVectors; ++v) {
            const VF sum = hn::Mul(sums[j][r][v], factor);
            sums[j][r][v] =
                first ? sum : hn::Add(hn::LoadU(df, row + v * lanes), sum);
          }
        }
        hn::StoreU(sums[j][r][0], df, row);
        hn::StoreU(sums[j][r][1], df, row + lanes);
      }
    }
  }
}

// The same for any number of rows, which are taken kMost at a time at most.
template <int kMost, int kB, typename TA, typename TB>
void Panel(const TA* HWY_RESTRICT a, int64_t a_stride, const TB* const (&b)[kB],
           int64_t rows, int64_t k, bool first, float* const (&values)[kB],
           int64_t stride, const BlockFactors* factors = nullptr) {
  int64_t r = 0;
  const auto take = [&](auto constant) HWY_ATTR {
    constexpr int kRows = decltype(constant)::value;
    for (; r + kRows <= rows; r += kRows) {
      float* row_values[kB];
      for (int j = 0; j < kB; ++j) row_values[j] = values[j] + r * stride;
      BlockFactors row_factors;
      if (factors != nullptr) row_factors = factors->From(r);
      PanelRows<kRows, kB>(a + r * a_stride, a_stride, b, k, first, row_values,
                           stride, factors == nullptr ? nullptr : &row_factors);
    }
  };
  take(std::integral_constant<int, kMost>());
  if constexpr (kMost > 8) take(std::integral_constant<int, 8>());
  if constexpr (kMost > 4) take(std::integral_constant<int, 4>());
  if constexpr (kMost > 2) take(std::integral_constant<int, 2>());
  take(std::integral_constant<int, 1>());
}

// Whether a matrix is packed and its panels need no conversion.
template <typename TB>
bool IsPackedAs(const MatrixOperand& matrix) {
  const PackedMatrix* packed = matrix.packed();
  return packed != nullptr && packed->storage() == kDTypeOf<TB> &&
         packed->scheme() != QuantScheme::kBlock128;
}

// Rows of the left operand as micro-kernels read them.
template <typename TA>
struct LeftRows {
  const TA* data;  // row `first_row`
  int64_t stride;
  int64_t first_row;
};

// Rows [row, row + rows) of the columns of a tile, as a PackedMatrix has them:
// one panel after the other.
template <typename TB>
void PackTile(const ConstTensor& matrix, int64_t row, int64_t rows,
              const GemmTile& tile, TB* HWY_RESTRICT to) {
  constexpr int64_t kGroup = kPackedRowGroup<TB>;
  // All panels' part of a row before the next row: what is contiguous in memory
  // is read in one go.
  for (int64_t i = 0; i < rows; i += kGroup) {
    for (int64_t c = 0; c < tile.cols; c += kCols) {
      PackPanelRows(matrix, row + i, std::min(kGroup, rows - i), tile.col + c,
                    to + c / kCols * PackedPanelSize<TB>(rows) + i * kCols);
    }
  }
}

// One task for one or two rows and two packed operands: their panels are read
// side by side, so that each is one stream from panel to panel.
template <typename TA, typename TB>
void ComputeFewRows(const GemmArgs& args, const TA* a, int64_t a_stride,
                    const GemmTile& tile) {
  const int64_t k = args.a.shape()[1];
  for (int64_t c = 0; c < tile.cols; c += kCols) {
    const int64_t panel = (tile.col + c) / kCols;
    const TB* const b[2] = {args.b[0].packed()->Panel<TB>(panel),
                            args.b[1].packed()->Panel<TB>(panel)};
    float* const values[2] = {tile.values[0] + c, tile.values[1] + c};
    Panel<2>(a, a_stride, b, tile.rows, k, true, values, tile.stride);
  }
}

// Rows of a right operand as micro-kernels read them.
template <typename TB>
class RightRows {
 public:
  RightRows(const MatrixOperand& matrix, TB* scratch)
      : matrix_(matrix),
        scheme_(matrix.scheme()),
        mx_scales_(scheme_, matrix.scales()),
        scratch_(scratch) {}

  // Chooses rows [row, row + rows) of the columns of a tile.
  void Begin(int64_t row, int64_t rows, const GemmTile& tile) {
    row_ = row;
    rows_ = rows;
    if (matrix_.packed() != nullptr) return;
    if (matrix_.dtype() == kDTypeOf<TB>) {
      return PackTile(matrix_.plain(), row, rows, tile, scratch_);
    }
    if constexpr (std::is_same_v<TB, BFloat16>) {
      const CodeReader codes(matrix_.plain());
      for (int64_t c = 0; c < tile.cols; c += kCols) {
        PackPanelValues(codes, Bf16Table(matrix_.dtype()), mx_scales_, row,
                        rows, tile.col + c, std::min(kCols, tile.cols - c),
                        scratch_ + c / kCols * PackedPanelSize<TB>(rows));
      }
    }
  }

  // Those of the panel that begins at column `c` of the tile. Until the next
  // call.
  const TB* Panel(const GemmTile& tile, int64_t c) {
    const PackedMatrix* packed = matrix_.packed();
    if (packed == nullptr) {
      return scratch_ + c / kCols * PackedPanelSize<TB>(rows_);
    }
    const int64_t panel = (tile.col + c) / kCols;
    if constexpr (std::is_same_v<TB, BFloat16>) {
      if (packed->storage() != DType::kBF16) {
        ExpandPanel(packed->storage(), CodePanel(*packed, panel, row_), rows_,
                    scratch_);
        return scratch_;
      }
    }
    return packed->Panel<TB>(panel) + row_ * kCols;
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

// values += (sums of 128 products) * scale, block by block. `row` is the first
// row of b.
template <typename TA, typename TB>
void PanelByBlocks(const GemmArgs& args, const RightRows<TB>& right,
                   const GemmTile& tile, int64_t c, int64_t row,
                   const TA* HWY_RESTRICT a, int64_t a_stride,
                   const TB* HWY_RESTRICT b, int64_t k,
                   float* HWY_RESTRICT values) {
  for (int64_t i = 0; i == 0 || i < k; i += kScaleBlock) {
    BlockFactors factors;
    factors.column = k == 0 ? 0 : right.BlockScale(tile, c, row + i);
    if (args.a_block_scales.present() && k > 0) {
      factors.rows = args.a_block_scales.template At<float>(
          tile.row, (row + i) / kScaleBlock);
      factors.row_stride = args.a_block_scales.stride(0);
    }
    const TB* const panels[1] = {b + i * kCols};
    float* const to[1] = {values};
    Panel<kMaxRows>(a + i, a_stride, panels, tile.rows,
                    std::min(kScaleBlock, k - i), row + i == 0, to, tile.stride,
                    &factors);
  }
}

// One task: all products of one tile.
template <typename TA, typename TB>
void ComputeTile(const GemmArgs& args, const GemmPlan& plan,
                 const LeftRows<TA>& left, const GemmTile& tile,
                 TB* pack_scratch) {
  const int64_t k = args.a.shape()[1];
  const TA* a = left.data + (tile.row - left.first_row) * left.stride;
  if (tile.rows <= 2 && IsPackedAs<TB>(args.b[0]) &&
      IsPackedAs<TB>(args.b[1])) {
    return ComputeFewRows<TA, TB>(args, a, left.stride, tile);
  }
  for (int i = 0; i < 2 && args.b[i].present(); ++i) {
    RightRows<TB> right(args.b[i], pack_scratch);
    // Once, though K may be 0: the sums must begin at 0.
    for (int64_t kb = 0; kb == 0 || kb < k; kb += plan.k_block) {
      const int64_t block = std::min(plan.k_block, k - kb);
      right.Begin(kb, block, tile);
      for (int64_t c = 0; c < tile.cols; c += kCols) {
        const TB* const b[1] = {right.Panel(tile, c)};
        float* const values[1] = {tile.values[i] + c};
        if (right.has_block_scales()) {
          PanelByBlocks(args, right, tile, c, kb, a + kb, left.stride, b[0],
                        block, values[0]);
        } else {
          Panel<kMaxRows>(a + kb, left.stride, b, tile.rows, block, kb == 0,
                          values, tile.stride);
        }
      }
    }
  }
}

// Copies rows [row, row + rows) of the left operand to contiguous scratch,
// widened to f32 or, for the dot product, as they are.
template <typename TA>
void CopyLeftRows(const ConstTensor& a, int64_t row, int64_t rows, TA* to,
                  HostContext& context) {
  const int64_t k = a.shape()[1];
  const auto copy_row = [&](int64_t r, int /*thread*/) {
    if constexpr (std::is_same_v<TA, BFloat16>) {
      const BFloat16* from = a.At<BFloat16>(row + r);
      for (int64_t i = 0; i < k; ++i) to[r * k + i] = from[i * a.stride(1)];
    } else {
      VisitFloat(a.dtype(), [&](auto type) {
        LoadRow(a.At<decltype(type)>(row + r), a.stride(1), k, to + r * k);
      });
    }
  };
  // A few rows are not worth waking other threads for.
  if (rows * k < (int64_t{1} << 16)) {
    for (int64_t r = 0; r < rows; ++r) copy_row(r, 0);
  } else {
    context.pool().ParallelFor(rows, copy_row);
  }
}

// Rows of the left operand that are copied to scratch at a time.
constexpr int64_t kCopiedRows = 1152;

template <typename TA, typename TB>
void RunTyped(const GemmArgs& args, const GemmPlan& plan, GemmEpilogue epilogue,
              HostContext& context) {
  const int64_t m = args.a.shape()[0];
  const int64_t k = args.a.shape()[1];
  const int64_t n = args.b[0].cols();
  ScratchScope scratch(context.arena());
  const int64_t tile_stride = plan.tile_panels * kCols;
  const int num_b = args.b[1].present() ? 2 : 1;
  const int64_t tile_floats = plan.tile_rows * tile_stride * num_b;
  float* tiles = scratch.Allocate<float>(tile_floats * context.num_threads());
  const bool packed = args.b[0].packed() != nullptr &&
                      (num_b == 1 || args.b[1].packed() != nullptr);
  // Codes are expanded one panel at a time.
  const int64_t pack_size =
      (packed ? 1 : plan.tile_panels) * PackedPanelSize<TB>(plan.k_block);
  TB* packs = scratch.Allocate<TB>(pack_size * context.num_threads());

  const bool direct = args.a.dtype() == kDTypeOf<TA> && args.a.stride(1) == 1;
  const int64_t step =
      direct ? m
             : std::min(m, std::max<int64_t>(kCopiedRows / plan.tile_rows, 1) *
                               plan.tile_rows);
  TA* copies = direct ? nullptr : scratch.Allocate<TA>(step * k);
  for (int64_t first = 0; first < m; first += step) {
    const int64_t rows = std::min(step, m - first);
    LeftRows<TA> left = {nullptr, k, first};
    if (direct) {
      left = {args.a.data<TA>(), args.a.stride(0), 0};
    } else {
      CopyLeftRows(args.a, first, rows, copies, context);
      left.data = copies;
    }
    const int64_t row_tiles = (rows + plan.tile_rows - 1) / plan.tile_rows;
    context.pool().ParallelFor(
        row_tiles * plan.col_tiles, [&](int64_t task, int thread) HWY_ATTR {
          GemmTile tile;
          tile.row = first + task % row_tiles * plan.tile_rows;
          tile.rows = std::min(plan.tile_rows, first + rows - tile.row);
          tile.col = task / row_tiles * tile_stride;
          tile.cols = std::min(tile_stride, n - tile.col);
          tile.stride = tile_stride;
          tile.thread = thread;
          tile.values[0] = tiles + thread * tile_floats;
          tile.values[1] =
              num_b == 2 ? tile.values[0] + tile_floats / 2 : nullptr;
          ComputeTile(args, plan, left, tile, packs + thread * pack_size);
          epilogue(tile);
        });
  }
}

void Run(const GemmArgs& args, const GemmPlan& plan, GemmEpilogue epilogue,
         HostContext& context) {
  const DType type =
      IsFloat(args.b[0].dtype()) ? args.b[0].dtype() : DType::kBF16;
#if HWY_NATIVE_DOT_BF16
  if (args.a.dtype() == DType::kBF16 && type == DType::kBF16) {
    return RunTyped<BFloat16, BFloat16>(args, plan, epilogue, context);
  }
#endif
  VisitFloat(type, [&](auto b) {
    RunTyped<float, decltype(b)>(args, plan, epilogue, context);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(Run);

namespace {

// Whether the elements of a packed matrix are not what micro-kernels read, or
// have scales.
bool IsExpanded(const MatrixOperand& matrix) {
  const PackedMatrix* packed = matrix.packed();
  return packed != nullptr && (!IsFloat(packed->storage()) ||
                               packed->scheme() == QuantScheme::kBlock128);
}

}  // namespace

void Gemm(const GemmArgs& args, GemmEpilogue epilogue, HostContext& context) {
  const GemmShape shape = {
      .m = args.a.shape()[0],
      .n = args.b[0].cols(),
      .k = args.a.shape()[1],
      .num_b = args.b[1].present() ? 2 : 1,
      .column_multiple = args.column_multiple,
      .packed = args.b[0].packed() != nullptr &&
                (!args.b[1].present() || args.b[1].packed() != nullptr),
      .expanded = IsExpanded(args.b[0]) || IsExpanded(args.b[1]),
  };
  if (shape.m == 0 || shape.n == 0) return;
  HWY_DYNAMIC_DISPATCH(Run)(args, PlanGemm(shape), epilogue, context);
}

}  // namespace tilework
#endif  // HWY_ONCE
