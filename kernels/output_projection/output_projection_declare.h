// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The declaration that output_projection_cte and _tkg share.

#ifndef TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_DECLARE_H_
#define TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_DECLARE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework::output_projection_internal {

// The arguments of both kernels, whose names differ in places.
struct Projection {
  const ConstTensor& attention;
  const MatrixOperand& weight;
  std::string_view weight_scale_name;
  const ConstTensor& bias;
  std::string_view input_scale_name;
  const ConstTensor& input_scale;
  const ConstTensor& residual;
  const Tensor& out;
  const QuantizationType& quantization_type;
  const ActQuant& act_quant;
  // What AUTO means for ROW.
  ActQuant row_default;
  const bool& compact_weight_scales;
  const MxScaleMode& scale_mode;
  const std::optional<DType>& output_dtype;
  const F32Mode& f32_mode;
  // Of out and residual; may name T, which is B * S.
  std::string_view out_shapes;

  ActQuant resolved_act_quant() const {
    return ResolveActQuant(quantization_type, act_quant, row_default);
  }
  MatrixOperand weight_operand() const {
    return WithScheme(weight, quantization_type, compact_weight_scales);
  }
  OperandArgs operand() const;
};

// After Kernel().
void DeclareProjection(const Projection& args, SchemaVisitor& v);

}  // namespace tilework::output_projection_internal

#endif  // TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_DECLARE_H_
