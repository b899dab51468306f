// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The backward passes of RMS and layer normalization. Include after
// hwy/highway.h inside a foreach_target file.
//
// The gradients of the parameters are sums over all rows, which are cut into
// blocks by shape alone: so that their order, and with it the result, depends
// on nothing else. A block sums up kRowsPerSum rows at a time in f32, and these
// sums in f64: the error does not grow with the number of rows.

#if defined(TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_INL_H_
#undef TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_INL_H_
#else
#define TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/norm_backward.h"
#include "tilework/kernels/normalization/norm_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// An f32 value a row of the forward pass, or an absent tensor.
class RowInputs {
 public:
  explicit RowInputs(const ConstTensor& tensor)
      : tensor_(tensor), offsets_(tensor, tensor.rank()) {}
  bool present() const { return tensor_.present(); }
  float operator[](int64_t row) const {
    return tensor_.data<float>()[offsets_[row]];
  }

 private:
  ConstTensor tensor_;
  RowOffsets offsets_;
};

// Scratch of a thread: rows that must be gathered or widened, and sums of dy *
// xhat and of dy, null if not asked for.
struct BackwardScratch {
  float* dy;
  float* h;
  float* dres;
  float* dgamma;
  float* dbeta;
};

// What is known of a row before its dx is written.
template <typename H, typename T>
struct BackwardRow {
  const H* dy;
  const H* h;
  const float* dres;  // or null
  float mean;         // 0 without one
  float rstd;
  float slope;  // mean of w * xhat
  float shift;  // mean of w
  OutputRow<T> dx;
  ReadAhead next;
};

// kCentered: layer normalization, with mean and beta.
template <bool kCentered>
class NormBackwardRows {
 public:
  NormBackwardRows(const NormBackwardArgs& args, const float* weight)
      : dy_(args.dy),
        input_(args.input),
        dres_(args.dres),
        mean_(args.mean),
        rstd_(args.rstd),
        dx_(args.dx, SameView(args.dx, args.dy) ||
                         SameView(args.dx, args.input) ||
                         SameView(args.dx, args.dres)),
        weight_(weight),
        size_(args.dy.dim(-1)),
        num_rows_(args.dy.NumElements() / size_),
        divisor_(args.divisor),
        eps_(args.eps) {}

  // Rows [begin, end). The sums of the parameters' gradients are added to
  // `dgamma` and `dbeta`, unless null: rows of PaddedSize.
  void Run(int64_t begin, int64_t end, const BackwardScratch& scratch,
           double* dgamma, double* dbeta) const {
    for (int64_t first = begin; first < end; first += kRowsPerSum) {
      const int64_t last = std::min(end, first + kRowsPerSum);
      Clear(scratch.dgamma);
      Clear(scratch.dbeta);
      for (int64_t row = first; row < last; ++row) VisitRow(row, scratch);
      AddTo(scratch.dgamma, dgamma);
      AddTo(scratch.dbeta, dbeta);
    }
    if (dx_.stream()) hwy::FlushStream();
  }

 private:
  void Clear(float* sums) const {
    if (sums != nullptr) std::fill(sums, sums + PaddedSize(size_), 0.0f);
  }
  void AddTo(const float* sums, double* total) const {
    if (sums == nullptr) return;
    ForEachVector(PaddedSize(size_), [&](auto df, int64_t i, size_t) HWY_ATTR {
      const hn::Repartition<double, decltype(df)> dd;
      const auto v = hn::Load(df, sums + i);
      double* upper = total + i + hn::Lanes(dd);
      hn::Store(hn::Add(hn::Load(dd, total + i), hn::PromoteLowerTo(dd, v)), dd,
                total + i);
      hn::Store(hn::Add(hn::Load(dd, upper), hn::PromoteUpperTo(dd, v)), dd,
                upper);
    });
  }

  void VisitRow(int64_t row, const BackwardScratch& scratch) const {
    VisitFloat(input_.dtype(), [&](auto type) HWY_ATTR {
      using T = decltype(type);
      if (dy_.dtype() == input_.dtype()) {
        Differentiate<T, T>(row, scratch);
      } else {
        Differentiate<float, T>(row, scratch);
      }
    });
  }

  template <typename H>
  const H* RowOf(const InputRows& rows, int64_t row, float* scratch) const {
    if (rows.dtype() == kDTypeOf<H>) {
      return rows.template Contiguous<H>(row, scratch);
    }
    if constexpr (sizeof(H) == sizeof(float)) {
      return rows.Widened(row, scratch);
    }
    return nullptr;
  }

  template <typename H, typename T>
  void Differentiate(int64_t index, const BackwardScratch& scratch) const {
    BackwardRow<H, T> row = {
        .dy = RowOf<H>(dy_, index, scratch.dy),
        .h = RowOf<H>(input_, index, scratch.h),
        .dres = dres_.present() ? dres_.Widened(index, scratch.dres) : nullptr,
        .dx = dx_.template Row<T>(index)};
    // Past the end of the block: the thread is likely to go on there.
    const int64_t ahead = index + ReadAhead::Distance(size_);
    if (ahead < num_rows_) {
      dy_.AddTo(row.next, ahead);
      input_.AddTo(row.next, ahead);
      dres_.AddTo(row.next, ahead);
    }
    SetStatistics(index, row);
    SetSums(row);
    Write(row, scratch.dgamma, scratch.dbeta);
  }

  // Mean and rstd.
  template <class Row>
  void SetStatistics(int64_t index, Row& row) const {
    if constexpr (kCentered) {
      Moments moments = {};
      if (mean_.present()) {
        moments.mean = mean_[index];
        if (!rstd_.present()) {
          moments.variance =
              VarianceAbout(moments.mean, row.h, size_, row.next);
        }
      } else {
        moments = MomentsOf(row.h, size_, row.next);
      }
      row.mean = moments.mean;
      row.rstd = rstd_.present() ? rstd_[index]
                                 : ReciprocalDeviation(moments.variance, eps_);
    } else {
      row.rstd = rstd_.present()
                     ? rstd_[index]
                     : RmsFactorOf(row.h, size_, divisor_, eps_, row.next);
    }
  }

  template <class DF, class VF = hn::Vec<DF>>
  static HWY_INLINE VF Normalized(DF df, VF h, float mean, float rstd) {
    if constexpr (kCentered) h = hn::Sub(h, hn::Set(df, mean));
    return hn::Mul(h, hn::Set(df, rstd));
  }

  // Slope and shift.
  template <typename H, typename T>
  HWY_FLATTEN void SetSums(BackwardRow<H, T>& row) const {
    constexpr size_t kNum = kCentered ? 2 : 1;
    const float* weight = weight_;
    const H* dy = row.dy;
    const H* h = row.h;
    const float mean = row.mean;
    const float rstd = row.rstd;
    const auto sums = Sums<kNum, false>(
        size_, row.next, [&](const auto& at, auto& terms) HWY_ATTR {
          const auto w = hn::Mul(at(dy), at(weight));
          terms[0] = hn::Mul(w, Normalized(at.df, at(h), mean, rstd));
          if constexpr (kCentered) terms[1] = w;
        });
    row.slope = sums[0] / static_cast<float>(divisor_);
    if constexpr (kCentered) row.shift = sums[1] / static_cast<float>(size_);
  }

  // dx, and the sums of the parameters' gradients.
  template <typename H, typename T>
  HWY_FLATTEN void Write(BackwardRow<H, T>& row, float* dgamma,
                         float* dbeta) const {
    // Copies: the compiler can't know that the stores leave the row alone.
    const float* weight = weight_;
    const H* dy = row.dy;
    const H* h = row.h;
    const float* dres = row.dres;
    const float mean = row.mean;
    const float rstd = row.rstd;
    const float slope = row.slope;
    const float shift = row.shift;
    WriteRow(row.dx, 0, size_, row.next,
             [&](auto df, int64_t i, size_t count) HWY_ATTR {
               const auto gradient = LoadUpTo(df, dy + i, count);
               const auto x =
                   Normalized(df, LoadUpTo(df, h + i, count), mean, rstd);
               AddUpTo(df, hn::Mul(gradient, x), dgamma, i, count);
               if constexpr (kCentered) AddUpTo(df, gradient, dbeta, i, count);
               auto w = hn::Mul(gradient, LoadUpTo(df, weight + i, count));
               if constexpr (kCentered) w = hn::Sub(w, hn::Set(df, shift));
               w = hn::Sub(w, hn::Mul(x, hn::Set(df, slope)));
               w = hn::Mul(w, hn::Set(df, rstd));
               if (dres == nullptr) return w;
               return hn::Add(w, LoadUpTo(df, dres + i, count));
             });
  }

  // sums[i] += v, unless null.
  template <class DF>
  static HWY_INLINE void AddUpTo(DF df, hn::Vec<DF> v, float* sums, int64_t i,
                                 size_t count) {
    if (sums == nullptr) return;
    StoreUpTo(hn::Add(LoadUpTo(df, sums + i, count), v), df, sums + i, count);
  }

  InputRows dy_, input_, dres_;
  RowInputs mean_, rstd_;
  OutputRows dx_;
  const float* weight_;  // gamma + gamma_offset
  int64_t size_;
  int64_t num_rows_;
  int64_t divisor_;
  float eps_;
};

// to[i] = the sum of blocks[b][i] over all b.
inline void SumBlocks(const double* blocks, int64_t num_blocks,
                      const Tensor& to, HostContext& context) {
  if (!to.present()) return;
  const int64_t size = to.dim(0);
  const int64_t pitch = PaddedSize(size);
  context.pool().ParallelFor(
      (size + kPiece - 1) / kPiece, [&](int64_t task, int) HWY_ATTR {
        HWY_ALIGN double sums[kPiece] = {};
        HWY_ALIGN float rounded[kPiece];
        const int64_t begin = task * kPiece;
        const int64_t count = std::min(kPiece, pitch - begin);
        const hn::ScalableTag<double> dd;
        const int64_t lanes = static_cast<int64_t>(hn::Lanes(dd));
        for (int64_t b = 0; b < num_blocks; ++b) {
          const double* block = blocks + b * pitch + begin;
          for (int64_t i = 0; i < count; i += lanes) {
            hn::Store(hn::Add(hn::Load(dd, sums + i), hn::Load(dd, block + i)),
                      dd, sums + i);
          }
        }
        for (int64_t i = 0; i < count; ++i) {
          rounded[i] = static_cast<float>(sums[i]);
        }
        VisitFloat(to.dtype(), [&](auto type) HWY_ATTR {
          StoreRow(rounded, to.stride(0), std::min(kPiece, size - begin),
                   to.data<decltype(type)>() + begin * to.stride(0));
        });
      });
}

template <bool kCentered>
void NormBackwardHost(const NormBackwardArgs& args, HostContext& context) {
  ScratchScope scratch(context.arena());
  const int64_t size = args.dy.dim(-1);
  const int64_t rows = args.dy.NumElements() / size;
  const int64_t pitch = PaddedSize(size);
  const int64_t step = RowsPerBlock(rows, size);
  const int64_t blocks = (rows + step - 1) / step;
  const NormBackwardRows<kCentered> kernel(
      args, LoadVector(args.gamma, size, args.gamma_offset, 1, scratch));
  // Each of them is null if nobody asks for it.
  const auto rows_if = [&](bool wanted, auto type, int64_t count) HWY_ATTR {
    return wanted ? scratch.Allocate<decltype(type)>(count * pitch) : nullptr;
  };
  const bool dgamma = args.dgamma.present();
  const bool dbeta = args.dbeta.present();
  double* dgamma_blocks = rows_if(dgamma, double{}, blocks);
  double* dbeta_blocks = rows_if(dbeta, double{}, blocks);
  const int64_t threads = context.num_threads();
  float* inputs = rows_if(true, float{}, 3 * threads);
  float* dgamma_sums = rows_if(dgamma, float{}, threads);
  float* dbeta_sums = rows_if(dbeta, float{}, threads);
  context.pool().ParallelFor(blocks, [&](int64_t block, int thread) HWY_ATTR {
    const auto row_of = [&](auto* first, int64_t row) HWY_ATTR {
      return first == nullptr ? nullptr : first + row * pitch;
    };
    double* dgamma_block = row_of(dgamma_blocks, block);
    double* dbeta_block = row_of(dbeta_blocks, block);
    if (dgamma) std::fill(dgamma_block, dgamma_block + pitch, 0.0);
    if (dbeta) std::fill(dbeta_block, dbeta_block + pitch, 0.0);
    kernel.Run(block * step, std::min(rows, (block + 1) * step),
               {.dy = row_of(inputs, 3 * thread),
                .h = row_of(inputs, 3 * thread + 1),
                .dres = row_of(inputs, 3 * thread + 2),
                .dgamma = row_of(dgamma_sums, thread),
                .dbeta = row_of(dbeta_sums, thread)},
               dgamma_block, dbeta_block);
  });
  SumBlocks(dgamma_blocks, blocks, args.dgamma, context);
  SumBlocks(dbeta_blocks, blocks, args.dbeta, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_INL_H_
