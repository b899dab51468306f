// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Domains, attributes, declarations and what visitors make of them.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/attribute_text.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/schema/kernel_description.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNaN = std::nan("");

TEST(DomainTest, Contains) {
  EXPECT_TRUE(Domain().Contains(kNaN));
  const Domain at_least = Domain::AtLeast(0);
  EXPECT_TRUE(at_least.Contains(0));
  EXPECT_TRUE(at_least.Contains(kInfinity));
  EXPECT_FALSE(at_least.Contains(-1e-9));
  EXPECT_FALSE(at_least.Contains(kNaN));
  EXPECT_TRUE(Domain::NotNaN().Contains(-kInfinity));
  EXPECT_FALSE(Domain::NotNaN().Contains(kNaN));
  EXPECT_EQ(Domain::NotNaN().ToString(), "a number");
  EXPECT_FALSE(Domain::FiniteAtLeast(0).Contains(kInfinity));
  EXPECT_FALSE(Domain::FiniteAbove(0).Contains(0));
  EXPECT_TRUE(Domain::FiniteAbove(0).Contains(1e-30));
  EXPECT_FALSE(Domain::FiniteAbove(0).Contains(kNaN));
  EXPECT_TRUE(Domain::FiniteAbove(0).OrNaN().Contains(kNaN));
  EXPECT_TRUE(Domain::Between(1, 8).Contains(8));
  EXPECT_FALSE(Domain::Between(1, 8).Contains(9));
  EXPECT_TRUE(Domain::AboveUpTo(0, 1).Contains(1));
  EXPECT_FALSE(Domain::AboveUpTo(0, 1).Contains(0));
  EXPECT_TRUE(Domain::FromBelow(0, 1).Contains(0));
  EXPECT_FALSE(Domain::FromBelow(0, 1).Contains(1));
  EXPECT_TRUE(Domain::EvenBetween(2, 8).Contains(6));
  EXPECT_FALSE(Domain::EvenBetween(2, 8).Contains(5));
  for (const int64_t divisor : {1, 2, 3, 4, 6, 12}) {
    EXPECT_TRUE(Domain::DivisorOf(12).Contains(static_cast<double>(divisor)));
  }
  for (const int64_t other : {-3, 0, 5, 24}) {
    EXPECT_FALSE(Domain::DivisorOf(12).Contains(static_cast<double>(other)));
  }
  EXPECT_TRUE(Domain::Either(0, 1).Contains(1));
  EXPECT_FALSE(Domain::Either(0, 1).Contains(0.5));
}

TEST(DomainTest, RangesHoldTheSameNumbers) {
  for (const Domain& domain :
       {Domain(), Domain::AtLeast(0), Domain::FiniteAtLeast(0),
        Domain::FiniteAbove(0), Domain::Between(1, 8), Domain::AboveUpTo(0, 1),
        Domain::FromBelow(0, 1)}) {
    const auto range = domain.range();
    ASSERT_TRUE(range.has_value()) << domain.ToString();
    for (const double value : {-kInfinity, -1e-300, 0.0, 5e-324, 1e-30, 0.5,
                               1.0, 8.0, 8.5, 1e300, kInfinity}) {
      EXPECT_EQ(value >= range->least && value <= range->greatest,
                domain.Contains(value))
          << value << " " << domain.ToString();
    }
  }
  EXPECT_FALSE(Domain::EvenBetween(2, 8).range().has_value());
  EXPECT_FALSE(Domain::Either(0, 1).range().has_value());
}

constexpr Enumerator kModes[] = {{0, "FAST"}, {2, "SAFE"}, {5, "BOTH"}};

TEST(DomainTest, Words) {
  EXPECT_EQ(Domain().ToString(), "");
  EXPECT_EQ(Domain::AtLeast(0).ToString(), ">= 0");
  EXPECT_EQ(Domain::FiniteAtLeast(0).ToString(), ">= 0 and finite");
  EXPECT_EQ(Domain::FiniteAbove(0).OrNaN().ToString(),
            "> 0 and finite, or NaN");
  const Domain between = Domain::Between(1, {int64_t{8}, "H"});
  EXPECT_EQ(between.ToString(), "1..8");
  EXPECT_EQ(between.ToFormula(), "1..H");
  EXPECT_EQ(Domain::Between(7, 7).ToString(), "7");
  EXPECT_EQ(Domain::Between(-1, 123456789).ToString(), "-1..123456789");
  EXPECT_EQ(Domain::AboveUpTo(0, 1).ToString(), "in (0, 1]");
  EXPECT_EQ(Domain::FromBelow(0, 1).ToString(), "in [0, 1)");
  EXPECT_EQ(Domain::EvenBetween(2, {int64_t{6}, "D"}).ToFormula(),
            "an even number in 2..D");
  const Domain divisor = Domain::DivisorOf({int64_t{8}, "H"});
  EXPECT_EQ(divisor.ToString(), "a divisor of H = 8");
  EXPECT_EQ(divisor.ToFormula(), "a divisor of H");
  EXPECT_EQ(Domain::Either(0, 1).ToString(), "0 or 1");
  EXPECT_EQ(Domain::OneOf(kModes).ToString(), "0 (FAST), 2 (SAFE) or 5 (BOTH)");
  EXPECT_EQ(Domain::OneOf(kModes).ToFormula(), "FAST, SAFE, BOTH");
}

TEST(DomainTest, ExamplesAreInsideAndOutside) {
  for (const Domain& domain :
       {Domain::AtLeast(0), Domain::FiniteAbove(0), Domain::Between(1, 8),
        Domain::AboveUpTo(0, 1), Domain::FromBelow(0, 1),
        Domain::EvenBetween(2, 8), Domain::DivisorOf(12), Domain::Either(0, 1),
        Domain::OneOf(kModes)}) {
    for (const bool whole : {true, false}) {
      const Domain::Examples examples = domain.MakeExamples(whole);
      EXPECT_GT(examples.num_inside, 0) << domain.ToString();
      EXPECT_GT(examples.num_outside, 0) << domain.ToString();
      for (int i = 0; i < examples.num_inside; ++i) {
        EXPECT_TRUE(domain.Contains(examples.inside[static_cast<size_t>(i)]));
      }
      for (int i = 0; i < examples.num_outside; ++i) {
        EXPECT_FALSE(domain.Contains(examples.outside[static_cast<size_t>(i)]));
      }
    }
  }
}

enum class Mode : uint8_t { kFast = 0, kSafe = 2 };

TEST(AttributeTextTest, Values) {
  const Mode mode = Mode::kSafe;
  const std::optional<int64_t> absent;
  const std::array<int64_t, 3> list = {1, 2, 3};
  const AttributeSpec modes = {.domain = Domain::OneOf(kModes)};
  EXPECT_EQ(AttributeText(AttributeField(mode).get(), modes), "SAFE");
  EXPECT_EQ(AttributeText(AttributeField(absent).get(), {}), "");
  EXPECT_EQ(AttributeText(AttributeField(list).get(), {}), "[1, 2, 3]");
  EXPECT_EQ(AttributeNumber(1e-6), "1e-06");
  EXPECT_EQ(AttributeNumber(true), "true");
  EXPECT_EQ(AttributeNumber(DType::kBF16), "bf16");
}

template <typename T>
std::string Parsed(T member, const std::string& text,
                   const AttributeSpec& spec = {}) {
  const AttributeField field(member);
  const auto value = ParseAttribute("a", text, field, spec);
  if (!value.ok()) return std::string(value.status().message());
  field.set(*value);
  return AttributeText(field.get(), spec);
}

TEST(AttributeTextTest, Parsing) {
  const AttributeSpec modes = {.domain = Domain::OneOf(kModes)};
  EXPECT_EQ(Parsed(Mode::kFast, "safe", modes), "SAFE");
  EXPECT_EQ(Parsed(Mode::kFast, "2", modes), "SAFE");
  EXPECT_EQ(Parsed(Mode::kFast, "slow", modes),
            "attribute a is \"slow\", expected FAST, SAFE, BOTH");
  EXPECT_EQ(Parsed(false, "true"), "true");
  EXPECT_EQ(Parsed(false, "maybe"), "attribute a is \"maybe\", expected bool");
  EXPECT_EQ(Parsed(int64_t{0}, "-3"), "-3");
  EXPECT_EQ(Parsed(int64_t{0}, "3.5"), "attribute a is \"3.5\", expected int");
  EXPECT_EQ(Parsed(uint64_t{0}, "18446744073709551615"),
            "18446744073709551615");
  EXPECT_EQ(Parsed(0.0f, "0.25"), "0.25");
  EXPECT_EQ(Parsed(std::optional<double>(), "2e3"), "2000");
  EXPECT_EQ(Parsed(DType::kF32, "bf16"), "bf16");
  EXPECT_EQ(Parsed(DType::kF32, "f17"),
            "attribute a is \"f17\", expected dtype");
  using List = std::array<int64_t, 3>;
  EXPECT_EQ(Parsed(List(), "16,24,24"), "[16, 24, 24]");
  EXPECT_EQ(Parsed(List(), "16,24"),
            "attribute a is \"16,24\", expected int[3]");
  EXPECT_EQ(Parsed(std::optional<List>(), "1,2,3"), "[1, 2, 3]");
}

// Everything that a declaration may have.
struct NormOptions {
  float eps = 1;
};
struct ToyArgs {
  ConstTensor q;
  ConstTensor k;
  ConstTensor index;
  ConstTensor bias;
  Tensor out;
  Tensor sum;
  Mode mode = Mode::kFast;
  std::optional<int64_t> group;
  std::optional<NormOptions> norm;
};

void Declare(const ToyArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "toy", .summary = "Does something", .rows = "B"});
  v.Symbol("D", Domain::AtLeast(2));
  v.Multiple("Hq", "Hk");
  v.NotLess("P", "B");
  v.Input("q", args.q,
          {.shape = "B? Hq D", .dtypes = kFloatTypes, .help = "queries"});
  v.Input("k", args.k, {.shape = "P Hk D", .dtypes = SameAs(args.q, "as q")});
  v.Input("index", args.index,
          {.shape = "B",
           .dtypes = kIndexTypes,
           .presence = Optional(),
           .values = {.domain = Domain::Between(0, {v["P"] - 1, "P - 1"}),
                      .checked = true}});
  v.Attribute("mode", args.mode,
              {.domain = Domain::OneOf(kModes), .help = "how"});
  v.Attribute("group", args.group,
              {.domain = Domain::DivisorOf({v["D"], "D"}), .absent = "D"});
  v.Group<NormOptions>(
      "norm", args.norm, "whether to normalize", [&](const NormOptions& norm) {
        v.Attribute("norm.eps", norm.eps, {.domain = Domain::FiniteAtLeast(0)});
      });
  v.Bind("D/G", "D / group",
         [&] { return v["D"] / args.group.value_or(v["D"]); });
  v.Input("bias", args.bias,
          {.shape = {{"D/G", "mode = FAST", args.mode == Mode::kFast},
                     {"Hq D/G", "mode = SAFE", args.mode == Mode::kSafe}},
           .dtypes = kF32Only,
           .presence = OptionalUnless(args.index.present(), "index is given")});
  v.Output("out", args.out,
           {.shape = "B? Hq D",
            .dtypes = SameAsOr(args.q, DType::kF32, "as q, or f32"),
            .may_be = {"q"}});
  v.Output("sum", args.sum,
           {.shape = "1", .dtypes = kF32Only, .presence = Optional()});
  v.Rule("Hq is not 7", [&](ArgumentChecker& check) {
    check.Require(check["Hq"] != 7, "Hq is 7");
  });
}

absl::Status Validate(const ToyArgs& args) { return CheckArguments(args); }

class CheckArgumentsTest : public testing::Test {
 protected:
  std::string Message() const { return std::string(Validate(args_).message()); }

  Buffer q_ = Buffer::Zeros(DType::kF32, {2, 6, 4});
  Buffer k_ = Buffer::Zeros(DType::kF32, {3, 2, 4});
  Buffer out_ = Buffer::Zeros(DType::kF32, {2, 6, 4});
  Buffer index_ = Buffer::Zeros(DType::kI32, {2});
  Buffer bias_ = Buffer::Zeros(DType::kF32, {8, 4});
  ToyArgs args_ = {.q = q_.view(), .k = k_.view(), .out = out_.view()};
};

TEST_F(CheckArgumentsTest, NoFault) {
  EXPECT_EQ(Validate(args_), absl::OkStatus());
  args_.index = index_.view();
  args_.out = q_.view();
  args_.norm.emplace();
  EXPECT_EQ(Validate(args_), absl::OkStatus());
}

TEST_F(CheckArgumentsTest, WithoutTheFirstDimension) {
  args_.q = q_.view().Select(0, 0);
  args_.out = out_.view().Select(0, 1);
  EXPECT_EQ(Validate(args_), absl::OkStatus());
  args_.out = out_.view();
  EXPECT_EQ(Message(), "toy: out is [2, 6, 4] but B = 1 (from q [6, 4])");
}

TEST_F(CheckArgumentsTest, Sizes) {
  args_.q = q_.view().Slice(2, 0, 1);
  EXPECT_EQ(Message(), "toy: q is [2, 6, 1]: D = 1, expected >= 2");
  args_.q = q_.view().Slice(1, 0, 5);
  args_.out = out_.view().Slice(1, 0, 5);
  EXPECT_EQ(Message(),
            "toy: Hq = 5 (from q [2, 5, 4]) is not a multiple of Hk = 2 (from "
            "k [3, 2, 4])");
  args_ = {.q = q_.view(), .k = k_.view().Slice(0, 0, 1), .out = out_.view()};
  EXPECT_EQ(Message(),
            "toy: P = 1 (from k [1, 2, 4]) is less than B = 2 (from q [2, 6, "
            "4])");
}

TEST_F(CheckArgumentsTest, Values) {
  args_.index = index_.view();
  index_.data<int32_t>()[1] = 3;
  EXPECT_EQ(Message(), "toy: index[1] is 3, expected 0..2");
}

TEST_F(CheckArgumentsTest, Attributes) {
  args_.mode = static_cast<Mode>(1);
  EXPECT_EQ(Message(),
            "toy: mode is 1, expected 0 (FAST), 2 (SAFE) or 5 (BOTH)");
  args_.mode = Mode::kFast;
  args_.group = 3;
  EXPECT_EQ(Message(), "toy: group is 3, expected a divisor of D = 4");
  args_.group.reset();
  args_.norm = {.eps = -1};
  EXPECT_EQ(Message(), "toy: norm.eps is -1, expected >= 0 and finite");
}

TEST_F(CheckArgumentsTest, PresenceAndCases) {
  args_.group = 2;
  args_.bias = bias_.view().Select(0, 0).Slice(0, 0, 2);
  EXPECT_EQ(Validate(args_), absl::OkStatus());
  args_.mode = Mode::kSafe;
  EXPECT_EQ(Message(), "toy: bias is [2], expected [Hq, D/G]");
  args_.bias = bias_.view().Slice(0, 0, 6);
  EXPECT_EQ(Message(), "toy: bias is [6, 4] but D/G = 2 (from D / group)");
  args_.index = index_.view();
  EXPECT_EQ(Message(), "toy: bias is given but index is given");
  args_.k = ConstTensor();
  EXPECT_EQ(Message(), "toy: k is missing, expected [P, Hk, D]");
}

TEST_F(CheckArgumentsTest, TypesOfOtherTensors) {
  Buffer half = Buffer::Zeros(DType::kBF16, {3, 2, 4});
  args_.k = half.view();
  EXPECT_EQ(Message(), "toy: k has dtype bf16, expected f32");
}

TEST_F(CheckArgumentsTest, Overlaps) {
  args_.out = k_.view().Reshape({1, 6, 4});
  args_.q = q_.view().Slice(0, 0, 1);
  EXPECT_EQ(Message(), "toy: out overlaps k");
  args_.out = Tensor(q_.data<float>() + 4, DType::kF32, {1, 6, 4});
  EXPECT_EQ(Message(), "toy: out overlaps q without being the same view");
  args_.out = out_.view().Slice(0, 0, 1);
  args_.sum = Tensor(out_.data<float>() + 3, DType::kF32, {1});
  EXPECT_EQ(Message(), "toy: sum overlaps out");
}

TEST_F(CheckArgumentsTest, Rules) {
  Buffer q = Buffer::Zeros(DType::kF32, {7, 4});
  Buffer out = Buffer::Zeros(DType::kF32, {7, 4});
  args_.q = q.view();
  args_.out = out.view();
  args_.k = k_.view().Slice(1, 0, 1);
  EXPECT_EQ(Message(), "toy: Hq is 7");
}

// A tensor in device memory, which the host cannot read.
Tensor OnDevice(uintptr_t address, DType dtype, const Dims& shape) {
  return Tensor(reinterpret_cast<void*>(address), dtype, shape,
                ContiguousStrides(shape), MemorySpace::kDevice);
}

TEST_F(CheckArgumentsTest, DeviceMemory) {
  args_ = {.q = OnDevice(0x100, DType::kF32, {2, 6, 4}),
           .k = OnDevice(0x400, DType::kF32, {3, 2, 4}),
           // Its values are checked on the host alone.
           .index = OnDevice(0x600, DType::kI32, {2}),
           .out = OnDevice(0x800, DType::kF32, {2, 6, 4})};
  const auto message = [&] {
    return std::string(CheckArguments(args_, MemorySpace::kDevice).message());
  };
  EXPECT_EQ(message(), "");
  EXPECT_EQ(Message(),
            "toy: q is in device memory but the context is a host context");
  args_.out = OnDevice(0x104, DType::kF32, {2, 6, 4});
  EXPECT_EQ(message(), "toy: out overlaps q without being the same view");
  args_.out = out_.view();
  EXPECT_EQ(message(),
            "toy: out is in host memory but the context is a device context");
}

TEST(DescribeKernelTest, Words) {
  const KernelDescription kernel = DescribeKernel<ToyArgs>();
  EXPECT_EQ(kernel.name, "toy");
  EXPECT_EQ(kernel.summary, "Does something");
  ASSERT_EQ(kernel.tensors.size(), 6u);
  const TensorDescription& q = kernel.tensors[0];
  EXPECT_EQ(q.name, "q");
  EXPECT_EQ(q.shape, "[B, Hq, D] or [Hq, D]");
  EXPECT_EQ(q.dtypes, "f32, bf16, f16");
  EXPECT_EQ(q.presence, "");
  EXPECT_EQ(q.help, "queries");
  EXPECT_EQ(kernel.tensors[1].dtypes, "as q");
  EXPECT_EQ(kernel.tensors[2].presence, "optional");
  EXPECT_EQ(kernel.tensors[2].values, "0..P - 1");
  const TensorDescription& bias = kernel.tensors[3];
  EXPECT_EQ(bias.shape, "[D/G] if mode = FAST; [Hq, D/G] if mode = SAFE");
  EXPECT_EQ(bias.presence, "optional, not if index is given");
  EXPECT_EQ(kernel.tensors[4].may_be, "q");
  ASSERT_EQ(kernel.attributes.size(), 4u);
  EXPECT_EQ(kernel.attributes[0].type, "enum");
  EXPECT_EQ(kernel.attributes[0].default_value, "FAST");
  EXPECT_EQ(kernel.attributes[0].allowed, "FAST, SAFE, BOTH");
  EXPECT_EQ(kernel.attributes[1].default_value, "D");
  EXPECT_EQ(kernel.attributes[2].default_value, "false");
  EXPECT_EQ(kernel.attributes[3].name, "norm.eps");
  EXPECT_THAT(kernel.rules,
              ElementsAre("D is >= 2", "Hq is a multiple of Hk", "P >= B",
                          "D/G = D / group", "Hq is not 7"));
}

// An attribute that is a size, and a quotient of related sizes.
struct HeadsArgs {
  ConstTensor x;
  std::optional<int64_t> heads;
};

void Declare(const HeadsArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "toy"});
  v.Attribute("heads", args.heads,
              {.domain = Domain::AtLeast(1), .absent = "1", .symbol = "N"});
  v.Multiple("I", "N");
  v.Input("x", args.x, {.shape = "I", .dtypes = kF32Only});
  v.Bind("D", "I / N", [&] { return v["I"] / std::max<int64_t>(1, v["N"]); });
}

TEST(AttributeSymbolTest, IsASize) {
  const Buffer x(DType::kF32, {6});
  const auto message = [&](std::optional<int64_t> heads) {
    return std::string(
        CheckArguments(HeadsArgs{.x = x.view(), .heads = heads}).message());
  };
  EXPECT_EQ(message(std::nullopt), "");
  EXPECT_EQ(message(3), "");
  EXPECT_EQ(message(0), "toy: heads is 0, expected >= 1");
  EXPECT_EQ(message(4),
            "toy: I = 6 (from x [6]) is not a multiple of N = 4 (from heads)");
  EXPECT_THAT(DescribeKernel<HeadsArgs>().rules,
              ElementsAre("N = heads", "I is a multiple of N", "D = I / N"));
}

// An attribute that another one requires, excludes or allows.
struct FactorArgs {
  Mode mode = Mode::kFast;
  std::optional<double> factor;
};

void Declare(const FactorArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "toy"});
  v.RowsDepend(args.mode == Mode::kSafe, "mode is SAFE");
  v.Attribute("mode", args.mode, {.domain = Domain::OneOf(kModes)});
  Presence presence = OptionalUnless(args.mode == Mode::kFast, "mode is FAST");
  if (args.mode == Mode::kSafe) presence = OptionalOrIf(true, "mode is SAFE");
  v.Attribute("factor", args.factor,
              {.domain = Domain::AtLeast(1), .presence = presence});
}

TEST(AttributePresenceTest, RequiredAndForbidden) {
  const auto message = [](const FactorArgs& args) {
    return std::string(CheckArguments(args).message());
  };
  EXPECT_EQ(message({}), "");
  EXPECT_EQ(message({.factor = 2}), "toy: factor is given but mode is FAST");
  EXPECT_EQ(message({.mode = Mode::kSafe}),
            "toy: factor is missing but mode is SAFE");
  EXPECT_EQ(message({.mode = Mode::kSafe, .factor = 2}), "");
  EXPECT_EQ(message({.mode = Mode::kSafe, .factor = 0}),
            "toy: factor is 0, expected >= 1");
  const KernelDescription kernel = DescribeKernel<FactorArgs>();
  EXPECT_EQ(kernel.attributes[1].allowed, ">= 1; not if mode is FAST");
  EXPECT_THAT(kernel.rules,
              ElementsAre("rows depend on each other if mode is SAFE"));
}

TEST(CallReportTest, NamesKernelTensorsAndFigures) {
  Buffer q = Buffer::Zeros(DType::kF32, {2, 6, 4});
  Buffer k = Buffer::Zeros(DType::kF32, {3, 2, 4});
  Buffer out = Buffer::Zeros(DType::kF32, {2, 6, 4});
  const ToyArgs args = {.q = q.view(), .k = k.view(), .out = out.view()};
  HostContext context(1);
  const std::string line = CallReport(
      [&](SchemaVisitor& visitor) { Declare(args, visitor); }, context, 1e-3);
  EXPECT_THAT(line, HasSubstr("toy q=f32[2, 6, 4] k=f32[3, 2, 4] "
                              "out=f32[2, 6, 4]: "));
  EXPECT_THAT(line, HasSubstr(", 1 threads, 0.00 MB, 1.000 ms, 0.0 GB/s, 0% "
                              "of copy"));
}

}  // namespace
}  // namespace tilework
