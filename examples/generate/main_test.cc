// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The program's command line.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/examples/generate/subprocess.h"

namespace tilework {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Result {
  int exit_code;
  std::string out;
  std::string err;
};

Result RunGenerate(std::vector<std::string> flags,
                   std::vector<std::string> environment = {}) {
  const std::string out = testing::TempDir() + "/main_out";
  const std::string err = testing::TempDir() + "/main_err";
  std::filesystem::remove(out);
  std::filesystem::remove(err);
  // Tests run in the folder above the packages.
  flags.insert(flags.begin(), "examples/generate/generate");
  const absl::StatusOr<int> exit_code =
      RunSubprocess({.arguments = flags,
                     .environment = environment,
                     .stdout_path = out,
                     .stderr_path = err});
  EXPECT_TRUE(exit_code.ok()) << exit_code.status();
  return {exit_code.value_or(-1), ReadFile(out), ReadFile(err)};
}

TEST(MainTest, GeneratesText) {
  const std::vector<std::string> flags = {"--random-weights", "--prompt",
                                          "Hello", "--tokens=6", "--seed=1"};
  const Result result = RunGenerate(flags);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("Hello"));
  EXPECT_THAT(result.err, HasSubstr("prompt: 5 tokens, "));
  EXPECT_THAT(result.err, HasSubstr("decode: 5 tokens, "));
}

TEST(MainTest, FlagsWithDashesOrUnderscores) {
  const std::string dump = testing::TempDir() + "/main_dump";
  for (const std::string dash : {"-", "_"}) {
    std::filesystem::remove(dump);
    const Result result = RunGenerate(
        {"--random" + dash + "weights", "--prompt", "--top-k", "--tokens=0",
         "--top" + dash + "k=3", "--top" + dash + "p", "0.5", "--temperature=1",
         "--dump" + dash + "logits=" + dump, "--kv" + dash + "dtype=bf16",
         "--weights=f32", "--threads=1"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, "--top-k\n");
    EXPECT_TRUE(std::filesystem::exists(dump));
  }
}

TEST(MainTest, EveryFaultIsOneLine) {
  const std::string file = testing::TempDir() + "/not_a_model";
  std::ofstream(file) << "not a model";
  const std::string long_prompt(2049, 'x');
  const struct {
    std::vector<std::string> flags;
    std::string message;
  } cases[] = {
      {{"--random-weights", "--prompt="}, "the prompt is empty"},
      {{"--random-weights"}, "the prompt is empty"},
      {{"--prompt=x", "--no-such-flag"}, "there is no flag --no-such-flag"},
      {{"--prompt=x", "--random-weights", "more"},
       "argument \"more\" belongs to no flag"},
      {{"--prompt=x", "--random-weights", "--weights=i8"},
       "--weights is \"i8\", expected bf16, f16, f32, f8, mxfp8 or mxfp4"},
      {{"--prompt=x", "--random-weights", "--weights=mxfp8", "--kv-dtype=f16"},
       "--kv-dtype is f16, expected bf16 or f32 with --weights mxfp8"},
      {{"--random-weights", "--score=/nonexistent/text"}, "/nonexistent/text"},
      {{"--prompt=x", "--random-weights", "--kv-dtype=f64"},
       "--kv-dtype is \"f64\", expected bf16, f16 or f32"},
      {{"--prompt=x", "--random-weights", "--tokens=many"}, "'many'"},
      {{"--prompt=x", "--random-weights", "--seed=-1"}, "'-1'"},
      {{"--prompt=x", "--random-weights", "--top-p=2"}, "--top-p is 2"},
      {{"--prompt=x", "--random-weights", "--tokens"},
       "--tokens needs a value"},
      {{"--random-weights", "--prompt=" + long_prompt},
       "the prompt has 2049 tokens, but the model's context 2048"},
      {{"--prompt=x", "--model=" + file}, file + ": not a GGUF file"},
      {{"--prompt=x", "--model=/no/such/file"}, "/no/such/file"},
  };
  for (const auto& c : cases) {
    const Result result = RunGenerate(c.flags);
    EXPECT_EQ(result.exit_code, 1) << c.message;
    EXPECT_EQ(result.out, "") << c.message;
    EXPECT_THAT(result.err, HasSubstr(c.message));
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
  }
}

TEST(MainTest, WithoutAModel) {
  // There is no python3 to fetch it with.
  const std::string cache = testing::TempDir() + "/no_cache";
  const Result result = RunGenerate(
      {"--prompt=x"}, {"XDG_CACHE_HOME=" + cache, "PATH=/no/such/folder"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("generate: the default model cannot be "
                                    "had: cannot start python3"));
  EXPECT_THAT(result.err, HasSubstr("--model FILE"));
  EXPECT_THAT(result.err, HasSubstr("--random-weights\n"));
}

}  // namespace
}  // namespace tilework
