// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// No file, however damaged, makes the reader crash, and what it accepts can be
// read and dequantized. TILEWORK_FUZZ_SECONDS=60 runs for a minute.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/file_fuzzer.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/gguf_writer.h"

namespace tilework {
namespace {

// Metadata of every kind and a tensor of every type.
std::string ValidFile(uint32_t version) {
  GgufWriter writer(version);
  writer.Add("bool", true);
  writer.Add("general.alignment", uint32_t{32});
  writer.Add("float", 1.0f);
  writer.Add("string", "text");
  writer.Add("ints", std::vector<int32_t>{1, 2});
  writer.Add("strings", std::vector<std::string>{"a", "bc"});
  writer.AddRaw("nested", 9,
                GgufBytes(uint32_t{9}) + GgufBytes(uint64_t{1}) +
                    GgufBytes(uint32_t{2}) + GgufBytes(uint64_t{1}) + "xy");
  writer.AddRaw("u64", 10, GgufBytes(uint64_t{1}));
  for (const GgufType type :
       {GgufType::kF32, GgufType::kF16, GgufType::kBF16, GgufType::kQ4_0,
        GgufType::kQ4_1, GgufType::kQ5_0, GgufType::kQ5_1, GgufType::kQ8_0,
        GgufType::kQ6_K}) {
    const GgufBlock block = BlockOf(type);
    writer.AddTensor(GgufTypeName(type), type, {2, block.elements},
                     std::string(static_cast<size_t>(2 * block.bytes), '\x3C'));
  }
  return writer.Finish();
}

// Calls every function that reads a value; most report another type.
void GetEverything(const GgufFile& file, std::string_view key) {
  const int found = file.Get<int64_t>(key).ok() + file.Get<double>(key).ok() +
                    file.Get<bool>(key).ok() +
                    file.Get<std::string_view>(key).ok() +
                    file.Get<std::vector<int64_t>>(key).ok() +
                    file.Get<std::vector<double>>(key).ok() +
                    file.Get<std::vector<std::string_view>>(key).ok();
  EXPECT_LE(found, 3);  // an empty array is of every type
}

bool ReadEverything(absl::Span<const std::byte> bytes) {
  const absl::StatusOr<GgufFile> file = GgufFile::Parse(bytes);
  if (!file.ok()) {
    EXPECT_FALSE(file.status().message().empty());
    return false;
  }
  for (const std::string& key : file->keys()) GetEverything(*file, key);
  for (const GgufTensor& tensor : file->tensors()) {
    EXPECT_TRUE(file->Find(tensor.name).ok());
    Buffer row(DType::kBF16, {1, tensor.cols()});
    for (int64_t i = 0; i < tensor.rows(); ++i) {
      EXPECT_TRUE(Dequantize(tensor, i, 1, row.view()).ok());
    }
  }
  return true;
}

TEST(GgufFuzzTest, DamagedFiles) {
  const FuzzCount count =
      FuzzReader({ValidFile(2), ValidFile(3)}, ReadEverything);
  RecordProperty("files", std::to_string(count.files));
  RecordProperty("accepted", std::to_string(count.accepted));
  // Both ways out are taken: damage in a tensor's data is not an error.
  EXPECT_GT(count.accepted, 10);
  EXPECT_LT(count.accepted, count.files - 10);
}

}  // namespace
}  // namespace tilework
