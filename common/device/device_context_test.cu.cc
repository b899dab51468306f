// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/device/device_context.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

using testing::Each;
using testing::HasSubstr;

// More than any device has.
constexpr int64_t kTooMuch = int64_t{1} << 50;

__global__ void AddOne(const float* x, float* y, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) y[i] = x[i] + 1;
}

void ExpectError(const absl::Status& status, absl::StatusCode code,
                 const std::vector<std::string>& parts) {
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& part : parts) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(part));
  }
}

TEST(NoDeviceTest, ReasonIsGiven) {
  const auto context = DeviceContext::Create();
  if (context.ok()) GTEST_SKIP() << "there is a device";
  ExpectError(context.status(), absl::StatusCode::kUnavailable,
              {"no CUDA device: "});
}

TEST(NoDeviceTest, DeviceIsNamed) {
  if (!DeviceContext::Create().ok()) GTEST_SKIP() << "there is no device";
  for (int ordinal : {-1, 1000}) {
    ExpectError(DeviceContext::Create(ordinal).status(),
                absl::StatusCode::kUnavailable, {std::to_string(ordinal)});
  }
}

class DeviceContextTest : public testing::Test {
 protected:
  void SetUp() override {
    auto context = DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
  }

  DeviceBuffer Floats(int64_t count) {
    auto buffer = DeviceBuffer::Allocate(DType::kF32, {count}, *context_);
    EXPECT_TRUE(buffer.ok()) << buffer.status();
    return *std::move(buffer);
  }
  void Write(const std::vector<float>& values, const DeviceBuffer& to) {
    const absl::Status status = CopyToDevice(values.data(), to.view().data(),
                                             4 * std::ssize(values), *context_);
    EXPECT_TRUE(status.ok()) << status;
  }
  std::vector<float> Read(const DeviceBuffer& from) {
    std::vector<float> values(static_cast<size_t>(from.view().NumBytes() / 4));
    const absl::Status status = CopyToHost(from.view().data(), values.data(),
                                           from.view().NumBytes(), *context_);
    EXPECT_TRUE(status.ok()) << status;
    return values;
  }
  absl::Status LaunchAddOne(const LaunchShape& shape, const float* x, float* y,
                            int count) {
    return Launch(AddOne, shape, *context_, x, y, count);
  }

  std::unique_ptr<DeviceContext> context_;
};

TEST_F(DeviceContextTest, PropertiesAreHoppers) {
  const DeviceProperties& properties = context_->properties();
  EXPECT_FALSE(properties.name.empty());
  EXPECT_EQ(properties.major, 9);
  EXPECT_EQ(properties.minor, 0);
  EXPECT_GT(properties.num_multiprocessors, 0);
  EXPECT_EQ(properties.shared_bytes_per_block, int64_t{227} << 10);
  EXPECT_EQ(properties.shared_bytes_per_multiprocessor, int64_t{228} << 10);
  EXPECT_GT(properties.l2_bytes, 0);
  EXPECT_GT(properties.memory_bytes, 0);
  EXPECT_EQ(properties.emulated, properties.driver_version == 0);
  EXPECT_EQ(properties.emulated, context_->stream() == nullptr);
}

TEST_F(DeviceContextTest, BufferIsAlignedAndItsViewOnTheDevice) {
  auto buffer = DeviceBuffer::Allocate(DType::kBF16, {3, 5}, *context_);
  ASSERT_TRUE(buffer.ok()) << buffer.status();
  const Tensor view = buffer->view();
  EXPECT_EQ(view.space(), MemorySpace::kDevice);
  EXPECT_EQ(view.dtype(), DType::kBF16);
  EXPECT_EQ(view.shape(), (Dims{3, 5}));
  EXPECT_TRUE(view.IsContiguous());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(view.data()) % 256, 0u);
  const DeviceBuffer moved = *std::move(buffer);
  EXPECT_EQ(moved.view().data(), view.data());
}

TEST_F(DeviceContextTest, EmptyBufferCanBeCopied) {
  auto buffer = DeviceBuffer::Allocate(DType::kF32, {0, 8}, *context_);
  ASSERT_TRUE(buffer.ok()) << buffer.status();
  float nothing[1];
  EXPECT_TRUE(CopyToHost(buffer->view(), Tensor(nothing, DType::kF32, {0, 8}),
                         *context_)
                  .ok());
}

TEST_F(DeviceContextTest, CopiesAndFillsFollowOneAnother) {
  const DeviceBuffer a = Floats(100);
  const DeviceBuffer b = Floats(100);
  std::vector<float> values(100);
  for (int i = 0; i < 100; ++i) values[i] = static_cast<float>(i);
  Write(values, a);
  ASSERT_TRUE(
      CopyOnDevice(a.view().data(), b.view().data(), 400, *context_).ok());
  ASSERT_TRUE(FillOnDevice(a.view().data(), 0, 400, *context_).ok());
  EXPECT_EQ(Read(b), values);
  EXPECT_THAT(Read(a), Each(0.0f));
  EXPECT_TRUE(context_->Synchronize().ok());
}

TEST_F(DeviceContextTest, CopyNeedsTheSpacesOfItsName) {
  const DeviceBuffer buffer = Floats(4);
  float values[4] = {};
  const Tensor host(values, DType::kF32, {4});
  const Tensor device = buffer.view();
  using enum absl::StatusCode;
  ExpectError(CopyToDevice(device, device, *context_), kInvalidArgument,
              {"CopyToDevice", "from device to device memory"});
  ExpectError(CopyToDevice(host, host, *context_), kInvalidArgument,
              {"CopyToDevice", "from host to host memory"});
  ExpectError(CopyToHost(host, device, *context_), kInvalidArgument,
              {"CopyToHost", "from host to device memory"});
}

TEST_F(DeviceContextTest, CopyNeedsContiguousTensorsOfOneTypeAndShape) {
  const DeviceBuffer buffer = Floats(4);
  float values[8] = {};
  using enum absl::StatusCode;
  ExpectError(
      CopyToDevice(Tensor(values, DType::kF32, {5}), buffer.view(), *context_),
      kInvalidArgument, {"CopyToDevice", "[5]", "[4]"});
  ExpectError(
      CopyToHost(buffer.view(), Tensor(values, DType::kI32, {4}), *context_),
      kInvalidArgument, {"CopyToHost", "f32", "i32"});
  ExpectError(CopyToDevice(Tensor(values, DType::kF32, {4}, {2}), buffer.view(),
                           *context_),
              kInvalidArgument, {"CopyToDevice", "not contiguous"});
}

TEST_F(DeviceContextTest, BufferThatIsTooLargeIsRefused) {
  const auto buffer = DeviceBuffer::Allocate(DType::kU8, {kTooMuch}, *context_);
  ExpectError(buffer.status(), absl::StatusCode::kResourceExhausted,
              {"a buffer of 1125899906842624 bytes", "free"});
  // Nothing is the worse for it.
  Write({1}, Floats(1));
  EXPECT_TRUE(context_->Synchronize().ok());
}

TEST_F(DeviceContextTest, ScratchIsReusedAndGrows) {
  float* first = nullptr;
  int64_t capacity = 0;
  for (int i = 0; i < 3; ++i) {
    DeviceScratchScope scope(*context_);
    const auto outer = scope.Allocate<float>(1000);
    ASSERT_TRUE(outer.ok()) << outer.status();
    if (i == 0) first = *outer;
    EXPECT_EQ(*outer, first);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(*outer) % 256, 0u);
    {
      DeviceScratchScope inner(*context_);
      const auto more = inner.Allocate<uint8_t>(int64_t{3} << 20);
      ASSERT_TRUE(more.ok()) << more.status();
      EXPECT_TRUE(FillOnDevice(*more, 1, int64_t{3} << 20, *context_).ok());
    }
    if (i == 0) capacity = context_->arena().capacity();
    EXPECT_GE(capacity, (int64_t{3} << 20) + 4000);
    EXPECT_EQ(context_->arena().capacity(), capacity);
  }
  EXPECT_TRUE(context_->Synchronize().ok());
}

TEST_F(DeviceContextTest, ScratchThatIsTooLargeIsRefused) {
  DeviceScratchScope scope(*context_);
  ExpectError(scope.Allocate<uint8_t>(kTooMuch).status(),
              absl::StatusCode::kResourceExhausted,
              {"scratch memory of 1125899906842624 bytes", "free"});
  EXPECT_TRUE(scope.Allocate<uint8_t>(100).ok());
}

TEST_F(DeviceContextTest, LaunchRuns) {
  const DeviceBuffer x = Floats(1000);
  const DeviceBuffer y = Floats(1000);
  Write(std::vector<float>(1000, 2.0f), x);
  ASSERT_TRUE(LaunchAddOne({"add_one", {8}, {128}}, x.view().data<float>(),
                           y.view().data<float>(), 1000)
                  .ok());
  EXPECT_THAT(Read(y), Each(3.0f));
  // Shared memory beyond what a kernel has without asking.
  EXPECT_TRUE(LaunchAddOne({.kernel = "add_one",
                            .grid = {8},
                            .block = {128},
                            .cluster = {8},
                            .shared_bytes = int64_t{227} << 10},
                           x.view().data<float>(), y.view().data<float>(), 1)
                  .ok());
  EXPECT_TRUE(context_->Synchronize().ok());
}

TEST_F(DeviceContextTest, ShapeThatNoDeviceRunsIsRefused) {
  const auto refused = [&](const LaunchShape& shape,
                           const std::vector<std::string>& parts) {
    const absl::Status status = LaunchAddOne(shape, nullptr, nullptr, 0);
    ExpectError(status, absl::StatusCode::kInvalidArgument, parts);
    ExpectError(status, absl::StatusCode::kInvalidArgument, {"add_one: "});
  };
  refused({"add_one", {0}, {32}}, {"a grid of (0, 1, 1)"});
  refused({"add_one", {1, 70000}, {32}}, {"(1, 70000, 1)", "65535"});
  refused({"add_one", {1}, {2048}}, {"(2048, 1, 1)", "1024"});
  refused({"add_one", {1}, {64, 32}}, {"(64, 32, 1)", "1024"});
  refused({"add_one", {1}, {1, 1, 65}}, {"(1, 1, 65)", "64"});
  refused({"add_one", {16}, {32}, {16}}, {"a cluster of (16, 1, 1)", "8"});
  refused({"add_one", {3}, {32}, {2}}, {"(3, 1, 1)", "(2, 1, 1)"});
  refused({"add_one", {1}, {32}, {}, int64_t{228} << 10},
          {"233472 bytes of shared memory", "232448"});
  EXPECT_TRUE(context_->Synchronize().ok());
}

TEST_F(DeviceContextTest, GridThatCannotAllRunAtOnceIsRefused) {
  const LaunchShape shape = {.kernel = "add_one",
                             .grid = {100000},
                             .block = {1024},
                             .co_resident = true};
  ExpectError(LaunchAddOne(shape, nullptr, nullptr, 0),
              absl::StatusCode::kFailedPrecondition,
              {"add_one", "100000 blocks of 1024 threads",
               context_->properties().name});
}

#if !defined(TILEWORK_EMULATED)

TEST_F(DeviceContextTest, WorksOnTheCallersStream) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  {
    auto context = DeviceContext::CreateOnStream(0, stream);
    ASSERT_TRUE(context.ok()) << context.status();
    EXPECT_EQ((*context)->stream(), stream);
    const DeviceBuffer x = Floats(1);
    EXPECT_TRUE(FillOnDevice(x.view().data(), 0, 4, **context).ok());
    EXPECT_TRUE((*context)->Synchronize().ok());
  }
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

// y = x + 2, by way of scratch memory.
absl::Status AddTwo(const float* x, float* y, int count,
                    DeviceContext& context) {
  DeviceScratchScope scope(context);
  const auto scratch = scope.Allocate<float>(count);
  if (!scratch.ok()) return scratch.status();
  const LaunchShape shape = {"add_two", {8}, {128}};
  absl::Status status = Launch(AddOne, shape, context, x, *scratch, count);
  status.Update(Launch(AddOne, shape, context, *scratch, y, count));
  return status;
}

TEST_F(DeviceContextTest, GraphOfSeveralLaunchesRunsAgain) {
  const DeviceBuffer x = Floats(1000);
  const auto add_two = [&] {
    return AddTwo(x.view().data<float>(), x.view().data<float>(), 1000,
                  *context_);
  };
  // Scratch memory cannot grow while work is captured.
  ASSERT_TRUE(add_two().ok());
  Write(std::vector<float>(1000, 1.0f), x);

  const auto stream = static_cast<cudaStream_t>(context_->stream());
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
            cudaSuccess);
  EXPECT_TRUE(add_two().ok());
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_THAT(Read(x), Each(1.0f));

  cudaGraphExec_t instance = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&instance, graph, 0), cudaSuccess);
  for (float expected : {3.0f, 5.0f}) {
    ASSERT_EQ(cudaGraphLaunch(instance, stream), cudaSuccess);
    EXPECT_THAT(Read(x), Each(expected));
  }
  EXPECT_EQ(cudaGraphExecDestroy(instance), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

#endif

}  // namespace
}  // namespace tilework
