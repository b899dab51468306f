// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The expected words come from the families' regular expressions, run by the
// Python package regex.

#include "tilework/examples/generate/pretokenizer.h"

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/examples/generate/unicode.h"

namespace tilework {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Case {
  const char* pre_tokenizer;
  std::vector<std::string_view> words;
};

TEST(PreTokenizerTest, SplitsAsTheRegularExpressions) {
  const Case cases[] = {
      {"gpt-2",
       {"It", "'s", " 2024", ":", " I", "'", "LL", " go", ",", " ", " we",
        "'ve", "\n\n ", " left", "!"}},
      {"gpt-2", {"a", "1", "b", "22", "c", "333", "d", "4444", " ²½"}},
      {"gpt-2", {"  \t", " x", "\n", " y", " \r\n\r\n", " z", "  "}},
      {"gpt-2", {"$", "5", "+<=>^~|", " «", "quoted", "»", " don", "'t"}},
      {"gpt-2", {"日本語", " テスト", " привет", "\u00a0", "мир"}},
      {"gpt-2", {"(", "x", ")=", "y", ";", " //", " z", "\n\n\n"}},
      {"gpt-2", {" \n"}},
      {"gpt-2", {"'s", "'", "T", "'re", " '", "x"}},
      {"smollm",
       {"It", "'s", " ", "2", "0", "2", "4", ":", " I", "'", "LL", " go", ",",
        " ", " we", "'ve", "\n\n ", " left", "!"}},
      {"smollm",
       {"a", "1", "b", "2", "2", "c", "3", "3", "3", "d", "4", "4", "4", "4",
        " ", "²", "½"}},
      {"smollm", {"  \t", " x", "\n", " y", " \r\n\r\n", " z", "  "}},
      {"smollm", {"$", "5", "+<=>^~|", " «", "quoted", "»", " don", "'t"}},
      {"smollm", {"日本語", " テスト", " привет", "\u00a0", "мир"}},
      {"smollm", {"(", "x", ")=", "y", ";", " //", " z", "\n\n\n"}},
      {"smollm", {" \n"}},
      {"smollm", {"'s", "'", "T", "'re", " '", "x"}},
      {"default",
       {"It", "'", "s", " ", "202", "4", ":", " I", "'", "LL", " go", ",", " ",
        " we", "'", "ve", "\n\n ", " left", "!"}},
      {"default",
       {"a", "1", "b", "22", "c", "333", "d", "444", "4", " ", "²½"}},
      {"default", {"  \t", " x", "\n", " y", " \r\n\r\n", " z", "  "}},
      {"default",
       {"$", "5", "+<=>^~|", " ", "«", "quoted", "»", " don", "'", "t"}},
      {"default", {"日本語", " テスト", " привет", "\u00a0", "мир"}},
      {"default", {"(", "x", ")=", "y", ";", " ", "//", " z", "\n\n\n"}},
      {"default", {" \n"}},
      {"default", {"'", "s", "'", "T", "'", "re", " ", "'", "x"}},
      {"llama-bpe",
       {"It", "'s", " ", "202", "4", ":", " I", "'LL", " go", ",", " ", " we",
        "'ve", "\n\n", " ", " left", "!"}},
      {"llama-bpe",
       {"a", "1", "b", "22", "c", "333", "d", "444", "4", " ", "²½"}},
      {"llama-bpe", {"  \t", " x", "\n", " y", " \r\n\r\n", " z", "  "}},
      {"llama-bpe", {"$", "5", "+<=>^~|", " «", "quoted", "»", " don", "'t"}},
      {"llama-bpe", {"日本語", " テスト", " привет", "\u00a0мир"}},
      {"llama-bpe", {"(x", ")=", "y", ";", " //", " z", "\n\n\n"}},
      {"llama-bpe", {" \n"}},
      {"llama-bpe", {"'s", "'T", "'re", " '", "x"}},
      {"qwen2",
       {"It", "'s", " ", "2", "0", "2", "4", ":", " I", "'LL", " go", ",", " ",
        " we", "'ve", "\n\n", " ", " left", "!"}},
      {"qwen2",
       {"a", "1", "b", "2", "2", "c", "3", "3", "3", "d", "4", "4", "4", "4",
        " ", "²", "½"}},
      {"qwen2", {"  \t", " x", "\n", " y", " \r\n\r\n", " z", "  "}},
      {"qwen2", {"$", "5", "+<=>^~|", " «", "quoted", "»", " don", "'t"}},
      {"qwen2", {"日本語", " テスト", " привет", "\u00a0мир"}},
      {"qwen2", {"(x", ")=", "y", ";", " //", " z", "\n\n\n"}},
      {"qwen2", {" \n"}},
      {"qwen2", {"'s", "'T", "'re", " '", "x"}},
  };
  for (const Case& c : cases) {
    std::string text;
    for (const std::string_view word : c.words) text += word;
    EXPECT_EQ(SplitWords(*PreTokenizerFromName(c.pre_tokenizer), text), c.words)
        << c.pre_tokenizer << ": " << text;
  }
}

TEST(PreTokenizerTest, NoTextHasNoWords) {
  EXPECT_THAT(SplitWords(PreTokenizer::kGpt2, ""), IsEmpty());
}

TEST(PreTokenizerTest, WrongBytesAreSymbols) {
  EXPECT_THAT(SplitWords(PreTokenizer::kGpt2, "a\xFF\xC3z \xE2\x96 b"),
              ElementsAre("a", "\xFF\xC3", "z", " \xE2\x96", " b"));
}

TEST(PreTokenizerTest, UnknownName) {
  const absl::Status status = PreTokenizerFromName("x\n").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "pre-tokenizer \"x\\n\" is not supported (only default, gpt-2, "
            "smollm, llama-bpe and qwen2 are)");
}

TEST(UnicodeTest, Classes) {
  EXPECT_EQ(ClassOf('a'), CharClass::kLetter);
  EXPECT_EQ(ClassOf(0x00E9), CharClass::kLetter);
  EXPECT_EQ(ClassOf('7'), CharClass::kNumber);
  EXPECT_EQ(ClassOf(0x00BD), CharClass::kNumber);  // one half
  EXPECT_EQ(ClassOf(' '), CharClass::kSpace);
  EXPECT_EQ(ClassOf('\n'), CharClass::kSpace);
  EXPECT_EQ(ClassOf(0x3000), CharClass::kSpace);
  EXPECT_EQ(ClassOf('!'), CharClass::kPunctuation);
  EXPECT_EQ(ClassOf('+'), CharClass::kOther);  // a symbol
  EXPECT_EQ(ClassOf(0), CharClass::kOther);
  EXPECT_EQ(ClassOf(0x1F642), CharClass::kOther);
  EXPECT_EQ(ClassOf(0x10FFFF), CharClass::kOther);
}

}  // namespace
}  // namespace tilework
