// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The kit finds what it is there to find: kernels with one fault each.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/argument_maker.h"
#include "tilework/testing/kernel_kit.h"
#include "tilework/testing/kernel_place.h"
#include "tilework/testing/random.h"
#include "tilework/testing/scale_kernel.h"
#include "tilework/testing/tensors.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

using testing::HasSubstr;

using Bug = ScaleBug;

template <Bug kBug>
absl::Status Scale(const ScaleArgs& args, HostContext& context) {
  if constexpr (kBug == Bug::kWritesBeforeChecking) {
    if (args.y.present() && args.y.data() != nullptr) {
      *static_cast<unsigned char*>(args.y.data()) = 0;
    }
  }
  if constexpr (kBug != Bug::kChecksNothing) {
    if (absl::Status status = Validate(args); !status.ok()) return status;
  } else if (!Validate(args).ok()) {
    return absl::OkStatus();
  }
  const int64_t size = args.x.NumElements();
  double factor = static_cast<double>(args.factor);
  if constexpr (kBug == Bug::kDependsOnThreads) {
    factor += 1e-7 * context.num_threads();
  }
  if constexpr (kBug == Bug::kDependsOnRows) {
    factor += 1e-7 * static_cast<double>(args.x.dim(0));
  }
  int64_t done = 0;
  ForEachIndex(args.x.shape(), [&](const Dims& index) {
    const bool is_last = ++done == size;
    if (kBug == Bug::kForgetsTheLast && is_last) return;
    const bool is_wrong = kBug == Bug::kWrongValue && is_last;
    Write(args.y, index, factor * Read(args.x, index) + (is_wrong ? 1 : 0));
  });
  if constexpr (kBug == Bug::kWritesBehind) {
    if (size > 0 && args.y.IsContiguous()) args.y.data<float>()[size] = 0;
  }
  if constexpr (kBug == Bug::kWritesItsInput) {
    if (size > 0) *const_cast<float*>(args.x.data<float>()) += 1;
  }
  if constexpr (kBug == Bug::kGrowsScratch) {
    static int64_t bytes = 1 << 20;
    ScratchScope scratch(context.arena());
    scratch.Allocate<float>(bytes *= 2);
  }
  return absl::OkStatus();
}

template <Bug kBug>
const TestedKernel& Kernel() {
  static const Tested<ScaleArgs> kernel(
      {.run = Scale<kBug>, .expect = ScaleExpected});
  return kernel;
}

// The first failure in some cases of `check`.
template <typename Check>
std::string FirstFailure(const Check& check) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    if (std::string failure = check(seed); !failure.empty()) return failure;
  }
  return "";
}

template <Bug kBug>
std::string Conformance() {
  HostContext context(2);
  HostPlace place(context);
  return FirstFailure([&](uint64_t seed) {
    return CheckConformance(Kernel<kBug>(), seed, place).failure;
  });
}
template <Bug kBug>
std::string Faults() {
  HostContext context(2);
  HostPlace place(context);
  return FirstFailure(
      [&](uint64_t seed) { return CheckFault(Kernel<kBug>(), seed, place); });
}

TEST(KernelKitSelfTest, AGoodKernelPasses) {
  HostContext context(2);
  HostPlace place(context);
  EXPECT_EQ(Conformance<Bug::kNone>(), "");
  EXPECT_EQ(Faults<Bug::kNone>(), "");
  EXPECT_EQ(FirstFailure([&](uint64_t seed) {
              return CheckThreads(Kernel<Bug::kNone>(), seed);
            }),
            "");
  EXPECT_EQ(FirstFailure([&](uint64_t seed) {
              return CheckRows(Kernel<Bug::kNone>(), seed, place);
            }),
            "");
}

TEST(KernelKitSelfTest, WrongResults) {
  EXPECT_THAT(Conformance<Bug::kWrongValue>(),
              HasSubstr("elements are beyond their bound"));
  EXPECT_THAT(Conformance<Bug::kForgetsTheLast>(),
              HasSubstr("elements are beyond their bound"));
}

TEST(KernelKitSelfTest, WritesThatAreNotAllowed) {
  EXPECT_THAT(Conformance<Bug::kWritesBehind>(), HasSubstr("was written (y)"));
  EXPECT_THAT(Conformance<Bug::kWritesItsInput>(),
              HasSubstr("the input x was written"));
}

TEST(KernelKitSelfTest, ScratchThatGrows) {
  EXPECT_THAT(Conformance<Bug::kGrowsScratch>(),
              HasSubstr("a second call takes more scratch memory"));
}

TEST(KernelKitSelfTest, OtherBits) {
  HostContext context(2);
  HostPlace place(context);
  EXPECT_THAT(FirstFailure([&](uint64_t seed) {
                return CheckThreads(Kernel<Bug::kDependsOnThreads>(), seed);
              }),
              HasSubstr("other bits for another number of threads"));
  EXPECT_THAT(FirstFailure([&](uint64_t seed) {
                return CheckRows(Kernel<Bug::kDependsOnRows>(), seed, place);
              }),
              HasSubstr("alone: "));
}

TEST(KernelKitSelfTest, FaultyArguments) {
  EXPECT_THAT(Faults<Bug::kChecksNothing>(), HasSubstr("but the kernel OK"));
  EXPECT_THAT(Faults<Bug::kWritesBeforeChecking>(),
              HasSubstr("an output was written"));
}

TEST(KernelKitSelfTest, MakesEveryKindOfArguments) {
  Random random(1);
  bool strided = false, in_place = false, empty = false, large = false;
  for (int i = 0; i < 500; ++i) {
    const MadeArguments made = MakeArguments(Kernel<Bug::kNone>(), random);
    ASSERT_EQ(made.tensors.size(), 2u);
    const Tensor& x = made.tensors[0].view;
    strided |= !x.IsContiguous();
    in_place |= made.tensors[1].memory == nullptr;
    empty |= x.NumElements() == 0;
    large |= x.NumElements() > 1000;
  }
  EXPECT_TRUE(strided);
  EXPECT_TRUE(in_place);
  EXPECT_TRUE(empty);
  EXPECT_TRUE(large);
}

}  // namespace
}  // namespace tilework
