// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "tilework/common/dtype/dtype.h"
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
#include "hwy/highway.h"
#include "tilework/common/gemm/expand-inl.h"
#include "tilework/common/gemm/left-inl.h"
#include "tilework/common/gemm/micro-inl.h"
#include "tilework/common/gemm/right-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

constexpr int64_t kCols = PackedMatrix::kPanelCols;

// Some rows of the left operand, packed by groups.
template <typename TA>
struct LeftRows {
  const TA* data;  // of row `first`
  int64_t first;
  int64_t row_size;
  RowGroups groups;

  // Calls f(rows as a constant, first row, elements from k on) for each group
  // of a tile.
  template <class F>
  HWY_INLINE void ForEachGroup(const GemmTile& tile, int64_t k,
                               const F& f) const {
    for (int64_t row = tile.row; row < tile.row + tile.rows;) {
      const int64_t rows = groups.RowsFrom(row);
      VisitRows<kMaxRows>(rows, [&](auto constant) HWY_ATTR {
        f(constant, row, data + (row - first) * row_size + k * rows);
      });
      row += rows;
    }
  }
};

// What one thread works with.
template <typename TA, typename TB>
struct TileJob {
  const GemmArgs& args;
  const GemmPlan& plan;
  const LeftRows<TA>& left;
  const GemmTile& tile;
  TB* scratch;
};

// The products of a tile's rows and `panels` (1 or 2) panels, k rows of them
// from row `kb` on.
template <typename TA, typename TB>
void MultiplyPanels(const TileJob<TA, TB>& job, const TB* const (&b)[2],
                    int panels, int64_t kb, int64_t k, FetchNext fetch,
                    float* values) {
  job.left.ForEachGroup(
      job.tile, kb, [&](auto constant, int64_t row, const TA* a) HWY_ATTR {
        constexpr int kRows = decltype(constant)::value;
        MicroTarget target = {values + (row - job.tile.row) * job.tile.stride,
                              job.tile.stride, kb == 0, nullptr};
        if constexpr (kRows <= kMaxPairRows) {
          if (panels == 2) return MicroKernel<kRows, 2>(a, b, k, fetch, target);
        }
        for (int i = 0; i < panels; ++i) {
          const TB* const panel[1] = {b[i]};
          MicroKernel<kRows, 1>(a, panel, k, fetch, target);
          target.values += kCols;
        }
      });
}

// The same, block by block of the contraction, each sum with its scale.
template <typename TA, typename TB>
void MultiplyPanelByBlocks(const TileJob<TA, TB>& job,
                           const RightRows<TB>& right, const TB* b, int64_t kb,
                           int64_t k, int64_t c, float* values) {
  const ConstTensor& row_scales = job.args.a_block_scales;
  for (int64_t i = 0; i < k; i += kScaleBlock) {
    const int64_t block = (kb + i) / kScaleBlock;
    BlockFactors factors;
    factors.column = right.BlockScale(job.tile, c, kb + i);
    job.left.ForEachGroup(
        job.tile, kb + i,
        [&](auto constant, int64_t row, const TA* a) HWY_ATTR {
          constexpr int kRows = decltype(constant)::value;
          if (row_scales.present()) {
            factors.rows = row_scales.template At<float>(row, block);
            factors.row_stride = row_scales.stride(0);
          }
          const TB* const panel[1] = {b + i * kCols};
          FetchNext none;
          MicroKernel<kRows, 1>(
              a, panel, std::min(kScaleBlock, k - i), none,
              {values + (row - job.tile.row) * job.tile.stride, job.tile.stride,
               kb + i == 0, &factors});
        });
  }
}

#if TILEWORK_GEMM_DOTS_OF_CODES
template <DType kType, bool kScaled>
void MultiplyCodes(const TileJob<BFloat16, BFloat16>& job,
                   const PackedMatrix& packed, float* values) {
  const int64_t k = packed.rows();
  const auto panel_at = [&](int64_t c) {
    return CodePanel(packed, (job.tile.col + c) / kCols, 0);
  };
  job.left.ForEachGroup(
      job.tile, 0,
      [&](auto constant, int64_t /*row*/, const BFloat16* a) HWY_ATTR {
        constexpr int kRows = decltype(constant)::value;
        if constexpr (kRows <= kMaxCodeRows) {
          MicroTarget target = {values, job.tile.stride, true, nullptr};
          int64_t c = 0;
          for (; c + kCols < job.tile.cols; c += 2 * kCols) {
            const CodePanel panels[2] = {panel_at(c), panel_at(c + kCols)};
            MicroKernelOfCodes<kRows, 2, kType, kScaled>(a, panels, k, target);
            target.values += 2 * kCols;
          }
          if (c < job.tile.cols) {
            const CodePanel panels[1] = {panel_at(c)};
            MicroKernelOfCodes<kRows, 1, kType, kScaled>(a, panels, k, target);
          }
        }
      });
}

// A tile of one small group of rows and packed codes: they are expanded in
// registers. False if it is not such a tile.
bool MultiplyFewRows(const TileJob<BFloat16, BFloat16>& job,
                     const MatrixOperand& matrix, float* values) {
  const PackedMatrix* packed = matrix.packed();
  if (packed == nullptr || job.tile.rows > kMaxCodeRows ||
      IsFloat(packed->storage()) ||
      packed->scheme() == QuantScheme::kBlock128) {
    return false;
  }
  const bool scaled = packed->has_mx_scales();
  switch (packed->storage()) {
    case DType::kF4E2M1:
      MultiplyCodes<DType::kF4E2M1, true>(job, *packed, values);
      break;
    case DType::kF8E5M2:
      scaled ? MultiplyCodes<DType::kF8E5M2, true>(job, *packed, values)
             : MultiplyCodes<DType::kF8E5M2, false>(job, *packed, values);
      break;
    default:
      scaled ? MultiplyCodes<DType::kF8E4M3, true>(job, *packed, values)
             : MultiplyCodes<DType::kF8E4M3, false>(job, *packed, values);
  }
  return true;
}
#endif  // TILEWORK_GEMM_DOTS_OF_CODES

template <typename TA, typename TB>
bool InPairs(const TileJob<TA, TB>& job) {
  return job.left.groups.most_rows() <= kMaxPairRows;
}

// Columns [begin, end) of a tile, block by block.
template <typename TA, typename TB>
void MultiplyColumns(const TileJob<TA, TB>& job, RightRows<TB>& right,
                     int64_t begin, int64_t end, float* values) {
  const int64_t k = job.args.a.dim(1);
  for (int64_t kb = 0; kb < k; kb += job.plan.k_block) {
    const int64_t block = std::min(job.plan.k_block, k - kb);
    right.Begin(kb, block, job.tile);
    for (int64_t c = begin; c < end;) {
      const TB* b[2] = {right.Panel(job.tile, c), nullptr};
      if (right.has_block_scales()) {
        MultiplyPanelByBlocks(job, right, b[0], kb, block, c, values + c);
        c += kCols;
        continue;
      }
      const int panels = InPairs(job) && c + kCols < end ? 2 : 1;
      if (panels == 2) b[1] = right.Panel(job.tile, c + kCols);
      // What comes next: other columns, other rows, or other columns' rows.
      FetchNext fetch;
      const bool last = c + panels * kCols >= end;
      const bool last_rows = kb + block >= k;
      const int64_t next_c =
          last ? (last_rows ? end : begin) : c + panels * kCols;
      const int64_t next_row = !last ? kb : last_rows ? 0 : kb + block;
      const int64_t next_rows = std::min(job.plan.k_block, k - next_row);
      // Not of the next tile, which another thread may have.
      for (int64_t i = next_c;
           i < std::min(next_c + panels * kCols, job.tile.cols); i += kCols) {
        right.FetchPanel(job.tile, i, next_row, next_rows, fetch);
      }
      MultiplyPanels(job, b, panels, kb, block, fetch, values + c);
      c += panels * kCols;
    }
  }
}

// Bytes of the left operand's rows that are read from a cache again and again.
constexpr int64_t kLeftInCache = int64_t{384} << 10;

// All products of one tile with one right operand.
template <typename TA, typename TB>
void MultiplyTile(const TileJob<TA, TB>& job, const MatrixOperand& matrix,
                  float* values) {
  const int64_t k = job.args.a.dim(1);
  if (k == 0) {
    std::fill_n(values, job.tile.rows * job.tile.stride, 0.0f);
    return;
  }
#if TILEWORK_GEMM_DOTS_OF_CODES
  if constexpr (std::is_same_v<TA, BFloat16>) {
    if (MultiplyFewRows(job, matrix, values)) return;
  }
#endif
  RightRows<TB> right(matrix, job.scratch);
  const int64_t cols = job.tile.cols;
  // One or two panels from the first to the last row, as they are stored; or
  // all of the tile block by block, so that the rows' blocks are read once.
  const int64_t left_bytes =
      job.tile.rows * job.left.row_size * int64_t{sizeof(TA)};
  if (matrix.packed() != nullptr && left_bytes <= kLeftInCache) {
    const int64_t width = InPairs(job) ? 2 * kCols : kCols;
    for (int64_t c = 0; c < cols; c += width) {
      MultiplyColumns(job, right, c, std::min(cols, c + width), values);
    }
  } else {
    MultiplyColumns(job, right, 0, cols, values);
  }
}

// Rows of the left operand that are packed at a time.
constexpr int64_t kPackedRows = 1536;

template <typename TA, typename TB>
void RunTyped(const GemmArgs& args, const GemmPlan& plan, GemmEpilogue epilogue,
              HostContext& context) {
  const int64_t m = args.a.dim(0);
  const int64_t n = args.b[0].cols();
  ScratchScope scratch(context.arena());
  const RowGroups groups(m, MostGroupRows(m, kMaxRows));
  const int64_t tile_groups =
      std::max<int64_t>(1, plan.tile_rows / groups.most_rows());
  const int64_t tile_stride = plan.tile_panels * kCols;
  const int num_b = args.b[1].present() ? 2 : 1;
  const int64_t tile_floats =
      std::min(m, tile_groups * groups.most_rows()) * tile_stride;
  float* tiles =
      scratch.Allocate<float>(num_b * tile_floats * context.num_threads());
  const int64_t scratch_size = RightRows<TB>::ScratchSize(
      args.b[0].packed() != nullptr &&
          (num_b == 1 || args.b[1].packed() != nullptr),
      plan);
  TB* scratches = scratch.Allocate<TB>(scratch_size * context.num_threads());

  const int64_t row_size = LeftRowSize<TA>(args.a.dim(1));
  const int64_t step_groups = std::min(
      groups.count(),
      std::max<int64_t>(1, kPackedRows / groups.most_rows() / tile_groups) *
          tile_groups);
  TA* packed_left =
      scratch.Allocate<TA>(step_groups * groups.most_rows() * row_size);
  for (int64_t group = 0; group < groups.count(); group += step_groups) {
    const int64_t end = std::min(groups.count(), group + step_groups);
    const int64_t first = groups.FirstRow(group);
    PackLeft(args.a, groups, first, groups.FirstRow(end) - first, packed_left,
             context);
    const LeftRows<TA> left = {packed_left, first, row_size, groups};
    const int64_t row_tiles = (end - group + tile_groups - 1) / tile_groups;
    context.pool().ParallelFor(
        row_tiles * plan.col_tiles, [&](int64_t task, int thread) HWY_ATTR {
          const int64_t begin = group + task % row_tiles * tile_groups;
          GemmTile tile;
          tile.row = groups.FirstRow(begin);
          tile.rows =
              groups.FirstRow(std::min(end, begin + tile_groups)) - tile.row;
          tile.col = task / row_tiles * tile_stride;
          tile.cols = std::min(tile_stride, n - tile.col);
          tile.stride = tile_stride;
          tile.thread = thread;
          for (int i = 0; i < 2; ++i) {
            tile.values[i] = i < num_b
                                 ? tiles + (thread * num_b + i) * tile_floats
                                 : nullptr;
          }
          const TileJob<TA, TB> job = {args, plan, left, tile,
                                       scratches + thread * scratch_size};
          for (int i = 0; i < num_b; ++i) {
            MultiplyTile(job, args.b[i], tile.values[i]);
          }
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
      .column_major = args.b[0].packed() == nullptr &&
                      args.b[0].plain().stride(0) == 1 &&
                      args.b[0].plain().stride(1) != 1,
      .element_bytes = args.b[0].dtype() == DType::kF32 ? 4 : 2,
  };
  if (shape.m == 0 || shape.n == 0) return;
  HWY_DYNAMIC_DISPATCH(Run)(args, PlanGemm(shape), epilogue, context);
}

}  // namespace tilework
#endif  // HWY_ONCE
