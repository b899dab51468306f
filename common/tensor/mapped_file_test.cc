// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/mapped_file.h"

#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace tilework {
namespace {

TEST(MappedFileTest, MapsAndMoves) {
  const std::string path = testing::TempDir() + "/mapped_file_test";
  std::ofstream(path) << "contents";
  absl::StatusOr<MappedFile> opened = MappedFile::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const auto bytes = opened->bytes();
  ASSERT_EQ(bytes.size(), 8u);
  MappedFile file;
  file = *std::move(opened);
  EXPECT_EQ(file.bytes().data(), bytes.data());
  EXPECT_EQ(std::memcmp(bytes.data(), "contents", 8), 0);
  file = MappedFile();
  EXPECT_TRUE(file.bytes().empty());
}

TEST(MappedFileTest, EmptyFile) {
  const std::string path = testing::TempDir() + "/mapped_file_test_empty";
  std::ofstream(path) << "";
  const absl::StatusOr<MappedFile> file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFileTest, Errors) {
  const std::string path = testing::TempDir() + "/mapped_file_test_none";
  const absl::Status missing = MappedFile::Open(path).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.message(),
            "cannot open " + path + ": No such file or directory");
  EXPECT_EQ(MappedFile::Open("/").status().message(),
            "/ is not a regular file");
  // Opening a pipe that nobody writes to does not block.
  const std::string pipe = testing::TempDir() + "/mapped_file_test_pipe";
  ::mkfifo(pipe.c_str(), 0600);
  EXPECT_EQ(MappedFile::Open(pipe).status().message(),
            pipe + " is not a regular file");
}

}  // namespace
}  // namespace tilework
