// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/device/tensor_map.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/swizzle.h"

namespace tilework {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Never touched.
void* Address(uintptr_t address) { return reinterpret_cast<void*>(address); }

Tensor Device(DType dtype, const Dims& shape, const Dims& strides,
              uintptr_t address = 0x1000) {
  return Tensor(Address(address), dtype, shape, strides, MemorySpace::kDevice);
}

Tensor Device(DType dtype, const Dims& shape) {
  return Device(dtype, shape, ContiguousStrides(shape, dtype));
}

TEST(TensorMapTest, FieldsAreInnermostFirst) {
  const absl::StatusOr<TensorMapFields> fields =
      MakeTensorMapFields(Device(DType::kBF16, {3, 100, 200}, {40000, 320, 1}),
                          {.box = {1, 7, 64},
                           .element_strides = {1, 4, 1},
                           .swizzle = Swizzle::k128B,
                           .fill = OutOfBoundsFill::kNaN,
                           .l2_promotion = L2Promotion::k128B});
  ASSERT_TRUE(fields.ok()) << fields.status();
  EXPECT_EQ(fields->address, Address(0x1000));
  EXPECT_EQ(fields->rank, 3);
  EXPECT_THAT(fields->dims, ElementsAre(200, 100, 3, 0, 0));
  EXPECT_THAT(fields->strides, ElementsAre(2, 640, 80000, 0, 0));
  EXPECT_THAT(fields->box, ElementsAre(64, 7, 1, 0, 0));
  EXPECT_THAT(fields->element_strides, ElementsAre(1, 4, 1, 0, 0));
  EXPECT_EQ(fields->swizzle, Swizzle::k128B);
  EXPECT_EQ(fields->fill, OutOfBoundsFill::kNaN);
  EXPECT_EQ(fields->l2_promotion, L2Promotion::k128B);
  EXPECT_EQ(fields->BoxBytes(), 64u * 2 * 2);
}

TEST(TensorMapTest, StridesOfSingleElementsDoNotMatter) {
  const absl::StatusOr<TensorMapFields> fields = MakeTensorMapFields(
      Device(DType::kF32, {1, 1, 8}, {7, 0, 1}), {.box = {1, 1, 4}});
  ASSERT_TRUE(fields.ok()) << fields.status();
  EXPECT_THAT(fields->strides, ElementsAre(4, 16, 16, 0, 0));
}

struct Refused {
  Tensor tensor;
  TensorMapOptions options;
  std::string message;
};

TEST(TensorMapTest, RefusesWhatTheDriverRefuses) {
  const Tensor x = Device(DType::kBF16, {64, 64});
  const int64_t large = int64_t{1} << 32;
  const std::vector<Refused> cases = {
      {Tensor(), {}, "absent"},
      {Tensor(Address(0x1000), DType::kF32, {64}),
       {.box = {64}},
       "f32 [64] is not in device memory"},
      {Device(DType::kF32, {}), {}, "has rank 0, not 1 to 5"},
      {Device(DType::kF32, {1, 1, 1, 1, 1, 4}),
       {.box = {1, 1, 1, 1, 1, 4}},
       "has rank 6, not 1 to 5"},
      {Device(DType::kF4E2M1, {64, 64}), {.box = {1, 64}}, "is packed"},
      {Device(DType::kF32, {64}, {1}, 0x1008),
       {.box = {64}},
       "is at address 0x1008, which is not a multiple of 16"},
      {Device(DType::kF32, {64}, {1}, 0), {.box = {64}}, "address 0x0"},
      {Device(DType::kBF16, {64, 60}),
       {.box = {1, 8}},
       "the stride of dimension 0 of bf16 [64, 60] is 120 bytes, not a "
       "positive multiple of 16"},
      {Device(DType::kBF16, {64, 64}, {0, 1}),
       {.box = {1, 8}},
       "is 0 bytes, not a positive"},
      {Device(DType::kBF16, {2, 64}, {int64_t{1} << 39, 1}),
       {.box = {1, 8}},
       "is 1099511627776 bytes, not a positive multiple of 16 below 2^40"},
      {Device(DType::kBF16, {64, 64}, {1, 64}),
       {.box = {8, 8}},
       "has stride 64, not 1"},
      {Device(DType::kBF16, {0, 64}),
       {.box = {1, 8}},
       "size 0 in dimension 0 of bf16 [0, 64] is not 1 to 4294967296"},
      {Device(DType::kU8, {large + 1}), {.box = {16}}, "size 4294967297 in"},
      {x, {.box = {64}}, "the box [64] is not of the rank"},
      {x,
       {.box = {64, 64}, .element_strides = {1}},
       "the element strides [1] are not of the rank"},
      {x, {.box = {257, 64}}, "box 257 in dimension 0 of bf16 [64, 64] is not"},
      {x, {.box = {1, 0}}, "box 0 in dimension 1"},
      {x,
       {.box = {64, 64}, .element_strides = {9, 1}},
       "element stride 9 in dimension 0 of bf16 [64, 64] is not 1 to 8"},
      {x,
       {.box = {64, 64}, .element_strides = {1, 2}},
       "element stride 2 in dimension 1 of bf16 [64, 64] is not 1 to 1"},
      {x, {.box = {64, 4}}, "is 4 elements, 8 bytes, not a multiple of 16"},
      {x,
       {.box = {64, 128}, .swizzle = Swizzle::k128B},
       "is 128 elements, 256 bytes, more than the 128 of swizzle 128B"},
      {x, {.box = {1, 32}, .swizzle = Swizzle::k32B}, "more than the 32"},
      {Device(DType::kF8E4M3, {64, 64}),
       {.box = {1, 64}, .fill = OutOfBoundsFill::kNaN},
       "cannot be filled with NaN"},
  };
  for (const Refused& refused : cases) {
    const absl::Status status =
        MakeTensorMapFields(refused.tensor, refused.options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << refused.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(refused.message));
  }
}

TEST(TensorMapTest, LimitsAreAllowed) {
  const int64_t large = int64_t{1} << 32;
  for (const auto& [tensor, options] :
       std::vector<std::pair<Tensor, TensorMapOptions>>{
           {Device(DType::kU8, {large}), {.box = {256}}},
           {Device(DType::kF64, {1, 1, 2, 1, 256}),
            {.box = {256, 256, 256, 256, 256},
            .element_strides = {8, 8, 8, 8, 1},
            .fill = OutOfBoundsFill::kNaN}},
           {Device(DType::kU8, {2, 16}, {(int64_t{1} << 40) - 16, 1}),
            {.box = {1, 16}}},
           {Device(DType::kF32, {64, 64}),
            {.box = {256, 32}, .swizzle = Swizzle::k128B}}}) {
    const absl::Status status = MakeTensorMapFields(tensor, options).status();
    EXPECT_TRUE(status.ok()) << status;
  }
}

}  // namespace
}  // namespace tilework
