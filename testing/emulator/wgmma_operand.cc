// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/wgmma_operand.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tiling/fragment.h"
#include "tilework/common/tiling/matrix_descriptor.h"
#include "tilework/common/tiling/operand_layout.h"
#include "tilework/common/tiling/swizzle.h"
#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/shared_model.h"
#include "tilework/testing/emulator/tensor_core.h"

namespace tilework::emulator {
namespace {

constexpr size_t kChunkBytes = 16;
constexpr char kName[] = "wgmma.mma_async";

}  // namespace

std::string CheckDescriptor(uint64_t bits) {
  const MatrixDescriptor descriptor = DecodeMatrixDescriptor(bits);
  if ((bits & kMatrixDescriptorReserved) != 0) {
    return absl::StrFormat("bits 0x%x of descriptor 0x%x have no meaning",
                           bits & kMatrixDescriptorReserved, bits);
  }
  if (descriptor.base_offset != 0) {
    return absl::StrFormat("base offset %d of descriptor 0x%x is not modelled",
                           descriptor.base_offset, bits);
  }
  // The eight lines of the swizzle's pattern begin at a multiple of it.
  const uint32_t pattern = SwizzlePattern(descriptor.swizzle);
  const uint32_t line =
      descriptor.start_address % pattern / SwizzleSpan(descriptor.swizzle);
  if (descriptor.swizzle != Swizzle::kNone && line != 0) {
    return absl::StrFormat(
        "start address 0x%x of descriptor 0x%x is in line %d of the pattern of "
        "%d bytes of swizzle %s, but its base offset is 0",
        descriptor.start_address, bits, line, pattern,
        Name(descriptor.swizzle));
  }
  return "";
}

std::vector<float> ReadSharedOperand(Block& block, const SharedOperand& operand,
                                     uint32_t first, uint32_t count,
                                     const Site& site) {
  const MatrixDescriptor descriptor =
      DecodeMatrixDescriptor(operand.descriptor);
  const uint32_t element_bytes = static_cast<uint32_t>(SizeOf(operand.dtype));
  std::vector<float> values;
  for (uint32_t i = first; i < first + count; ++i) {
    const std::byte* chunk = nullptr;
    uint32_t address = 0;
    for (uint32_t j = 0; j < WgmmaK(operand.dtype); ++j) {
      const ElementPlace place =
          FindElement(descriptor, operand.major, element_bytes, i, j);
      if (chunk == nullptr || place.chunk != address) {
        address = place.chunk;
        chunk = SharedPointer(block, address, kChunkBytes, kName, site);
        CheckAsyncRead(block, chunk, kChunkBytes, kName, site);
      }
      values.push_back(ElementValue(operand.dtype, chunk + place.byte));
    }
  }
  return values;
}

std::vector<float> ReadRegisterOperand(DType dtype,
                                       absl::Span<const uint32_t> registers) {
  const size_t bytes = SizeOf(dtype);
  const int elements = static_cast<int>(16 / bytes);  // of a lane
  const uint32_t k = WgmmaK(dtype);
  std::vector<float> values(16 * k);
  for (int lane = 0; lane < kWarpSize; ++lane) {
    const std::byte* data =
        reinterpret_cast<const std::byte*>(registers.data() + 4 * lane);
    for (int element = 0; element < elements; ++element) {
      const FragmentElement place = {.lane = lane, .element = element};
      const MatrixElement at = bytes == 2 ? OperandFragment16::ToMatrix(place)
                                          : OperandFragment8::ToMatrix(place);
      values[static_cast<uint32_t>(at.row) * k +
             static_cast<uint32_t>(at.column)] =
          ElementValue(dtype, data + static_cast<size_t>(element) * bytes);
    }
  }
  return values;
}

}  // namespace tilework::emulator
