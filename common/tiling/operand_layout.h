// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Where the elements of an operand of wgmma lie in shared memory, and the
// descriptors of its parts.
//
// An operand is a matrix of `mn` rows (M of A, N of B) times K. It is K-major
// if elements that are adjacent along K are adjacent in memory, else MN-major.
// Memory is cut along the major dimension into panels as wide as the swizzle's
// span (16 bytes without one), one after the other; within a panel, lines along
// the major dimension follow each other. So each panel, or any number of lines
// of it, is what one TMA copy with a box as wide as the span brings.
//
// wgmma reads a panel in groups of eight lines. What its descriptor says of
// groups and panels (PTX ISA, "Strides" of wgmma's shared memory layout; in
// words of this file):
//
//              leading byte offset     stride byte offset
//   K, none    panel to panel          group to group
//   K, swizzle not used, 16            group to group
//   MN, none   group to group          panel to panel
//   MN, swizzle panel to panel         group to group
//
// One instruction takes 32 bytes along K of K-major operands (16 elements of 16
// bits, 32 of 8 bits): two panels without a swizzle, else a part of one. It
// takes 16 lines, two groups, of MN-major ones, which have 16-bit elements.

#ifndef TILEWORK_COMMON_TILING_OPERAND_LAYOUT_H_
#define TILEWORK_COMMON_TILING_OPERAND_LAYOUT_H_

#include <cstdint>

#include "tilework/common/tiling/matrix_descriptor.h"
#include "tilework/common/tiling/swizzle.h"

namespace tilework {

enum class Major : uint8_t { kK, kMN };

struct OperandLayout {
  Major major = Major::kK;
  Swizzle swizzle = Swizzle::k128B;
  uint32_t element_bytes = 2;
  uint32_t mn = 0;
  uint32_t k = 0;

  // Elements of a line of a panel.
  constexpr uint32_t PanelWidth() const {
    return SwizzleSpan(swizzle) / element_bytes;
  }
  // Lines of a panel.
  constexpr uint32_t NumLines() const { return major == Major::kK ? mn : k; }
  constexpr uint32_t NumPanels() const {
    const uint32_t extent = major == Major::kK ? k : mn;
    return (extent + PanelWidth() - 1) / PanelWidth();
  }
  constexpr uint32_t PanelBytes() const {
    return NumLines() * SwizzleSpan(swizzle);
  }
  constexpr uint32_t NumBytes() const { return NumPanels() * PanelBytes(); }
  // What the operand's address must be a multiple of.
  constexpr uint32_t Alignment() const { return SwizzlePattern(swizzle); }

  // Where element (i, j) would be without the swizzle.
  constexpr uint32_t LinearOffset(uint32_t i, uint32_t j) const {
    const uint32_t line = major == Major::kK ? i : j;
    const uint32_t along = major == Major::kK ? j : i;
    return along / PanelWidth() * PanelBytes() + line * SwizzleSpan(swizzle) +
           along % PanelWidth() * element_bytes;
  }
  // Bytes from the operand's start to element (i, j): row i, K index j.
  constexpr uint32_t Offset(uint32_t i, uint32_t j) const {
    return ApplySwizzle(swizzle, LinearOffset(i, j));
  }

  // The descriptor of the part that starts at row `i` and K index `j`, of an
  // operand at `address` of shared memory. `i` is a multiple of eight if
  // K-major, of the panel's width if MN-major; `j` of what one instruction
  // takes.
  constexpr uint64_t Descriptor(uint32_t address, uint32_t i = 0,
                                uint32_t j = 0) const {
    const uint32_t group = SwizzlePattern(swizzle);
    MatrixDescriptor result = {.start_address = address + LinearOffset(i, j),
                               .leading_byte_offset = PanelBytes(),
                               .stride_byte_offset = group,
                               .swizzle = swizzle};
    if (major == Major::kMN && swizzle == Swizzle::kNone) {
      result.leading_byte_offset = group;
      result.stride_byte_offset = PanelBytes();
    } else if (major == Major::kK && swizzle != Swizzle::kNone) {
      result.leading_byte_offset = 16;
    }
    return EncodeMatrixDescriptor(result);
  }
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_TILING_OPERAND_LAYOUT_H_
