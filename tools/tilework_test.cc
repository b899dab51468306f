// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/tools/tilework.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/safetensors.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

// A kernel without a device part.
struct PlainArgs {
  ConstTensor x;
  Tensor y;
};
void Declare(const PlainArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "plain", .summary = "Runs on the host alone"});
  v.Input("x", args.x, {.shape = "T", .dtypes = kF32Only, .help = "x"});
  v.Output("y", args.y, {.shape = "T", .dtypes = kF32Only, .help = "y"});
}
absl::Status Validate(const PlainArgs& args) { return CheckArguments(args); }
const Tested<PlainArgs> kPlain({
    .run = [](const PlainArgs& args, HostContext&) { return Validate(args); },
    .expect = [](const PlainArgs&) { return std::vector<ExpectedTensor>(); },
});

// The second column of a matrix that is packed along the first dimension.
struct PackedArgs {
  ConstTensor w;
  Tensor y;
};
void Declare(const PackedArgs& args, SchemaVisitor& v) {
  constexpr DType kTypes[] = {DType::kF4E2M1, DType::kF32};
  v.Kernel({.name = "packed", .summary = "Takes a column of a matrix"});
  v.Input("w", args.w,
          {.shape = "K N", .dtypes = kTypes, .packed_dim = -2, .help = "w"});
  v.Output("y", args.y, {.shape = "K", .dtypes = kF32Only, .help = "y"});
}
absl::Status Validate(const PackedArgs& args) { return CheckArguments(args); }
absl::Status TakeColumn(const PackedArgs& args, HostContext&) {
  for (int64_t k = 0; k < args.w.dim(0); ++k) {
    Write(args.y, {k}, Read(args.w, {k, 1}));
  }
  return absl::OkStatus();
}
std::vector<ExpectedTensor> ColumnExpected(const PackedArgs& args) {
  std::vector<double> column;
  for (int64_t k = 0; k < args.w.dim(0); ++k) {
    column.push_back(Read(args.w, {k, 1}));
  }
  return {{"y", args.y, column, std::vector<double>(column.size())}};
}
const Tested<PackedArgs> kPacked({.run = TakeColumn, .expect = ColumnExpected});

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class TileworkTest : public testing::Test {
 protected:
  int Call(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return TileworkMain(arguments, out_, err_);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  static std::string Path(const std::string& name) {
    return absl::StrCat(testing::TempDir(), "/", name);
  }
  // A file with the tensors, all f32 and of ones.
  static std::string File(const std::vector<std::string>& names,
                          const Dims& shape = {2, 4}) {
    Buffer ones(DType::kF32, shape);
    for (int64_t i = 0; i < shape.Product(); ++i) ones.data<float>()[i] = 1;
    std::vector<NamedTensor> tensors;
    for (const std::string& name : names) {
      tensors.push_back({name, ones.view()});
    }
    const std::string path = Path("in.safetensors");
    EXPECT_EQ(WriteSafetensors(path, tensors), absl::OkStatus());
    return path;
  }
  // One line, with exit code 1.
  void ExpectError(const std::vector<std::string>& arguments,
                   const std::string& message) {
    EXPECT_EQ(Call(arguments), 1);
    EXPECT_THAT(err(), AllOf(StartsWith("tilework: "), HasSubstr(message)));
    const std::string text = err();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  }
  void ExpectUsageError(const std::vector<std::string>& arguments,
                        const std::string& message) {
    EXPECT_EQ(Call(arguments), 2);
    EXPECT_THAT(err(), HasSubstr(message));
  }

 private:
  std::ostringstream out_, err_;
};

TEST_F(TileworkTest, ListAndHelp) {
  EXPECT_EQ(Call({"list"}), 0);
  EXPECT_THAT(out(), HasSubstr("rmsnorm"));
  EXPECT_EQ(Call({"help", "rmsnorm"}), 0);
  EXPECT_THAT(out(), AllOf(HasSubstr("residual_out"), HasSubstr("cast_mode"),
                           HasSubstr("F32, LLAMA"), HasSubstr("1..H")));
  EXPECT_EQ(Call({"help"}), 0);
  EXPECT_THAT(out(), HasSubstr("tilework run KERNEL"));
  EXPECT_EQ(Call({"--help"}), 0);
  EXPECT_EQ(Call({}), 2);
}

TEST_F(TileworkTest, Run) {
  const std::string result = Path("out.safetensors");
  ASSERT_EQ(Call({"run", "rmsnorm", "--in", File({"input"}), "--out", result,
                  "--attr", "eps=3", "--dtype", "output=bf16", "--output",
                  "rstd", "--threads", "1"}),
            0)
      << err();
  const auto file = SafetensorsFile::Open(result);
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(file->tensors().size(), 2u);
  const ConstTensor output = *file->Find("output");
  EXPECT_EQ(output.dtype(), DType::kBF16);
  EXPECT_EQ(output.shape(), Dims({2, 4}));
  EXPECT_EQ(static_cast<float>(*output.data<BFloat16>()), 0.5f);
  const ConstTensor rstd = *file->Find("rstd");
  EXPECT_EQ(rstd.shape(), Dims({2}));
  EXPECT_EQ(*rstd.data<float>(), 0.5f);
}

TEST_F(TileworkTest, RunTransposesWhatIsPacked) {
  // [N, K], as checkpoints have it.
  Buffer w = Buffer::Zeros(DType::kF4E2M1, {2, 4});
  for (int64_t k = 0; k < 4; ++k) {
    Write(w.view(), {1, k}, 0.5 * static_cast<double>(k));
  }
  const std::string in = Path("packed.safetensors");
  const std::string result = Path("column.safetensors");
  ASSERT_EQ(WriteSafetensors(in, {{"w", w.view()}}), absl::OkStatus());
  ASSERT_EQ(Call({"run", "packed", "--in", in, "--out", result}), 0) << err();
  const auto file = SafetensorsFile::Open(result);
  ASSERT_TRUE(file.ok());
  const ConstTensor y = *file->Find("y");
  ASSERT_EQ(y.shape(), Dims({4}));
  EXPECT_EQ(y.data<float>()[3], 1.5f);
  // Arguments that are made up are packed so too.
  EXPECT_EQ(Call({"check", "packed", "--cases", "20"}), 0) << err();
  EXPECT_EQ(Call({"bench", "packed", "--min_seconds", "0.00001", "--case",
                  "w=f4e2m1[7,3] y=f32"}),
            0)
      << err();
}

TEST_F(TileworkTest, RunWithEnumeratorsAndGivenShapes) {
  const std::string result = Path("out.safetensors");
  EXPECT_EQ(Call({"run", "rmsnorm", "--in", File({"input", "gate"}), "--out",
                  result, "--attr=gate_mode=post", "--attr", "cast_mode=LLAMA",
                  "--shape", "output=2,4"}),
            0)
      << err();
}

TEST_F(TileworkTest, RunErrors) {
  const std::string in = File({"input"});
  const std::string out = Path("out.safetensors");
  const std::vector<std::string> good = {"run", "rmsnorm", "--in",
                                         in,    "--out",   out};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = good;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  EXPECT_EQ(Call(good), 0);
  ExpectError({"run", "rmsnorn", "--in", in, "--out", out},
              "there is no kernel \"rmsnorn\"; did you mean rmsnorm?");
  ExpectError({"run", "rmsnorm", "--in", Path("missing"), "--out", out},
              "missing");
  ExpectError({"run", "rmsnorm", "--in", in, "--out", "/nowhere/out"},
              "/nowhere/out");
  ExpectError(with({"--attr", "epsilon=1"}),
              "rmsnorm has no attribute \"epsilon\"; its attributes are: eps");
  ExpectError(with({"--attr", "eps=small"}),
              "rmsnorm: attribute eps is \"small\", expected float");
  ExpectError(with({"--attr", "group_size=0"}),
              "rmsnorm: group_size is 0, expected a divisor of H");
  ExpectError(with({"--attr", "eps=-1"}),
              "rmsnorm: eps is -1, expected >= 0 and finite");
  ExpectError(with({"--attr", "gate_mode=AFTER"}),
              "attribute gate_mode is \"AFTER\", expected NONE, PRE, POST");
  ExpectError(with({"--shape", "output=2,5"}),
              "rmsnorm: output is [2, 5] but H = 4 (from input [2, 4])");
  ExpectError(with({"--shape", "output=2,x"}), "--shape output: shape is");
  ExpectError(with({"--dtype", "output=f17"}),
              "--dtype output: there is no dtype \"f17\"");
  ExpectError(with({"--dtype", "input=bf16"}),
              "rmsnorm: input is f32, whose bytes are no bf16");
  ExpectError(with({"--output", "norm"}),
              "rmsnorm has no tensor \"norm\"; its tensors are: input");
  ExpectError(with({"--output", "residual_out"}),
              "residual_out is given but residual is not given");
  ExpectError(with({"--context", "gpu"}),
              "--context is \"gpu\", expected host or device");
  ExpectError({"run", "plain", "--in", in, "--out", out, "--context", "device"},
              "plain has no device part");
  ExpectError({"run", "rmsnorm", "--in", File({"gamma"}), "--out", out},
              "rmsnorm: input is missing, expected [..., H]");
  ExpectError(
      {"run", "rmsnorm", "--in", File({"input", "weight"}), "--out", out},
      "rmsnorm has no tensor \"weight\"");
}

// Tests whether the device's commands say why there is no device.
class TileworkDeviceTest : public TileworkTest {
 protected:
  void SetUp() override {
    const auto context = DeviceContext::Create();
    if (context.ok()) {
      emulated_ = (*context)->properties().emulated;
      return;
    }
    const std::string message(context.status().message());
    ExpectError({"check", "scale", "--context", "device"}, message);
    ExpectError({"bench", "scale", "--context", "device"}, message);
    GTEST_SKIP() << context.status();
  }
  bool emulated() const { return emulated_; }

 private:
  bool emulated_ = false;
};

TEST_F(TileworkDeviceTest, Run) {
  const std::string result = Path("out.safetensors");
  ASSERT_EQ(Call({"run", "scale", "--in", File({"x"}), "--out", result,
                  "--attr", "factor=3", "--context", "device"}),
            0)
      << err();
  const auto file = SafetensorsFile::Open(result);
  ASSERT_TRUE(file.ok());
  const ConstTensor y = *file->Find("y");
  EXPECT_EQ(y.shape(), Dims({2, 4}));
  EXPECT_EQ(y.data<float>()[7], 3.0f);
}

TEST_F(TileworkDeviceTest, Check) {
  EXPECT_EQ(Call({"check", "scale", "--cases", "5", "--context", "device"}), 0)
      << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("scale"), HasSubstr("agrees")));
  ExpectError({"check", "plain", "--context", "device"},
              "plain has no device part");
  ExpectError({"check", "--context", "gpu"},
              "--context is \"gpu\", expected host or device");
}

TEST_F(TileworkDeviceTest, Bench) {
  const std::string json = Path("bench.json");
  EXPECT_EQ(Call({"bench", "scale", "--context", "device", "--json", json,
                  "--min_seconds", "0.001"}),
            0)
      << err();
  std::ostringstream text;
  text << std::ifstream(json).rdbuf();
  if (emulated()) {
    EXPECT_THAT(out(), AllOf(HasSubstr("emulated: works"),
                             HasSubstr("emulated: too large to be run"),
                             Not(HasSubstr("%"))));
    EXPECT_THAT(text.str(), AllOf(HasSubstr("emulated: works"),
                                  Not(HasSubstr("bytes_per_second"))));
  } else {
    EXPECT_THAT(out(), AllOf(HasSubstr("scale: large"), HasSubstr("of a copy"),
                             HasSubstr("%")));
    EXPECT_THAT(text.str(), AllOf(HasSubstr("bytes_per_second"),
                                  HasSubstr("percent_of_copy")));
  }
  ExpectError({"bench", "plain", "--context", "device"},
              "plain has no device part");
  ExpectError({"bench", "scale", "--context", "device", "--case", "x=f32[3]"},
              "scale: x is [3], expected [T, H]");
}

TEST_F(TileworkDeviceTest, ListHelpAndDoctor) {
  EXPECT_EQ(Call({"list"}), 0);
  EXPECT_THAT(out(), AllOf(ContainsRegex("scale +yes +yes"),
                           ContainsRegex("plain +yes +no")));
  EXPECT_EQ(Call({"help", "scale"}), 0);
  EXPECT_THAT(out(), HasSubstr("Runs on the host and on the device."));
  EXPECT_EQ(Call({"help", "plain"}), 0);
  EXPECT_THAT(out(), HasSubstr("Runs on the host.\n"));
  EXPECT_EQ(Call({"doctor"}), 0);
  EXPECT_THAT(out(), ContainsRegex(emulated() ? "scale .* emulated\n"
                                              : "scale .* sm_90a\n"));
  EXPECT_THAT(out(), ContainsRegex("plain .* none\n"));
}

TEST_F(TileworkTest, CorruptFiles) {
  const std::string path = Path("corrupt.safetensors");
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string(64, '\xFF'),
        std::string("\x02\0\0\0\0\0\0\0{]", 10)}) {
    std::ofstream(path, std::ios::binary) << bytes;
    ExpectError({"run", "rmsnorm", "--in", path, "--out", Path("o")}, "");
  }
}

TEST_F(TileworkTest, UsageErrors) {
  ExpectUsageError({"dance"}, "there is no command \"dance\"");
  ExpectUsageError({"run"}, "run needs one kernel");
  ExpectUsageError({"run", "rmsnorm"}, "run needs --in and --out");
  ExpectUsageError({"run", "rmsnorm", "--in"}, "--in needs a value");
  ExpectUsageError({"run", "rmsnorm", "--in", "a", "--out", "b", "--attr", "x"},
                   "--attr is \"x\", expected NAME=VALUE");
  ExpectUsageError({"check", "--cases", "many"},
                   "--cases is \"many\", expected a number >= 0");
  ExpectUsageError({"check", "--seconds", "1"}, "check has no flag --seconds");
  ExpectUsageError({"list", "all"}, "list takes 0 arguments, not 1");
}

TEST_F(TileworkTest, Check) {
  EXPECT_EQ(Call({"check", "rmsnorm", "--cases", "5"}), 0);
  EXPECT_THAT(out(), AllOf(HasSubstr("rmsnorm"), HasSubstr("agrees")));
  ExpectError({"check", "nothing"}, "there is no kernel \"nothing\"");
}

TEST_F(TileworkTest, BenchWritesJson) {
  const std::string json = Path("bench.json");
  EXPECT_EQ(
      Call({"bench", "rmsnorm", "--json", json, "--min_seconds", "0.00001"}), 0)
      << err();
  EXPECT_THAT(out(), HasSubstr("rmsnorm: Llama-3 8B decode"));
  std::ostringstream text;
  text << std::ifstream(json).rdbuf();
  EXPECT_THAT(text.str(), AllOf(HasSubstr("bytes_per_second"),
                                HasSubstr("items_per_second"),
                                HasSubstr("percent_of_limit")));
  EXPECT_EQ(Call({"bench", "rmsnorm", "--min_seconds", "0.00001", "--case",
                  "input=f32[3,5] output=f16 eps=0.5"}),
            0);
  EXPECT_THAT(out(), HasSubstr("input=f32[3,5] output=f16 eps=0.5"));
  ExpectError({"bench", "rmsnorm", "--case", "input=f32[3,5] output=f16 e=1"},
              "rmsnorm has no attribute \"e\"");
  ExpectUsageError({"bench", "--case", "input=f32[3,5]"},
                   "--case needs one kernel");
  ExpectError({"bench", "rmsnorm", "--json", "/nowhere/b.json"},
              "cannot write /nowhere/b.json");
}

TEST_F(TileworkTest, Doctor) {
  EXPECT_EQ(Call({"doctor"}), 0);
  EXPECT_THAT(out(), AllOf(HasSubstr("SIMD targets"), HasSubstr("GB/s"),
                           HasSubstr("GPU"), HasSubstr("rmsnorm")));
}

}  // namespace
}  // namespace tilework
