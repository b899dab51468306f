// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/gguf.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/gguf_writer.h"

namespace tilework {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr GgufType kTypes[] = {
    GgufType::kF32,  GgufType::kF16,  GgufType::kBF16,
    GgufType::kQ4_0, GgufType::kQ4_1, GgufType::kQ5_0,
    GgufType::kQ5_1, GgufType::kQ8_0, GgufType::kQ6_K};

absl::Span<const std::byte> Bytes(const std::string& file) {
  return {reinterpret_cast<const std::byte*>(file.data()), file.size()};
}

absl::Status ParseStatus(const std::string& file) {
  return GgufFile::Parse(Bytes(file)).status();
}

void ExpectInvalid(const std::string& file, std::string_view message) {
  const absl::Status status = ParseStatus(file);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(message)));
  EXPECT_EQ(status.message().find('\n'), std::string_view::npos);
}

// Bytes that look random, but are the same everywhere.
std::string Noise(size_t size) {
  std::string bytes;
  uint32_t state = 12345;
  for (size_t i = 0; i < size; ++i) {
    state = state * 1664525u + 1013904223u;
    bytes.push_back(static_cast<char>(state >> 24));
  }
  return bytes;
}

// ------------------------------------------------------------ The block types

uint32_t ByteAt(std::string_view block, size_t i) {
  return static_cast<unsigned char>(block[i]);
}

double SignedByteAt(std::string_view block, size_t i) {
  return static_cast<double>(static_cast<signed char>(block[i]));
}

double HalfAt(std::string_view block, size_t i) {
  const uint32_t bits = ByteAt(block, i) | ByteAt(block, i + 1) << 8;
  return static_cast<double>(
      static_cast<float>(Float16::FromBits(static_cast<uint16_t>(bits))));
}

// Element i of a block with 4-bit numbers from byte `at` on, and their fifth
// bits from byte `high_at` on (0: none).
uint32_t Nibble(std::string_view block, size_t at, size_t high_at, size_t i) {
  const uint32_t byte = ByteAt(block, at + i % 16);
  const uint32_t low = i < 16 ? byte % 16 : byte / 16;
  if (high_at == 0) return low;
  return low + 16 * (ByteAt(block, high_at + i / 8) >> (i % 8) & 1);
}

// Element i of a Q6_K block.
double SixBitElement(std::string_view block, size_t i) {
  const size_t half = i / 128;
  const size_t j = i % 128;  // in the half: nibbles 64, bit pairs 32 bytes
  const uint32_t byte = ByteAt(block, half * 64 + j % 64);
  const uint32_t low = j < 64 ? byte % 16 : byte / 16;
  const uint32_t pairs = ByteAt(block, 128 + half * 32 + j % 32);
  const uint32_t high = pairs >> (2 * (j / 32)) & 3;
  return HalfAt(block, 208) * SignedByteAt(block, 192 + i / 16) *
         (static_cast<double>(low + 16 * high) - 32);
}

// Element i of a block by the formulas in gguf.h, in f64.
double Element(GgufType type, std::string_view block, size_t i) {
  switch (type) {
    case GgufType::kF32: {
      float value;
      std::memcpy(&value, block.data(), 4);
      return static_cast<double>(value);
    }
    case GgufType::kF16:
      return HalfAt(block, 0);
    case GgufType::kBF16: {
      uint16_t bits;
      std::memcpy(&bits, block.data(), 2);
      return static_cast<double>(static_cast<float>(BFloat16::FromBits(bits)));
    }
    case GgufType::kQ4_0:
      return HalfAt(block, 0) * (Nibble(block, 2, 0, i) - 8.0);
    case GgufType::kQ4_1:
      return HalfAt(block, 0) * Nibble(block, 4, 0, i) + HalfAt(block, 2);
    case GgufType::kQ5_0:
      return HalfAt(block, 0) * (Nibble(block, 6, 2, i) - 16.0);
    case GgufType::kQ5_1:
      return HalfAt(block, 0) * Nibble(block, 8, 4, i) + HalfAt(block, 2);
    case GgufType::kQ8_0:
      return HalfAt(block, 0) * SignedByteAt(block, 2 + i);
    case GgufType::kQ6_K:
      return SixBitElement(block, i);
  }
  return 0;
}

std::string_view BlockAt(const GgufTensor& tensor, int64_t row, int64_t col) {
  const GgufBlock block = BlockOf(tensor.type);
  const int64_t index = (row * tensor.cols() + col) / block.elements;
  return {
      reinterpret_cast<const char*>(tensor.data.data()) + index * block.bytes,
      static_cast<size_t>(block.bytes)};
}

// The expected element: rounded to f32, then to T.
template <typename T>
T Expected(const GgufTensor& tensor, int64_t row, int64_t col) {
  const int64_t in_block = col % BlockOf(tensor.type).elements;
  return T(static_cast<float>(Element(tensor.type, BlockAt(tensor, row, col),
                                      static_cast<size_t>(in_block))));
}

template <typename T>
void ExpectDequantized(const GgufTensor& tensor, int64_t first, int64_t count) {
  // Rows with a gap between them, poisoned.
  Buffer buffer(kDTypeOf<T>, {count, tensor.cols() + 3});
  std::memset(buffer.view().data(), 0xAB,
              static_cast<size_t>(buffer.view().NumBytes()));
  const Tensor out = buffer.view().Slice(1, 0, tensor.cols());
  const absl::Status status = Dequantize(tensor, first, count, out);
  ASSERT_TRUE(status.ok()) << status;
  for (int64_t row = 0; row < count; ++row) {
    for (int64_t col = 0; col < tensor.cols(); ++col) {
      const T expected = Expected<T>(tensor, first + row, col);
      const T actual = *out.template At<T>(row, col);
      if (std::isnan(static_cast<float>(expected))) {
        ASSERT_TRUE(std::isnan(static_cast<float>(actual)));
      } else {
        ASSERT_EQ(std::memcmp(&actual, &expected, sizeof(T)), 0)
            << GgufTypeName(tensor.type) << " row " << row << " col " << col
            << ": " << static_cast<float>(actual) << ", expected "
            << static_cast<float>(expected);
      }
    }
    const auto* gap = reinterpret_cast<const unsigned char*>(
        buffer.view().template At<T>(row, tensor.cols()));
    for (size_t i = 0; i < 3 * sizeof(T); ++i) ASSERT_EQ(gap[i], 0xAB);
  }
}

TEST(DequantizeTest, EveryTypeFollowsItsFormula) {
  for (const GgufType type : kTypes) {
    const GgufBlock block = BlockOf(type);
    // More than one chunk of 256, and less than a whole one at the end.
    const int64_t cols = block.elements == 256 ? 768 : 352;
    const int64_t blocks = 5 * cols / block.elements;
    GgufWriter writer;
    writer.AddTensor("x", type, {5, cols},
                     Noise(static_cast<size_t>(blocks * block.bytes)));
    const std::string bytes = writer.Finish();
    const absl::StatusOr<GgufFile> file = GgufFile::Parse(Bytes(bytes));
    ASSERT_TRUE(file.ok()) << file.status();
    const GgufTensor& x = **file->Find("x");
    EXPECT_EQ(x.shape, Dims({5, cols}));
    ExpectDequantized<float>(x, 0, 5);
    ExpectDequantized<float>(x, 3, 2);
    ExpectDequantized<BFloat16>(x, 1, 3);
    ExpectDequantized<Float16>(x, 4, 1);
    ExpectDequantized<float>(x, 5, 0);
  }
}

TEST(DequantizeTest, Example) {
  // d = 0.5, m = -1; nibbles 0..15 low, 15..0 high.
  std::string block = GgufBytes(Float16(0.5f)) + GgufBytes(Float16(-1.0f));
  for (int i = 0; i < 16; ++i) {
    block.push_back(static_cast<char>(i | (15 - i) << 4));
  }
  GgufWriter writer;
  writer.AddTensor("x", GgufType::kQ4_1, {32}, block);
  const std::string bytes = writer.Finish();
  const absl::StatusOr<GgufFile> file = GgufFile::Parse(Bytes(bytes));
  ASSERT_TRUE(file.ok()) << file.status();
  Buffer out(DType::kF32, {1, 32});
  ASSERT_TRUE(Dequantize(**file->Find("x"), 0, 1, out.view()).ok());
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(out.data<float>()[i], 0.5f * static_cast<float>(i) - 1.0f);
    EXPECT_EQ(out.data<float>()[16 + i],
              0.5f * static_cast<float>(15 - i) - 1.0f);
  }
}

TEST(DequantizeTest, RefusesWrongOutput) {
  GgufWriter writer;
  writer.AddTensor("x", GgufType::kQ8_0, {2, 2, 32}, Noise(4 * 34));
  const std::string bytes = writer.Finish();
  const absl::StatusOr<GgufFile> file = GgufFile::Parse(Bytes(bytes));
  ASSERT_TRUE(file.ok()) << file.status();
  const GgufTensor& x = **file->Find("x");
  EXPECT_EQ(x.rows(), 4);
  Buffer out(DType::kF32, {4, 32});
  const auto message = [&](int64_t first, int64_t count, const Tensor& y) {
    const absl::Status status = Dequantize(x, first, count, y);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_TRUE(Dequantize(x, 0, 4, out.view()).ok());
  EXPECT_EQ(message(1, 4, out.view()), "dequantize \"x\": rows [1, +4) of 4");
  EXPECT_THAT(message(-1, 4, out.view()), HasSubstr("rows [-1, +4) of 4"));
  EXPECT_THAT(message(0, -1, out.view()), HasSubstr("rows [0, +-1) of 4"));
  EXPECT_THAT(message(std::numeric_limits<int64_t>::max(), 4, out.view()),
              HasSubstr("of 4"));
  EXPECT_EQ(message(0, 2, out.view()),
            "dequantize \"x\": out is f32 [4, 32], but must be f32, bf16 or "
            "f16 [2, 32] with contiguous rows");
  Buffer transposed(DType::kF32, {32, 4});
  EXPECT_THAT(message(0, 4, transposed.view().Transpose()),
              HasSubstr("contiguous rows"));
  Buffer integers(DType::kI32, {4, 32});
  EXPECT_THAT(message(0, 4, integers.view()), HasSubstr("out is i32"));
  EXPECT_THAT(message(0, 4, Tensor()), HasSubstr("out is absent"));
}

// ------------------------------------------------------------------- Metadata

TEST(GgufFileTest, ReadsEveryValueType) {
  GgufWriter writer;
  writer.AddRaw("u8", 0, GgufBytes(uint8_t{200}));
  writer.AddRaw("i8", 1, GgufBytes(int8_t{-100}));
  writer.AddRaw("u16", 2, GgufBytes(uint16_t{60000}));
  writer.AddRaw("i16", 3, GgufBytes(int16_t{-30000}));
  writer.AddRaw("u32", 4, GgufBytes(uint32_t{4000000000}));
  writer.AddRaw("i32", 5, GgufBytes(int32_t{-2000000000}));
  writer.AddRaw("f32", 6, GgufBytes(1.5f));
  writer.AddRaw("bool", 7, GgufBytes(true));
  writer.Add("string", "text\n");
  writer.AddRaw("u64", 10, GgufBytes(uint64_t{1} << 62));
  writer.AddRaw("big", 10, GgufBytes(uint64_t{1} << 63));
  writer.AddRaw("i64", 11, GgufBytes(int64_t{-1}));
  writer.AddRaw("f64", 12, GgufBytes(0.1));
  writer.Add("ints", std::vector<int32_t>{3, -4});
  writer.Add("floats", std::vector<float>{0.5f, -2.0f});
  writer.Add("strings", std::vector<std::string>{"a", "", "bc"});
  // An array of two arrays of u8.
  const std::string inner =
      GgufBytes(uint32_t{0}) + GgufBytes(uint64_t{2}) + "xy";
  writer.AddRaw(
      "nested", 9,
      GgufBytes(uint32_t{9}) + GgufBytes(uint64_t{2}) + inner + inner);
  writer.AddRaw("none", 9, GgufBytes(uint32_t{8}) + GgufBytes(uint64_t{0}));
  const std::string bytes = writer.Finish();
  absl::StatusOr<GgufFile> parsed = GgufFile::Parse(Bytes(bytes));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const GgufFile file = *std::move(parsed);

  EXPECT_EQ(file.version(), 3);
  EXPECT_EQ(file.keys().size(), 18u);
  EXPECT_EQ(file.keys()[0], "u8");
  EXPECT_EQ(*file.Get<int64_t>("u8"), 200);
  EXPECT_EQ(*file.Get<int64_t>("i8"), -100);
  EXPECT_EQ(*file.Get<int64_t>("u16"), 60000);
  EXPECT_EQ(*file.Get<int64_t>("i16"), -30000);
  EXPECT_EQ(*file.Get<int64_t>("u32"), 4000000000);
  EXPECT_EQ(*file.Get<int64_t>("i32"), -2000000000);
  EXPECT_EQ(*file.Get<int64_t>("u64"), int64_t{1} << 62);
  EXPECT_EQ(*file.Get<int64_t>("i64"), -1);
  EXPECT_EQ(*file.Get<double>("f32"), 1.5);
  EXPECT_EQ(*file.Get<double>("f64"), 0.1);
  EXPECT_EQ(*file.Get<bool>("bool"), true);
  EXPECT_EQ(*file.Get<std::string_view>("string"), "text\n");
  EXPECT_THAT(*file.Get<std::vector<int64_t>>("ints"), ElementsAre(3, -4));
  EXPECT_THAT(*file.Get<std::vector<double>>("floats"), ElementsAre(0.5, -2));
  EXPECT_THAT(*file.Get<std::vector<std::string_view>>("strings"),
              ElementsAre("a", "", "bc"));
  EXPECT_TRUE(file.Get<std::vector<std::string_view>>("none")->empty());
  EXPECT_TRUE(file.Has("nested"));
  EXPECT_EQ(*file.GetOr<int64_t>("u8", 7), 200);
  EXPECT_EQ(*file.GetOr<int64_t>("missing", 7), 7);

  const auto message = [](const auto& result) {
    return std::string(result.status().message());
  };
  EXPECT_EQ(file.Get<bool>("missing").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(message(file.Get<bool>("missing")),
            "metadata \"missing\" is missing");
  EXPECT_EQ(message(file.GetOr<int64_t>("string", 7)),
            "metadata \"string\" has type string, expected an integer below "
            "2^63");
  EXPECT_EQ(message(file.Get<int64_t>("big")),
            "metadata \"big\" has type u64, expected an integer below 2^63");
  EXPECT_EQ(message(file.Get<double>("u8")),
            "metadata \"u8\" has type u8, expected a float");
  EXPECT_EQ(message(file.Get<std::vector<double>>("f32")),
            "metadata \"f32\" has type f32, expected an array");
  EXPECT_EQ(message(file.Get<std::vector<double>>("ints")),
            "metadata \"ints\" has elements of type i32, expected a float");
  EXPECT_EQ(message(file.Get<std::vector<int64_t>>("nested")),
            "metadata \"nested\" has elements of type array, expected an "
            "integer below 2^63");
}

// -------------------------------------------------------------------- Tensors

TEST(GgufFileTest, ReadsTensors) {
  for (const uint32_t version : {2u, 3u}) {
    for (const uint32_t alignment : {1u, 32u, 256u}) {
      GgufWriter writer(version, alignment);
      writer.Add("general.alignment", alignment);
      writer.AddTensor("a", GgufType::kF32, {2, 3}, Noise(24));
      writer.AddTensor("b", GgufType::kQ4_0, {2, 1, 3, 64}, Noise(216));
      writer.AddTensor("c", GgufType::kBF16, {1}, Noise(2));
      const std::string bytes = writer.Finish();
      const absl::StatusOr<GgufFile> file = GgufFile::Parse(Bytes(bytes));
      ASSERT_TRUE(file.ok()) << file.status();
      ASSERT_EQ(file->tensors().size(), 3u);
      EXPECT_EQ(file->version(), version);
      EXPECT_EQ(file->tensors()[0].name, "a");
      const GgufTensor& b = **file->Find("b");
      EXPECT_EQ(b.shape, Dims({2, 1, 3, 64}));
      EXPECT_EQ(b.rows(), 6);
      EXPECT_EQ(b.cols(), 64);
      EXPECT_EQ(std::memcmp(b.data.data(), Noise(216).data(), 216), 0);
      EXPECT_EQ((*file->Find("c"))->data.size(), 2u);
      EXPECT_EQ(file->Find("d").status().message(), "there is no tensor \"d\"");
    }
  }
  EXPECT_TRUE(ParseStatus(GgufWriter().Finish()).ok());
}

TEST(GgufFileTest, RefusesEveryTruncation) {
  GgufWriter writer;
  writer.Add("key", std::vector<std::string>{"a", "b"});
  writer.Add("other", 1.0f);
  writer.AddTensor("x", GgufType::kF16, {3}, Noise(6));
  const std::string file = writer.Finish();
  EXPECT_TRUE(ParseStatus(file).ok());
  for (size_t size = 0; size < file.size(); ++size) {
    ExpectInvalid(file.substr(0, size), "");
  }
  ExpectInvalid("", "file of 0 bytes is cut off: the header at byte 0 needs 4");
  ExpectInvalid(file.substr(0, 90), "file of 90 bytes is cut off");
}

TEST(GgufFileTest, RefusesWrongHeaders) {
  const auto header = [](std::string_view magic, uint32_t version,
                         uint64_t tensors, uint64_t values) {
    return absl::StrCat(magic, GgufBytes(version), GgufBytes(tensors),
                        GgufBytes(values), std::string(100, '\0'));
  };
  ExpectInvalid(header("GGML", 3, 0, 0), "not a GGUF file");
  ExpectInvalid(header("GGUF", 0, 0, 0), "version 0 is not supported");
  ExpectInvalid(header("GGUF", 1, 0, 0), "version 1 is not supported");
  ExpectInvalid(header("GGUF", 4, 0, 0), "version 4 is not supported");
  ExpectInvalid(header("GGUF", 3u << 24, 0, 0), "big-endian");
  const uint64_t max = std::numeric_limits<uint64_t>::max();
  ExpectInvalid(header("GGUF", 3, max, 0),
                "the number of tensors says 18446744073709551615, but only");
  ExpectInvalid(header("GGUF", 3, 0, max), "the number of metadata pairs says");
  ExpectInvalid(header("GGUF", 3, 4, 0), "the number of tensors says 4");
}

TEST(GgufFileTest, RefusesWrongMetadata) {
  const auto with = [](uint32_t type, std::string_view bytes) {
    GgufWriter writer;
    writer.AddRaw("key", type, bytes);
    return writer.Finish();
  };
  const uint64_t max = std::numeric_limits<uint64_t>::max();
  ExpectInvalid(with(13, ""), "metadata \"key\" has unknown type 13");
  ExpectInvalid(with(8, GgufBytes(max)), "metadata \"key\" at byte");
  ExpectInvalid(with(9, GgufBytes(uint32_t{99}) + GgufBytes(uint64_t{0})),
                "metadata \"key\" has unknown type 99");
  for (const uint32_t type : {0u, 7u, 8u, 9u, 12u}) {
    for (const uint64_t count : {max, max / 2, max / 8 + 2, uint64_t{1}}) {
      ExpectInvalid(with(9, GgufBytes(type) + GgufBytes(count)),
                    absl::StrCat("metadata \"key\" says ", count));
    }
  }
  std::string nested;
  for (int i = 0; i < 1000; ++i) {
    nested += GgufBytes(uint32_t{9}) + GgufBytes(uint64_t{1});
  }
  ExpectInvalid(with(9, nested), "nests arrays too deeply");

  GgufWriter twice;
  twice.Add("key", true);
  twice.Add("key", false);
  ExpectInvalid(twice.Finish(), "metadata \"key\" appears twice");
  for (const uint32_t alignment : {0u, 3u, 48u}) {
    GgufWriter writer;
    writer.Add("general.alignment", alignment);
    ExpectInvalid(writer.Finish(), "which is not a power of two");
  }
  GgufWriter writer;
  writer.Add("general.alignment", "32");
  ExpectInvalid(writer.Finish(), "\"general.alignment\" has type string");
}

TEST(GgufFileTest, RefusesWrongTensors) {
  const auto with = [](uint32_t type, const Dims& shape, uint64_t offset) {
    GgufWriter writer;
    writer.AddTensor("first", GgufType::kF32, {16}, Noise(64));
    writer.AddTensorAt("x", type, shape, offset);
    writer.AddTensor("last", GgufType::kF32, {16}, Noise(64));
    return writer.Finish();
  };
  constexpr uint32_t kF32 = 0;
  constexpr uint32_t kQ8 = 8;
  ExpectInvalid(with(12, {256}, 64),
                "tensor \"x\" has type Q4_K, which is not supported");
  ExpectInvalid(with(77, {256}, 64),
                "tensor \"x\" has type 77, which is not supported");
  ExpectInvalid(with(kQ8, {2, 33}, 64),
                "tensor \"x\" has shape [2, 33], but rows of Q8_0 have a "
                "multiple of 32 elements");
  ExpectInvalid(with(kF32, {}, 64), "has 0 dimensions");
  ExpectInvalid(with(kF32, {1, 1, 1, 1, 1}, 64), "has 5 dimensions");
  ExpectInvalid(with(kF32, {4, 0}, 64), "has a dimension of 0");
  ExpectInvalid(with(kF32, {-1}, 64),
                "has a dimension of 18446744073709551615");
  const int64_t big = int64_t{1} << 62;
  ExpectInvalid(with(kF32, {big, 2}, 64), "which is too large");
  ExpectInvalid(with(kF32, {big}, 64), "ends beyond the file's 128 bytes");
  ExpectInvalid(with(kF32, {17}, 64), "ends beyond the file's 128 bytes");
  ExpectInvalid(with(kF32, {1}, 128), "ends beyond the file's 128 bytes");
  ExpectInvalid(with(kF32, {1}, ~uint64_t{31}), "ends beyond");
  ExpectInvalid(
      with(kF32, {1}, 4),
      "tensor \"x\" starts at data byte 4, which is not a multiple of "
      "the alignment 32");
  ExpectInvalid(with(kF32, {8}, 32), "tensor \"x\" overlaps tensor \"first\"");
  ExpectInvalid(with(kF32, {16}, 64), "overlaps tensor");
  GgufWriter twice;
  twice.AddTensor("x", GgufType::kF32, {1}, Noise(4));
  twice.AddTensor("x", GgufType::kF32, {1}, Noise(4));
  ExpectInvalid(twice.Finish(), "tensor \"x\" appears twice");
}

TEST(GgufFileTest, OpenMapsTheFileAndNamesIt) {
  GgufWriter writer;
  writer.AddTensor("x", GgufType::kF32, {2, 3}, Noise(24));
  const std::string path = testing::TempDir() + "/gguf_test_file";
  std::ofstream(path, std::ios::binary) << writer.Finish();
  absl::StatusOr<GgufFile> opened = GgufFile::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const GgufFile file = *std::move(opened);
  EXPECT_EQ(std::memcmp((*file.Find("x"))->data.data(), Noise(24).data(), 24),
            0);
  std::ofstream(path, std::ios::binary) << "GGUF";
  EXPECT_THAT(std::string(GgufFile::Open(path).status().message()),
              HasSubstr(path + ": file of 4 bytes is cut off"));
  EXPECT_EQ(GgufFile::Open(path + "_none").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(GgufTypeTest, Names) {
  EXPECT_EQ(GgufTypeName(GgufType::kQ6_K), "Q6_K");
  EXPECT_EQ(GgufTypeName(static_cast<GgufType>(12)), "Q4_K");
  EXPECT_EQ(GgufTypeName(static_cast<GgufType>(1000)), "1000");
  EXPECT_EQ(BlockOf(static_cast<GgufType>(12)).elements, 0);
}

}  // namespace
}  // namespace tilework
