// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_arguments.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

// Fails for the first of the `size` positions that is out of range. `where`
// tells their place: Dims with a 0 for the last index.
template <typename T>
void CheckPositionRow(const T* row, int64_t stride, Dims where, int64_t size,
                      std::string_view table_name, const ConstTensor& table,
                      ArgumentChecker& check) {
  for (int64_t s = 0; s < size; ++s) {
    const int64_t position = row[s * stride];
    const bool in_range =
        position >= 0 && (!table.present() || position < table.dim(-2));
    if (in_range) continue;
    where[where.size() - 1] = s;
    if (table.present()) {
      check.Require(false, "positions", where, " is ", position,
                    ", expected 0..", table.dim(-2) - 1, " (from ", table_name,
                    " ", table.shape(), ")");
    } else {
      check.Require(false, "positions", where, " is ", position,
                    ", expected >= 0");
    }
    return;
  }
}

}  // namespace

void CheckRotatedRange(std::string_view name, const ConstTensor& x,
                       const std::optional<int64_t>& rotary_dim,
                       int64_t rotary_offset, ArgumentChecker& check) {
  const int64_t d = check["D"];
  const int64_t r = rotary_dim.value_or(d);
  check.Require(d >= 2, name, " is ", x.shape(), ": D = ", d,
                ", expected >= 2");
  check.Require(r >= 2 && r <= d && r % 2 == 0, "rotary_dim is ", r,
                ", expected an even number in 2..", d);
  check.Require(rotary_offset >= 0 && rotary_offset <= d - r,
                "rotary_offset is ", rotary_offset, ", expected 0..", d - r);
}

void CheckCosSin(const ConstTensor& cos, const ConstTensor& sin,
                 std::string_view shapes, int64_t rotary_dim,
                 ArgumentChecker& check) {
  check.Required("cos", cos, shapes, kFloatTypes);
  check.Required("sin", sin, shapes, kFloatTypes);
  check.Require(cos.shape() == sin.shape(), "cos is ", cos.shape(),
                " but sin is ", sin.shape());
  const int64_t w = check["W"];
  check.Require(w == rotary_dim / 2 || w == rotary_dim, "cos is ", cos.shape(),
                ": W = ", w, ", expected ", rotary_dim / 2, " or ", rotary_dim,
                " (from rotary_dim ", rotary_dim, ")");
}

void CheckRowsForTokens(std::string_view table_name, const ConstTensor& table,
                        std::string_view x_name, const ConstTensor& x,
                        ArgumentChecker& check) {
  check.Require(check["P"] >= check["S"], table_name, " is ", table.shape(),
                ": ", check["P"], " positions, but S = ", check["S"], " (from ",
                x_name, " ", x.shape(), ")");
}

void CheckPositions(const ConstTensor& positions, std::string_view table_name,
                    const ConstTensor& table, ArgumentChecker& check) {
  check.Required("positions", positions, "B S | 1 S | S", kIndexTypes);
  if (!check.ok()) return;
  const int64_t rows = positions.rank() == 2 ? positions.dim(0) : 1;
  const int64_t size = positions.dim(-1);
  for (int64_t b = 0; b < rows && check.ok(); ++b) {
    const ConstTensor row =
        positions.rank() == 2 ? positions.Select(0, b) : positions;
    const Dims where = positions.rank() == 2 ? Dims({b, 0}) : Dims({0});
    if (positions.dtype() == DType::kI32) {
      CheckPositionRow(row.data<int32_t>(), row.stride(0), where, size,
                       table_name, table, check);
    } else {
      CheckPositionRow(row.data<int64_t>(), row.stride(0), where, size,
                       table_name, table, check);
    }
  }
}

}  // namespace tilework
