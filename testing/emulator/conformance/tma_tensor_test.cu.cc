// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Tensor copies: boxes of all ranks, types, swizzles and element strides,
// inside and outside of tensors, in both directions.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/fence.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/mbarrier.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_map.h"
#include "tilework/common/device/tma.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/swizzle.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/emulator/conformance/device_case.h"

namespace tilework {
namespace {

constexpr int kBoxBytes = 16384;
constexpr int kThreads = 64;

struct BoxStorage {
  alignas(1024) uint8_t box[kBoxBytes];
  Mbarrier barrier;
};

// Of the innermost dimension first.
struct At {
  int32_t x[TensorMapFields::kMaxRank];
};

enum class Direction { kLoad, kStore, kAdd };

template <int kRank>
__device__ void Load(const TensorMap& map, const At& at) {
  BoxStorage& shared = SharedMemory<BoxStorage>();
  int32_t x[kRank];
  for (int i = 0; i < kRank; ++i) x[i] = at.x[i];
  CpAsyncBulkTensorToShared(shared.box, map, x, shared.barrier);
}

template <int kRank>
__device__ void Store(const TensorMap& map, const At& at, bool add) {
  BoxStorage& shared = SharedMemory<BoxStorage>();
  int32_t x[kRank];
  for (int i = 0; i < kRank; ++i) x[i] = at.x[i];
  if (add) {
    CpReduceAsyncBulkTensorAdd(map, x, shared.box);
  } else {
    CpAsyncBulkTensorToGlobal(map, x, shared.box);
  }
}

// A box into shared memory, and all of that to `out`.
template <int kRank>
__global__ void LoadKernel(const __grid_constant__ TensorMap map, At at,
                           int bytes, uint8_t* out) {
  BoxStorage& shared = SharedMemory<BoxStorage>();
  if (threadIdx.x == 0) {
    PrefetchTensormap(map);
    MbarrierInit(shared.barrier, 1);
    FenceMbarrierInit();
    MbarrierArriveExpectTx(shared.barrier, static_cast<uint32_t>(bytes));
    Load<kRank>(map, at);
  }
  __syncthreads();
  MbarrierWaitParity(shared.barrier, 0);
  for (int i = static_cast<int>(threadIdx.x); i < bytes; i += kThreads) {
    out[i] = shared.box[i];
  }
}

// `in` into shared memory, and from there to a box; then the shared memory may
// be overwritten.
template <int kRank>
__global__ void StoreKernel(const __grid_constant__ TensorMap map, At at,
                            int bytes, bool add, const uint8_t* in) {
  BoxStorage& shared = SharedMemory<BoxStorage>();
  for (int i = static_cast<int>(threadIdx.x); i < bytes; i += kThreads) {
    shared.box[i] = in[i];
  }
  FenceProxyAsync();
  __syncthreads();
  if (threadIdx.x != 0) return;
  Store<kRank>(map, at, add);
  CpAsyncBulkCommitGroup();
  CpAsyncBulkWaitGroupRead<0>();
  for (int i = 0; i < bytes; i += 4) shared.box[i] = 0xEE;
  CpAsyncBulkWaitGroup<0>();
}

// One copy.
struct Case {
  DType dtype = DType::kBF16;
  Dims shape;
  int64_t row_elements = 0;  // the stride of the last but one dimension
  TensorMapOptions options;
  std::vector<int32_t> at;  // in the order of `shape`
};

// Calls `visit` for each element of the box with its offset in bytes in shared
// memory, and in the tensor, or -1 if it is outside.
void ForEachElement(const Case& it, const Dims& strides,
                    const std::function<void(uint32_t, int64_t)>& visit) {
  const auto size = static_cast<int64_t>(SizeOf(it.dtype));
  Dims counts;
  Dims steps;
  for (int i = 0; i < it.shape.size(); ++i) {
    steps.push_back(it.options.element_strides.size() == 0
                        ? 1
                        : it.options.element_strides[i]);
    counts.push_back((it.options.box[i] + steps[i] - 1) / steps[i]);
  }
  for (int64_t n = 0; n < counts.Product(); ++n) {
    int64_t rest = n;
    int64_t offset = 0;
    bool inside = true;
    for (int i = it.shape.size() - 1; i >= 0; --i) {
      const int64_t x =
          it.at[static_cast<size_t>(i)] + rest % counts[i] * steps[i];
      rest /= counts[i];
      inside &= x >= 0 && x < it.shape[i];
      offset += x * strides[i] * size;
    }
    visit(ApplySwizzle(it.options.swizzle, static_cast<uint32_t>(n * size)),
          inside ? offset : -1);
  }
}

class TmaTensorTest : public DeviceCase {
 protected:
  // The tensor of a case, with bytes of no pattern.
  void Make(const Case& it) {
    Dims strides;
    for (int i = 0; i < it.shape.size(); ++i) strides.push_back(1);
    for (int i = it.shape.size() - 2; i >= 0; --i) {
      strides[i] = i == it.shape.size() - 2 ? it.row_elements
                                            : strides[i + 1] * it.shape[i + 1];
    }
    const int64_t elements = strides[0] * it.shape[0] + it.row_elements;
    before_ = Bytes(it.dtype, elements);
    const Tensor memory =
        Upload(Dims{static_cast<int64_t>(before_.size())}, before_);
    tensor_ = Tensor(memory.data(), it.dtype, it.shape, strides,
                     MemorySpace::kDevice);
    memory_ = memory;
  }

  // Of elements that are numbers: nothing but those is told apart by bits.
  static std::vector<uint8_t> Bytes(DType dtype, int64_t elements) {
    const size_t size = SizeOf(dtype);
    std::vector<uint8_t> bytes(static_cast<size_t>(elements) * size);
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<uint8_t>(i * 167 + i / 251 * 13);
      if (i % size == size - 1 && IsFloat(dtype)) bytes[i] = bytes[i] & 0xBF;
    }
    return bytes;
  }

  At Coordinates(const Case& it) {
    At at = {};
    std::copy(it.at.rbegin(), it.at.rend(), at.x);
    return at;
  }

  template <int kRank>
  absl::Status Launched(const Case& it, Direction direction,
                        const TensorMap& map, int bytes, const Tensor& box) {
    const LaunchShape shape = {.kernel = "tensor copy",
                               .grid = {1},
                               .block = {kThreads},
                               .shared_bytes = sizeof(BoxStorage)};
    auto* data = static_cast<uint8_t*>(box.data());
    return direction == Direction::kLoad
               ? Launch(LoadKernel<kRank>, shape, context(), map,
                        Coordinates(it), bytes, data)
               : Launch(StoreKernel<kRank>, shape, context(), map,
                        Coordinates(it), bytes, direction == Direction::kAdd,
                        data);
  }

  void Run(const Case& it, Direction direction, const Tensor& box) {
    const absl::StatusOr<TensorMapFields> fields =
        MakeTensorMapFields(tensor_, it.options);
    ASSERT_TRUE(fields.ok()) << fields.status();
    const absl::StatusOr<TensorMap> map = MakeTensorMap(tensor_, it.options);
    ASSERT_TRUE(map.ok()) << map.status();
    const int bytes = static_cast<int>(fields->BoxBytes());
    ASSERT_EQ(bytes, box.NumBytes());
    const auto launch = [&]() -> absl::Status {
      switch (fields->rank) {
        case 1:
          return Launched<1>(it, direction, *map, bytes, box);
        case 2:
          return Launched<2>(it, direction, *map, bytes, box);
        case 3:
          return Launched<3>(it, direction, *map, bytes, box);
        case 4:
          return Launched<4>(it, direction, *map, bytes, box);
        default:
          return Launched<5>(it, direction, *map, bytes, box);
      }
    };
    const absl::Status status = launch();
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(context().Synchronize().ok());
  }

  int64_t BoxBytes(const Case& it) {
    return MakeTensorMapFields(tensor_, it.options)->BoxBytes();
  }

  void CheckLoad(const Case& it) {
    Make(it);
    const int64_t bytes = BoxBytes(it);
    const Tensor box =
        Upload(Dims{bytes}, std::vector<uint8_t>(static_cast<size_t>(bytes)));
    Run(it, Direction::kLoad, box);
    const std::vector<uint8_t> got = Download<uint8_t>(box);
    const size_t size = SizeOf(it.dtype);
    int wrong = 0;
    ForEachElement(it, tensor_.strides(), [&](uint32_t offset, int64_t from) {
      if (from >= 0) {
        wrong += std::memcmp(&got[offset], &before_[static_cast<size_t>(from)],
                             size) != 0;
      } else if (it.options.fill == OutOfBoundsFill::kNaN) {
        // All bits of the exponent, and some of the fraction.
        wrong += (got[offset + size - 1] & 0x7F) != 0x7F ||
                 got[offset + size - 2] <= 0xF0;
      } else {
        wrong += std::count(&got[offset], &got[offset] + size, 0) !=
                 static_cast<int64_t>(size);
      }
    });
    EXPECT_EQ(wrong, 0);
  }

  void CheckStore(const Case& it) {
    Make(it);
    const int64_t bytes = BoxBytes(it);
    const std::vector<uint8_t> box =
        Bytes(it.dtype, bytes / static_cast<int64_t>(SizeOf(it.dtype)));
    Run(it, Direction::kStore, Upload(Dims{bytes}, box));
    std::vector<uint8_t> expected = before_;
    ForEachElement(it, tensor_.strides(), [&](uint32_t offset, int64_t to) {
      if (to < 0) return;
      std::memcpy(&expected[static_cast<size_t>(to)], &box[offset],
                  SizeOf(it.dtype));
    });
    EXPECT_EQ(Download<uint8_t>(memory_), expected);
  }

  std::vector<uint8_t> before_;
  Tensor memory_;
  Tensor tensor_;
};

// A box inside, and ones that stick out at either side of each dimension, in
// part or as a whole.
std::vector<Case> Around(Case it) {
  std::vector<Case> cases;
  for (size_t i = 0; i < it.at.size(); ++i) {
    const auto extent = static_cast<int32_t>(it.shape[static_cast<int>(i)]);
    const auto box = static_cast<int32_t>(it.options.box[static_cast<int>(i)]);
    for (int32_t x :
         {0, 1, -1, -box + 1, -box, extent - 1, extent, extent - box}) {
      cases.push_back(it);
      cases.back().at[i] = x;
    }
  }
  return cases;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  const auto add = [&](const Case& it) {
    for (const Case& variant : Around(it)) cases.push_back(variant);
  };
  // Ranks, with elements of all sizes.
  add({DType::kU8, {200}, 200, {.box = {48}}, {3}});
  add({DType::kBF16, {9, 40}, 48, {.box = {3, 16}}, {2, 5}});
  add({DType::kF32, {3, 7, 18}, 20, {.box = {2, 3, 8}}, {1, 2, 3}});
  add({DType::kI64, {2, 3, 4, 6}, 6, {.box = {2, 2, 2, 4}}, {0, 1, 1, 1}});
  add({DType::kF16,
       {2, 3, 2, 5, 24},
       24,
       {.box = {1, 2, 2, 3, 8}},
       {1, 0, 0, 1, 7}});
  // Swizzles, with boxes as wide as they are.
  for (Swizzle swizzle : {Swizzle::k32B, Swizzle::k64B, Swizzle::k128B}) {
    const int64_t span = SwizzleSpan(swizzle);
    add({DType::kBF16,
         {50, 70},
         72,
         {.box = {20, span / 2}, .swizzle = swizzle},
         {5, 2}});
    add({DType::kF8E4M3,
         {3, 20, 130},
         144,
         {.box = {2, 11, span}, .swizzle = swizzle},
         {1, 3, 1}});
  }
  // Element strides, and elements that are no numbers.
  add({DType::kF32,
       {30, 16},
       16,
       {.box = {13, 8}, .element_strides = {3, 1}},
       {2, 4}});
  add({DType::kBF16,
       {9, 20, 16},
       16,
       {.box = {8, 16, 16},
        .element_strides = {8, 2, 1},
        .swizzle = Swizzle::k32B},
       {0, 1, 0}});
  add({DType::kF32,
       {20, 12},
       12,
       {.box = {8, 8},
        .fill = OutOfBoundsFill::kNaN,
        .l2_promotion = L2Promotion::k128B},
       {1, 1}});
  add({DType::kBF16,
       {20, 12},
       16,
       {.box = {8, 64},
        .swizzle = Swizzle::k128B,
        .fill = OutOfBoundsFill::kNaN},
       {1, 1}});
  return cases;
}

std::string Describe(const Case& it) {
  std::string text = std::string(Name(it.dtype)) + " " + it.shape.ToString() +
                     " box " + it.options.box.ToString() + " swizzle " +
                     std::string(Name(it.options.swizzle)) + " at";
  for (int32_t x : it.at) text += " " + std::to_string(x);
  return text;
}

TEST_F(TmaTensorTest, Loads) {
  for (const Case& it : Cases()) {
    SCOPED_TRACE(Describe(it));
    CheckLoad(it);
  }
}

TEST_F(TmaTensorTest, Stores) {
  for (const Case& it : Cases()) {
    SCOPED_TRACE(Describe(it));
    CheckStore(it);
  }
}

TEST_F(TmaTensorTest, InAllOrders) {
  const Case it = {DType::kBF16,
                   {50, 70},
                   72,
                   {.box = {32, 64}, .swizzle = Swizzle::k128B},
                   {30, -3}};
  ForEachSchedule([&] {
    CheckLoad(it);
    CheckStore(it);
  });
}

TEST_F(TmaTensorTest, Adds) {
  const Case it = {DType::kI32, {10, 12}, 12, {.box = {4, 8}}, {8, 6}};
  ForEachSchedule([&] {
    const Tensor memory = Upload(Dims{10, 12}, std::vector<int32_t>(120, 40));
    tensor_ = memory;
    std::vector<int32_t> box(32);
    for (size_t i = 0; i < box.size(); ++i) box[i] = static_cast<int32_t>(i);
    const Tensor on_device = Upload(Dims{4, 8}, box);
    Run(it, Direction::kAdd, on_device);
    std::vector<int32_t> expected(120, 40);
    for (size_t i = 0; i < 2; ++i) {
      for (size_t j = 0; j < 6; ++j) {
        expected[(8 + i) * 12 + 6 + j] += box[i * 8 + j];
      }
    }
    EXPECT_EQ(Download<int32_t>(memory), expected);
  });
}

}  // namespace
}  // namespace tilework
