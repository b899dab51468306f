// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/matrix.h"

#include <cstdint>

#include "absl/status/statusor.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/pack.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

absl::StatusOr<PackedMatrix> PackedMatrix::Pack(const ConstTensor& matrix,
                                                HostContext& context) {
  ArgumentChecker check("pack");
  check.Required("matrix", matrix, "K N", kFloatTypes);
  if (!check.ok()) return check.status();
  PackedMatrix packed;
  packed.rows_ = check["K"];
  packed.cols_ = check["N"];
  const int64_t panels = (packed.cols_ + kPanelCols - 1) / kPanelCols;
  VisitFloat(matrix.dtype(), [&](auto type) {
    using T = decltype(type);
    const int64_t panel_size = PackedPanelSize<T>(packed.rows_);
    packed.buffer_ = Buffer(matrix.dtype(), {panels, panel_size});
    T* to = packed.buffer_.data<T>();
    context.pool().ParallelFor(panels, [&](int64_t panel, int /*thread*/) {
      PackPanelRows(matrix, 0, packed.rows_, panel * kPanelCols,
                    to + panel * panel_size);
    });
  });
  return packed;
}

ConstTensor AsTensor(const MatrixOperand& matrix) {
  if (matrix.packed() == nullptr) return matrix.plain();
  return matrix.packed()->memory();
}

}  // namespace tilework
