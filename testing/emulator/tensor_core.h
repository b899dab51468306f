// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The arithmetic of Hopper's tensor cores, as far as it is known, and where
// they find their operands in shared memory.
//
// Products are exact. They and the accumulator are aligned to the largest of
// them, cut off below some bit (toward zero), and added up exactly; the sum is
// cut off to the accumulator's width. How many bits are kept is not documented:
// - Operands of 8 bits: measurements that have been published agree on an
//   accumulator of 1 sign, 8 exponent and 13 fraction bits, and on 14 bits of
//   each aligned product (the DeepSeek-V3 report, section 3.5.2; the papers on
//   SageAttention 2).
// - Operands of 16 bits: at least two bits beyond the 23 of the fraction, and
//   truncation, were measured on H100 (work on "numerical behavior of tensor
//   cores" by Fasi and others and its successors).
// The model has just that many: it is no more exact than the hardware.

#ifndef TILEWORK_TESTING_EMULATOR_TENSOR_CORE_H_
#define TILEWORK_TESTING_EMULATOR_TENSOR_CORE_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tiling/matrix_descriptor.h"
#include "tilework/common/tiling/operand_layout.h"

namespace tilework::emulator {

// accumulator + sum of a[i] b[i] over one instruction's K. Of types of 8 bits
// if `narrow`, else of 16.
float TensorCoreSum(float accumulator, absl::Span<const float> a,
                    absl::Span<const float> b, bool narrow);

// The element of `dtype` (bf16, f16, f8e4m3, f8e5m2) whose bytes are `data`.
float ElementValue(DType dtype, const std::byte* data);

// The address in shared memory of the chunk of 16 bytes that has element
// (i, j): row i of the operand, K index j; `byte` is where in the chunk.
struct ElementPlace {
  uint32_t chunk;
  uint32_t byte;
};
ElementPlace FindElement(const MatrixDescriptor& descriptor, Major major,
                         uint32_t element_bytes, uint32_t i, uint32_t j);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_TENSOR_CORE_H_
