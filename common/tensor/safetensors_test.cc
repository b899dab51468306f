// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
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

namespace tilework {
namespace {

using testing::HasSubstr;

std::string TempPath(std::string_view name) {
  return absl::StrCat(testing::TempDir(), "/safetensors_test_", name);
}

void WriteFile(const std::string& path, std::string_view contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// A file with the given header and `data_size` bytes 0, 1, 2, ...
std::string File(std::string_view header, size_t data_size) {
  const uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  file.append(header);
  for (size_t i = 0; i < data_size; ++i) file.push_back(static_cast<char>(i));
  return file;
}

absl::Span<const std::byte> Bytes(const std::string& file) {
  return {reinterpret_cast<const std::byte*>(file.data()), file.size()};
}

absl::Status ParseStatus(const std::string& file) {
  return SafetensorsFile::Parse(Bytes(file)).status();
}

void ExpectInvalid(const std::string& file, std::string_view message) {
  const absl::Status status = ParseStatus(file);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(message)));
  EXPECT_EQ(status.message().find('\n'), std::string_view::npos);
}

Buffer Iota(DType dtype, const Dims& shape) {
  Buffer values(DType::kF32, shape);
  std::iota(values.data<float>(),
            values.data<float>() + values.view().NumElements(), 0.0f);
  return ToContiguous(values.view(), dtype);
}

bool SameBytes(const ConstTensor& a, const ConstTensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.data(), b.data(), static_cast<size_t>(a.NumBytes())) ==
             0;
}

TEST(SafetensorsTest, RoundTripsEveryDType) {
  for (DType dtype : kAllDTypes) {
    if (dtype == DType::kF8E4M3_240) continue;  // has no name in the format
    Buffer buffer = Buffer::Zeros(dtype, {3, 6});
    auto* bytes = static_cast<unsigned char*>(buffer.view().data());
    for (int64_t i = 0; i < buffer.view().NumBytes(); ++i) {
      bytes[i] = static_cast<unsigned char>(i * 7);
    }
    const std::string path = TempPath(Name(dtype));
    ASSERT_TRUE(WriteSafetensors(path, {{"x", buffer.view()}}).ok());
    const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
    ASSERT_TRUE(file.ok()) << file.status();
    const absl::StatusOr<ConstTensor> x = file->Find("x");
    ASSERT_TRUE(x.ok()) << x.status();
    EXPECT_TRUE(SameBytes(*x, buffer.view()));
  }
}

TEST(SafetensorsTest, RoundTripsManyTensors) {
  const Buffer a = Iota(DType::kBF16, {3});
  const Buffer b = Iota(DType::kF32, {2, 3, 4});
  const Buffer scalar = Iota(DType::kF16, {});
  const Buffer empty = Iota(DType::kF32, {0, 7});
  const Buffer byte = Buffer::Zeros(DType::kU8, {1});
  const Buffer rank6 = Iota(DType::kF32, {1, 2, 1, 2, 1, 2});
  const std::string odd_name = "quote\" backslash\\ tab\t \xC3\xA9 \x01";
  const SafetensorsMetadata metadata = {{"format", "pt"},
                                        {"line\nfeed", odd_name}};
  const std::string path = TempPath("many");
  ASSERT_TRUE(WriteSafetensors(path,
                               {{"a", a.view()},
                                {"empty", empty.view()},
                                {odd_name, b.view()},
                                {"byte", byte.view()},
                                {"", scalar.view()},
                                {"rank6", rank6.view()}},
                               metadata)
                  .ok());
  absl::StatusOr<SafetensorsFile> opened = SafetensorsFile::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const SafetensorsFile file = *std::move(opened);  // views survive the move
  EXPECT_EQ(file.metadata(), metadata);
  ASSERT_EQ(file.tensors().size(), 6u);
  EXPECT_EQ(file.tensors()[0].name, "");
  EXPECT_TRUE(SameBytes(*file.Find("a"), a.view()));
  EXPECT_TRUE(SameBytes(*file.Find(odd_name), b.view()));
  EXPECT_TRUE(SameBytes(*file.Find(""), scalar.view()));
  EXPECT_TRUE(SameBytes(*file.Find("rank6"), rank6.view()));
  EXPECT_EQ(file.Find("empty")->shape(), Dims({0, 7}));
  for (const NamedTensor& entry : file.tensors()) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(entry.tensor.data()) %
                  SizeOf(entry.tensor.dtype()),
              0u);
  }
  EXPECT_EQ(file.Find("c").status().message(), "there is no tensor \"c\"");
}

TEST(SafetensorsTest, WritesStridedViews) {
  const Buffer buffer = Iota(DType::kF32, {4, 6});
  const ConstTensor view = buffer.view().Transpose().Slice(0, 1, 3);
  const std::string path = TempPath("strided");
  ASSERT_TRUE(WriteSafetensors(path, {{"x", view}}).ok());
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  const Buffer expected = ToContiguous(view, DType::kF32);
  EXPECT_TRUE(SameBytes(*file->Find("x"), expected.view()));
}

TEST(SafetensorsTest, WritesTheFormatByteForByte) {
  const Buffer x = Buffer::Zeros(DType::kU8, {2});
  const std::string path = TempPath("format");
  ASSERT_TRUE(WriteSafetensors(path, {{"x", x.view()}}, {{"k", "v"}}).ok());
  const std::string header =
      R"({"__metadata__":{"k":"v"},)"
      R"("x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  const size_t padding = (8 - header.size() % 8) % 8;
  EXPECT_EQ(ReadFile(path),
            File(header + std::string(padding, ' '), 0) + std::string(2, '\0'));
}

TEST(SafetensorsTest, ReadsAnyOrderSpacesAndEscapes) {
  const std::string file = File(
      "{ \"\\u0062\\ud83d\\ude00\\n\" :\t{\"data_offsets\" : [0, 4],\n"
      "\"shape\":[ ],\"dtype\":\"F32\"},\r\n"
      "\"a\":{\"dtype\":\"U8\",\"shape\":[0,9],\"data_offsets\":[4,4]} }   ",
      4);
  const absl::StatusOr<SafetensorsFile> parsed =
      SafetensorsFile::Parse(Bytes(file));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->Find("b\xF0\x9F\x98\x80\n")->shape(), Dims({}));
  EXPECT_EQ(parsed->Find("a")->shape(), Dims({0, 9}));
  EXPECT_TRUE(SafetensorsFile::Parse(Bytes(File("{}", 0))).ok());
}

// A header whose length is no multiple of 4 leaves f32 data unaligned.
TEST(SafetensorsTest, CopiesUnalignedTensors) {
  std::string header = R"({"x":{"dtype":"F32","shape":[2],)"
                       R"("data_offsets":[0,8]}})";
  for (int i = 0; i < 4; ++i, header += ' ') {
    const std::string file = File(header, 8);
    const absl::StatusOr<SafetensorsFile> parsed =
        SafetensorsFile::Parse(Bytes(file));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    const void* data = parsed->Find("x")->data();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 4, 0u);
    EXPECT_EQ(std::memcmp(data, "\0\1\2\3\4\5\6\7", 8), 0);
  }
}

TEST(SafetensorsTest, RefusesEveryTruncation) {
  const std::string file =
      File(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  EXPECT_TRUE(ParseStatus(file).ok());
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(ParseStatus(file.substr(0, size)).ok()) << size;
  }
  ExpectInvalid(file + "x", "the tensors end at data byte 8 of 9");
  ExpectInvalid("", "a file of 0 bytes is too short");
  ExpectInvalid(std::string(8, '\xFF') + "{}",
                "the header has 18446744073709551615 bytes, but the file");
}

TEST(SafetensorsTest, RefusesWrongTensors) {
  const auto with = [](std::string_view dtype, std::string_view shape,
                       std::string_view offsets) {
    return File(absl::StrCat(R"({"x":{"dtype":")", dtype, R"(","shape":)",
                             shape, R"(,"data_offsets":)", offsets, "}}"),
                8);
  };
  EXPECT_TRUE(ParseStatus(with("F32", "[2]", "[0,8]")).ok());
  EXPECT_TRUE(ParseStatus(with("F4", "[4,4]", "[0,8]")).ok());
  ExpectInvalid(with("F4", "[4,3]", "[0,8]"),
                "tensor \"x\" is F4 [4, 3], whose rows are not whole bytes");
  ExpectInvalid(with("F4", "[]", "[0,1]"), "not whole bytes");
  ExpectInvalid(with("F4", "[16,2]", "[0,8]"),
                "tensor \"x\" has 8 bytes of data, but F4 [16, 2] needs 16");
  ExpectInvalid(with("F6_E2M3", "[8]", "[0,8]"),
                "tensor \"x\" has dtype \"F6_E2M3\", which is not supported");
  ExpectInvalid(with("f32", "[2]", "[0,8]"), "not supported");
  ExpectInvalid(with("F32", "[3]", "[0,8]"),
                "tensor \"x\" has 8 bytes of data, but F32 [3] needs 12");
  ExpectInvalid(with("F32", "[2]", "[0,9]"), "has data_offsets [0, 9], but");
  ExpectInvalid(with("F32", "[2]", "[8,0]"), "has data_offsets [8, 0], but");
  ExpectInvalid(with("F32", "[1]", "[0,4]"), "end at data byte 4 of 8");
  ExpectInvalid(with("F32", "[1]", "[4,8]"), "starts at data byte 4");
  ExpectInvalid(with("F32", "[2]", "[0,8,8]"), "too many numbers");
  ExpectInvalid(with("F32", "[2]", "[8]"), "has no two \"data_offsets\"");
  ExpectInvalid(with("F32", "[2]", "[0,9223372036854775807]"), "has data_off");
  ExpectInvalid(with("F32", "[2]", "[0,9223372036854775808]"), "too large");
  ExpectInvalid(with("F32", "[4611686018427387904,4]", "[0,8]"), "too large");
  ExpectInvalid(with("F32", "[4611686018427387904]", "[0,8]"), "too large");
  ExpectInvalid(with("F32", "[0,4611686018427387904,4]", "[0,0]"), "too large");
  ExpectInvalid(with("F32", "[1,1,1,1,1,1,2]", "[0,8]"), "too many numbers");
  ExpectInvalid(with("F32", "[-2]", "[0,8]"), "expected a natural number");
  ExpectInvalid(with("F32", "[2.0]", "[0,8]"), "expected a natural number");
  ExpectInvalid(with("F32", "[2e0]", "[0,8]"), "expected a natural number");
  ExpectInvalid(with("F32", "[02]", "[0,8]"), "expected a natural number");
  ExpectInvalid(with("F32", "[[2]]", "[0,8]"), "expected a natural number");
  ExpectInvalid(with("F32", "[2,]", "[0,8]"), "expected a natural number");
  ExpectInvalid(with("F32", "2", "[0,8]"), "expected '['");
  // Overlap and hole.
  const auto two = [](std::string_view a, std::string_view b) {
    return File(
        absl::StrCat(R"({"a":{"dtype":"U8","shape":[2],)", R"("data_offsets":)",
                     a, R"(},"b":{"dtype":"U8","shape":[2],)",
                     R"("data_offsets":)", b, "}}"),
        4);
  };
  EXPECT_TRUE(ParseStatus(two("[2,4]", "[0,2]")).ok());
  ExpectInvalid(two("[0,2]", "[1,3]"), "tensor \"b\" starts at data byte 1");
  ExpectInvalid(two("[0,2]", "[0,2]"), "starts at data byte 0, but the one");
}

TEST(SafetensorsTest, RefusesWrongHeaders) {
  const std::string tensor =
      R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  const auto refused = [](const std::string& header, std::string_view message) {
    ExpectInvalid(File(header, 0), message);
  };
  refused("", "header: expected '{' at byte 0");
  refused(" {}", "header: expected '{' at byte 0");
  refused("[]", "expected '{'");
  refused("{}{}", "unexpected text at byte 2");
  refused("{}\n", "unexpected text at byte 2");
  refused("{", "expected a string");
  refused("{\"x\"}", "expected ':'");
  refused("{\"x\":1}", "expected '{'");
  refused("{\"x\":" + tensor, "expected ',' or '}'");
  refused("{\"x\":" + tensor + ",}", "expected a string");
  refused("{\"x\":" + tensor + ",\"x\":" + tensor + "}", "duplicate key \"x\"");
  refused("{\"x\":{}}", "tensor \"x\" has no \"dtype\"");
  refused("{\"x\":{\"dtype\":\"U8\"}}", "has no \"shape\"");
  refused("{\"x\":{\"dtype\":\"U8\",\"shape\":[]}}", "has no two \"data_off");
  refused("{\"x\":{\"type\":\"U8\"}}", "unknown key \"type\"");
  refused("{\"x\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", "duplicate key");
  refused("{\"__metadata__\":{\"a\":1}}", "expected a string");
  refused("{\"__metadata__\":[]}", "expected '{'");
  refused("{\"x", "unterminated string");
  refused("{\"x\\", "unterminated string");
  refused("{\"\\x\":", "unknown escape");
  refused("{\"\\u00g0\":", "expected four hexadecimal digits");
  refused("{\"\\ud800\":", "unpaired surrogate");
  refused("{\"\\ud800\\u0041\":", "unpaired surrogate");
  refused("{\"\\udc00\":", "unpaired surrogate");
  refused("{\"a\nb\":", "control character");
  refused("{\"\xFF\":", "invalid UTF-8");
  refused("{\"\xC0\x80\":", "invalid UTF-8");
  refused("{\"\xED\xA0\x80\":", "invalid UTF-8");
  refused(std::string(100000, '['), "expected '{'");
  refused("{\"x\":{\"shape\":" + std::string(100000, '['),
          "expected a natural number");
}

TEST(SafetensorsTest, OpenNamesThePath) {
  const std::string path = TempPath("missing/file");
  absl::Status status = SafetensorsFile::Open(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(),
            absl::StrCat("cannot open ", path, ": No such file or directory"));
  EXPECT_THAT(
      std::string(SafetensorsFile::Open(testing::TempDir()).status().message()),
      HasSubstr("is not a regular file"));
  const std::string empty = TempPath("empty");
  WriteFile(empty, "");
  EXPECT_EQ(
      SafetensorsFile::Open(empty).status().message(),
      absl::StrCat(empty, ": a file of 0 bytes is too short for safetensors"));
}

TEST(SafetensorsTest, WriteErrors) {
  const Buffer x = Buffer::Zeros(DType::kF32, {2});
  const std::string path = TempPath("not_written");
  const auto message = [&](absl::Span<const NamedTensor> tensors) {
    return std::string(WriteSafetensors(path, tensors).message());
  };
  EXPECT_EQ(message({{"x", x.view()}, {"x", x.view()}}),
            "tensor \"x\" appears twice");
  EXPECT_EQ(message({{"__metadata__", x.view()}}),
            "tensor \"__metadata__\" has a reserved name");
  EXPECT_EQ(message({{"x", ConstTensor()}}),
            "tensor \"x\" is absent, which the format does not have");
  const Buffer f8 = Buffer::Zeros(DType::kF8E4M3_240, {2});
  EXPECT_EQ(message({{"x", f8.view()}}),
            "tensor \"x\" is f8e4m3_240 [2], which the format does not have");
  const Buffer f4 = Buffer::Zeros(DType::kF4E2M1, {2, 5});
  EXPECT_EQ(message({{"x", f4.view()}}),
            "tensor \"x\" is f4e2m1 [2, 5], whose rows are not whole bytes");
  EXPECT_EQ(message({{"\xFF", x.view()}}), "tensor \"\\377\" is not UTF-8");
  EXPECT_EQ(WriteSafetensors(path, {}, {{"\xFF", ""}}).message(),
            "metadata \"\\377\" is not UTF-8");
  EXPECT_EQ(SafetensorsFile::Open(path).status().code(),
            absl::StatusCode::kNotFound);

  const std::string nowhere = TempPath("no_such_directory/file");
  const absl::Status status = WriteSafetensors(nowhere, {{"x", x.view()}});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), absl::StrCat("cannot create ", nowhere,
                                           ": No such file or directory"));
  EXPECT_EQ(WriteSafetensors("/dev/full", {{"x", x.view()}}).message(),
            "cannot write /dev/full: write: No space left on device");
}

}  // namespace
}  // namespace tilework
