// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/gemm.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/gemm_oracle.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

class GemmTest : public SimdTargetTest {};
TILEWORK_SIMD_TARGETS(GemmTest);

// Stores tiles to `out`, [M, N] f32, and checks that they cut it up.
void Multiply(const GemmArgs& args, const Tensor& out, HostContext& context,
              int product = 0) {
  std::vector<int> seen(static_cast<size_t>(out.NumElements()), 0);
  std::mutex mutex;
  Gemm(
      args,
      [&](const GemmTile& tile) {
        EXPECT_GE(tile.thread, 0);
        EXPECT_LT(tile.thread, context.num_threads());
        EXPECT_EQ(tile.col % args.column_multiple, 0);
        EXPECT_TRUE((tile.col + tile.cols) % args.column_multiple == 0 ||
                    tile.col + tile.cols == out.dim(1));
        EXPECT_EQ(reinterpret_cast<uintptr_t>(tile.values[product]) % 64, 0u);
        EXPECT_EQ(tile.stride % 16, 0);
        const std::lock_guard<std::mutex> lock(mutex);
        for (int64_t r = 0; r < tile.rows; ++r) {
          for (int64_t c = 0; c < tile.cols; ++c) {
            *out.At<float>(tile.row + r, tile.col + c) =
                tile.values[product][r * tile.stride + c];
            ++seen[static_cast<size_t>((tile.row + r) * out.dim(1) + tile.col +
                                       c)];
          }
        }
      },
      context);
  for (int count : seen) EXPECT_EQ(count, 1);
}

std::vector<double> Bounds(const ProductReference& reference) {
  std::vector<double> bounds;
  for (size_t i = 0; i < reference.values.size(); ++i) {
    bounds.push_back(reference.Bound(i));
  }
  return bounds;
}

PackedMatrix Pack(const ConstTensor& matrix, HostContext& context) {
  absl::StatusOr<PackedMatrix> packed = PackedMatrix::Pack(matrix, context);
  EXPECT_TRUE(packed.ok()) << packed.status();
  return *std::move(packed);
}

struct Shape {
  int64_t m, n, k;
};

constexpr DType kTypes[] = {DType::kF32, DType::kBF16, DType::kF16};

TEST_P(GemmTest, MatchesTheOracle) {
  HostContext context(2);
  Random random(1);
  for (const Shape& shape : std::vector<Shape>{
           {1, 1, 1}, {1, 33, 5}, {3, 31, 2}, {13, 65, 17}, {30, 97, 64}}) {
    for (DType a_type : kTypes) {
      for (DType b_type : kTypes) {
        for (double mean : {0.0, 3.0}) {
          SCOPED_TRACE(::testing::Message()
                       << shape.m << " x " << shape.n << " x " << shape.k
                       << ", " << Name(a_type) << ", " << Name(b_type));
          GuardedTensor a(a_type, {shape.m, shape.k});
          GuardedTensor b(b_type, {shape.k, shape.n});
          FillNormal(random, a, 1, mean);
          FillNormal(random, b, 1, mean);
          GuardedTensor out(DType::kF32, {shape.m, shape.n});
          Multiply({.a = a, .b = {b.view()}}, out, context);
          const ProductReference reference = MultiplyOracle(a, b);
          EXPECT_TRUE(Within(out, reference.values, Bounds(reference)));

          GuardedTensor again(DType::kF32, {shape.m, shape.n});
          const PackedMatrix packed = Pack(b, context);
          Multiply({.a = a, .b = {packed}}, again, context);
          EXPECT_TRUE(SameBits(again, out));
        }
      }
    }
  }
}

TEST_P(GemmTest, LongSums) {
  HostContext context(1);
  Random random(2);
  for (DType type : kTypes) {
    for (double mean : {0.0, 1.0}) {
      GuardedTensor a(type, {2, 4099});
      GuardedTensor b(type, {4099, 40});
      FillNormal(random, a, 1, mean);
      FillNormal(random, b, 1, mean);
      GuardedTensor out(DType::kF32, {2, 40});
      Multiply({.a = a, .b = {b.view()}}, out, context);
      const ProductReference reference = MultiplyOracle(a, b);
      EXPECT_TRUE(Within(out, reference.values, Bounds(reference),
                         SummationError(4099)));
    }
  }
}

TEST_P(GemmTest, AnyStrides) {
  HostContext context(2);
  Random random(3);
  for (DType a_type : kTypes) {
    for (DType b_type : kTypes) {
      for (Layout a_layout : kAllLayouts) {
        for (Layout b_layout : kAllLayouts) {
          GuardedTensor a(a_type, {5, 19}, a_layout);
          GuardedTensor b(b_type, {19, 37}, b_layout);
          FillNormal(random, a);
          FillNormal(random, b);
          GuardedTensor out(DType::kF32, {5, 37});
          Multiply({.a = a, .b = {b.view()}}, out, context);
          const ProductReference reference = MultiplyOracle(a, b);
          EXPECT_TRUE(Within(out, reference.values, Bounds(reference)));
        }
      }
    }
  }
}

// Rows must not depend on the others, nor on the number of threads.
TEST_P(GemmTest, ARowHasTheSameBitsInAnyCompany) {
  Random random(4);
  for (DType a_type : kTypes) {
    for (DType b_type : {DType::kBF16, DType::kF32}) {
      const int64_t k = 1031;  // more than one block
      GuardedTensor a(a_type, {110, k});
      GuardedTensor b(b_type, {k, 70});
      FillNormal(random, a);
      FillNormal(random, b);
      HostContext context(1);
      const PackedMatrix packed = Pack(b, context);
      GuardedTensor all(DType::kF32, {110, 70});
      Multiply({.a = a, .b = {packed}}, all, context);
      for (int64_t rows : {1, 2, 7, 16, 109}) {
        const int64_t first = 110 - rows;
        GuardedTensor some(DType::kF32, {rows, 70});
        HostContext other(static_cast<int>(rows % 3) + 1);
        Multiply({.a = a.view().Slice(0, first, rows), .b = {packed}}, some,
                 other);
        EXPECT_TRUE(SameBits(some, all.view().Slice(0, first, rows)))
            << rows << " rows";
      }
    }
  }
}

// Few rows read both matrices at once, many rows one after the other.
TEST_P(GemmTest, TwoProductsHaveTheBitsOfEachAlone) {
  HostContext context(2);
  Random random(9);
  for (DType a_type : {DType::kF32, DType::kBF16}) {
    for (DType b_type : kTypes) {
      for (int64_t k : {1, 6, 523}) {
        GuardedTensor a(a_type, {5, k});
        GuardedTensor gate(b_type, {k, 70});
        GuardedTensor up(b_type, {k, 70});
        FillNormal(random, a);
        FillNormal(random, gate);
        FillNormal(random, up);
        const PackedMatrix packed[2] = {Pack(gate, context), Pack(up, context)};
        for (int64_t rows : {1, 2, 3, 5}) {
          const ConstTensor some = a.view().Slice(0, 0, rows);
          for (int product : {0, 1}) {
            GuardedTensor alone(DType::kF32, {rows, 70});
            Multiply({.a = some, .b = {packed[product]}}, alone, context);
            GuardedTensor both(DType::kF32, {rows, 70});
            Multiply({.a = some, .b = {packed[0], packed[1]}}, both, context,
                     product);
            EXPECT_TRUE(SameBits(both, alone)) << rows << " rows, k " << k;
          }
        }
      }
    }
  }
}

TEST_P(GemmTest, TwoProductsAndWholeHeads) {
  HostContext context(3);
  Random random(5);
  for (int64_t multiple : {1, 20, 21, 64, 88, 1000}) {
    GuardedTensor a(DType::kBF16, {17, 40});
    GuardedTensor gate(DType::kBF16, {40, 420});
    GuardedTensor up(DType::kBF16, {40, 420}, Layout::kReversed);
    FillNormal(random, a);
    FillNormal(random, gate);
    FillNormal(random, up);
    const PackedMatrix packed = Pack(gate, context);
    for (int product : {0, 1}) {
      GuardedTensor out(DType::kF32, {17, 420});
      Multiply({.a = a, .b = {packed, up.view()}, .column_multiple = multiple},
               out, context, product);
      const ProductReference reference =
          MultiplyOracle(a, product == 0 ? gate : up);
      EXPECT_TRUE(Within(out, reference.values, Bounds(reference)));
    }
  }
}

// More rows than are widened at a time.
TEST_P(GemmTest, ManyRows) {
  HostContext context(2);
  Random random(6);
  GuardedTensor a(DType::kF16, {2500, 3});
  GuardedTensor b(DType::kBF16, {3, 2});
  FillNormal(random, a);
  FillNormal(random, b);
  GuardedTensor out(DType::kF32, {2500, 2});
  Multiply({.a = a, .b = {b.view()}}, out, context);
  const ProductReference reference = MultiplyOracle(a, b);
  EXPECT_TRUE(Within(out, reference.values, Bounds(reference)));
}

TEST_P(GemmTest, NanStaysInItsRowAndColumn) {
  HostContext context(1);
  Random random(7);
  for (DType type : kTypes) {
    GuardedTensor a(type, {14, 33});
    GuardedTensor b(type, {33, 40});
    FillNormal(random, a);
    FillNormal(random, b);
    Write(a, {3, 32}, std::numeric_limits<double>::quiet_NaN());
    Write(b, {32, 8}, std::numeric_limits<double>::infinity());
    GuardedTensor out(DType::kF32, {14, 40});
    Multiply({.a = a, .b = {b.view()}}, out, context);
    ForEachIndex(out.view().shape(), [&](const Dims& index) {
      const double value = Read(out, index);
      if (index[0] == 3) {
        EXPECT_TRUE(std::isnan(value)) << index.ToString();
      } else if (index[1] == 8) {
        EXPECT_TRUE(std::isinf(value)) << index.ToString();
      } else {
        EXPECT_TRUE(std::isfinite(value)) << index.ToString();
      }
    });
  }
}

TEST_P(GemmTest, EmptySumsAndEmptyProducts) {
  HostContext context(2);
  GuardedTensor a(DType::kBF16, {3, 0});
  GuardedTensor b(DType::kBF16, {0, 35});
  GuardedTensor out(DType::kF32, {3, 35});
  Multiply({.a = a, .b = {b.view()}}, out, context);
  EXPECT_TRUE(Within(out, std::vector<double>(105, 0.0),
                     std::vector<double>(105, 0.0)));
  const PackedMatrix packed = Pack(b, context);
  out.Poison();
  Multiply({.a = a, .b = {packed}}, out, context);
  EXPECT_TRUE(Within(out, std::vector<double>(105, 0.0),
                     std::vector<double>(105, 0.0)));

  GuardedTensor none(DType::kBF16, {0, 5});
  GuardedTensor five(DType::kBF16, {5, 35});
  GuardedTensor no_columns(DType::kBF16, {5, 0});
  const auto never = [](const GemmTile&) { ADD_FAILURE(); };
  Gemm({.a = none, .b = {five.view()}}, never, context);
  Gemm({.a = five.view().Transpose(), .b = {no_columns.view()}}, never,
       context);
}

TEST_P(GemmTest, AllocatesOnlyOnce) {
  HostContext context(2);
  Random random(8);
  GuardedTensor a(DType::kF16, {20, 40});
  GuardedTensor b(DType::kBF16, {40, 64});
  FillNormal(random, a);
  FillNormal(random, b);
  GuardedTensor out(DType::kF32, {20, 64});
  Multiply({.a = a, .b = {b.view()}}, out, context);
  const size_t capacity = context.arena().capacity();
  Multiply({.a = a, .b = {b.view()}}, out, context);
  EXPECT_EQ(context.arena().capacity(), capacity);
}

TEST(PackedMatrixTest, HasTheDocumentedLayout) {
  HostContext context(2);
  GuardedTensor bf16(DType::kBF16, {3, 33});
  GuardedTensor f32(DType::kF32, {3, 33});
  ForEachIndex(f32.view().shape(), [&](const Dims& index) {
    const double value = static_cast<double>(100 * index[0] + index[1]);
    Write(f32, index, value);
    Write(bf16, index, value);
  });
  const PackedMatrix pairs = Pack(bf16, context);
  const PackedMatrix rows = Pack(f32, context);
  EXPECT_EQ(pairs.rows(), 3);
  EXPECT_EQ(pairs.cols(), 33);
  EXPECT_EQ(pairs.dtype(), DType::kBF16);
  constexpr int64_t kHeader = 64;
  EXPECT_EQ(pairs.NumBytes(), kHeader + 2 * 4 * 32 * 2);
  EXPECT_EQ(rows.NumBytes(), kHeader + 2 * 3 * 32 * 4);
  for (int64_t k = 0; k < 4; ++k) {
    for (int64_t c = 0; c < 64; ++c) {
      const double value =
          k < 3 && c < 33 ? static_cast<double>(100 * k + c) : 0.0;
      const float paired = static_cast<float>(
          pairs.Panel<BFloat16>(c / 32)[k / 2 * 64 + c % 32 * 2 + k % 2]);
      EXPECT_EQ(paired, RoundToDType(value, DType::kBF16));
      if (k == 3) continue;
      EXPECT_EQ(rows.Panel<float>(c / 32)[k * 32 + c % 32], value);
    }
  }
}

TEST(PackedMatrixTest, RefusesWhatIsNoMatrix) {
  HostContext context(1);
  EXPECT_FALSE(PackedMatrix().present());
  GuardedTensor cube(DType::kF32, {2, 3, 4});
  EXPECT_THAT(std::string(PackedMatrix::Pack(cube, context).status().message()),
              HasSubstr("pack: matrix is [2, 3, 4], expected [K, N]"));
  GuardedTensor integers(DType::kI32, {2, 3});
  EXPECT_EQ(PackedMatrix::Pack(integers, context).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(MatrixOperandTest, IsATensorToTheChecks) {
  HostContext context(1);
  GuardedTensor plain(DType::kBF16, {4, 6});
  const PackedMatrix packed = Pack(plain, context);
  const PackedMatrix empty;
  for (const MatrixOperand& matrix :
       {MatrixOperand(plain.view()), MatrixOperand(packed)}) {
    ArgumentChecker good("mlp");
    good.Required("weight", AsTensor(matrix), "H I", kFloatTypes);
    EXPECT_TRUE(good.ok());
    EXPECT_EQ(good["H"], 4);
    EXPECT_EQ(good["I"], 6);
    ArgumentChecker bad("mlp");
    bad.Bind("H", 5, "hidden [2, 5]");
    bad.Required("weight", AsTensor(matrix), "H I", kFloatTypes);
    EXPECT_EQ(bad.status().message(),
              "mlp: weight is [4, 6] but H = 5 (from hidden [2, 5])");
  }
  for (const MatrixOperand& matrix : {MatrixOperand(), MatrixOperand(empty)}) {
    EXPECT_FALSE(matrix.present());
    ArgumentChecker missing("mlp");
    missing.Required("weight", AsTensor(matrix), "H I", kFloatTypes);
    EXPECT_EQ(missing.status().message(),
              "mlp: weight is missing, expected [H, I]");
  }
  MatrixOperand matrix(packed);
  SetTensor(matrix, plain);
  EXPECT_EQ(matrix.packed(), nullptr);
  EXPECT_TRUE(SameView(matrix.plain(), plain));
}

}  // namespace
}  // namespace tilework
