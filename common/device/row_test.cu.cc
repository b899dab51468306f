// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/device/row.h"

#include <cstdint>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/device_test.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

struct Params {
  RowShape shape;
  InputRows from;
  OutputRows to;
};

// Copies rows from one type to another, tile by tile.
template <bool kAligned, int kPacks>
__global__ void CopyKernel(const __grid_constant__ Params p) {
  for (RowLoop part(p.shape); part.More(); part.Next()) {
    const RowInMemory from = p.from.Row(part.index(), 0);
    const RowInMemory to = p.to.Row(part.index(), 0);
    for (int first = 0; first < p.shape.packs; first += kPacks) {
      float x[kPacks][kEight];
      LoadFloats<kAligned>(from, part, first, x);
      StorePacks<kAligned>(x, to, part, first);
    }
  }
}

class RowTest : public DeviceTest {
 protected:
  // Rows of a tensor with `pitch` elements from row to row.
  void ExpectCopied(DType from, DType to, int64_t rows, int64_t size,
                    int64_t pitch, int threads) {
    SCOPED_TRACE(size);
    Buffer x(from, {rows, pitch});
    Random random(1);
    FillNormal(random, x.view());
    Buffer y = Buffer::Zeros(to, {rows, pitch});
    const auto device_x =
        DeviceBuffer::Allocate(from, {rows, pitch}, context());
    const auto device_y = DeviceBuffer::Allocate(to, {rows, pitch}, context());
    ASSERT_TRUE(device_x.ok() && device_y.ok());
    ASSERT_TRUE(CopyToDevice(x.view(), device_x->view(), context()).ok());
    ASSERT_TRUE(CopyToDevice(y.view(), device_y->view(), context()).ok());
    const Params p = {
        .shape = {.rows = rows,
                  .size = size,
                  .threads = threads,
                  .packs =
                      static_cast<int>(size / kEight / threads + 4) / 4 * 4},
        .from = InputRows(device_x->view().Slice(1, 0, size)),
        .to = OutputRows(device_y->view().Slice(1, 0, size))};
    const bool aligned =
        size % 8 == 0 && p.from.alignment() == 16 && p.to.alignment() == 16;
    ASSERT_EQ(
        Launch(aligned ? CopyKernel<true, 4> : CopyKernel<false, 1>,
               {.kernel = "copy",
                .grid = {2},
                .block = {threads < 32 ? 32u : static_cast<uint32_t>(threads)}},
               context(), p),
        absl::OkStatus());
    ASSERT_EQ(context().Synchronize(), absl::OkStatus());
    ASSERT_TRUE(CopyToHost(device_y->view(), y.view(), context()).ok());
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < pitch; ++i) {
        const double expected =
            i < size ? RoundToDType(Read(x.view(), {row, i}), to) : 0.0;
        ASSERT_EQ(Read(y.view(), {row, i}), expected) << row << ", " << i;
      }
    }
  }
};

TEST_F(RowTest, EveryTypeAndSize) {
  constexpr DType kTypes[] = {DType::kF32, DType::kBF16, DType::kF16};
  for (const DType from : kTypes) {
    for (const DType to : kTypes) {
      for (const int64_t size : {1, 7, 8, 9, 64, 250, 256, 1000, 1024}) {
        ExpectCopied(from, to, 5, size, size, 8);
        ExpectCopied(from, to, 3, size, size + 8, 64);
        ExpectCopied(from, to, 3, size, size + 1, 32);
      }
    }
  }
}

}  // namespace
}  // namespace tilework
