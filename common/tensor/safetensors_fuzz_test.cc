// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// No file, however damaged, makes the reader crash, and what it accepts can be
// read. TILEWORK_FUZZ_SECONDS=60 runs for a minute.

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/file_fuzzer.h"
#include "tilework/common/tensor/safetensors.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

std::string ValidFile() {
  const Buffer a = Buffer::Zeros(DType::kF32, {2, 3});
  const Buffer b = Buffer::Zeros(DType::kBF16, {1, 0, 4});
  const Buffer c = Buffer::Zeros(DType::kU8, {});
  const std::string path = testing::TempDir() + "/safetensors_fuzz_test";
  EXPECT_TRUE(WriteSafetensors(
                  path, {{"a", a.view()}, {"b\t", b.view()}, {"c", c.view()}},
                  {{"key", "value \x01 \xC3\xA9"}})
                  .ok());
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

bool ReadEverything(absl::Span<const std::byte> bytes) {
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Parse(bytes);
  if (!file.ok()) {
    EXPECT_FALSE(file.status().message().empty());
    return false;
  }
  int sum = 0;
  for (const NamedTensor& entry : file->tensors()) {
    EXPECT_TRUE(file->Find(entry.name).ok());
    const auto* data = static_cast<const std::byte*>(entry.tensor.data());
    for (int64_t i = 0; i < entry.tensor.NumBytes(); ++i) {
      sum += static_cast<int>(data[i]);
    }
  }
  EXPECT_GE(sum, 0);
  return true;
}

TEST(SafetensorsFuzzTest, DamagedFiles) {
  const std::string file = ValidFile();
  const FuzzCount count = FuzzReader({file}, ReadEverything);
  RecordProperty("files", std::to_string(count.files));
  // Both ways out are taken: damage in the data or in a name is not an error.
  EXPECT_GT(count.accepted, 10);
  EXPECT_LT(count.accepted, count.files - 10);
}

}  // namespace
}  // namespace tilework
