// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/utf8.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace tilework {
namespace {

TEST(Utf8Test, EveryCodePointRoundTrips) {
  for (uint32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    std::string text;
    AppendUtf8(code_point, text);
    const Utf8Character character = DecodeUtf8(text + "x");
    ASSERT_EQ(character.code_point, code_point);
    ASSERT_EQ(character.length, text.size());
    for (size_t size = 1; size < text.size(); ++size) {
      const Utf8Character part = DecodeUtf8(text.substr(0, size));
      ASSERT_EQ(part.length, 0u);
      ASSERT_TRUE(part.cut_off);
    }
  }
}

// Of all sequences of up to three bytes exactly those are whole characters that
// AppendUtf8 can write.
TEST(Utf8Test, AcceptsNothingElse) {
  int accepted = 0;
  for (uint32_t bytes = 0; bytes < 0x1000000; ++bytes) {
    const char text[] = {static_cast<char>(bytes >> 16),
                         static_cast<char>(bytes >> 8),
                         static_cast<char>(bytes)};
    const Utf8Character character = DecodeUtf8(std::string_view(text, 3));
    accepted += character.length == 3;
    ASSERT_LE(character.length, 3u);
  }
  EXPECT_EQ(accepted, 0x10000 - 0x800 - 0x800);
}

TEST(Utf8Test, RefusesBadFourByteForms) {
  EXPECT_TRUE(IsUtf8("\xF4\x8F\xBF\xBF"));
  EXPECT_FALSE(IsUtf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(IsUtf8("\xF0\x8F\xBF\xBF"));
  EXPECT_FALSE(IsUtf8("\xF5\x80\x80\x80"));
  EXPECT_FALSE(IsUtf8("\xF0\x9F\x98"));
  EXPECT_FALSE(DecodeUtf8("\xF4\x90").cut_off);
  EXPECT_FALSE(DecodeUtf8("").cut_off);
  EXPECT_TRUE(IsUtf8(""));
}

TEST(Utf8Test, QuotesForMessages) {
  EXPECT_EQ(QuoteForMessage("a\"b\n\xC3\xA9"), "\"a\\\"b\\n\xC3\xA9\"");
  EXPECT_EQ(QuoteForMessage("\xFF"), "\"\\377\"");
  EXPECT_EQ(QuoteForMessage(std::string(200, 'x')),
            "\"" + std::string(80, 'x') + "\"...");
  std::string text(79, 'x');
  text += "\xC3\xA9\xC3\xA9";
  EXPECT_EQ(QuoteForMessage(text), "\"" + std::string(79, 'x') + "\"...");
}

}  // namespace
}  // namespace tilework
