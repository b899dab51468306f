// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The expected tokens of small vocabularies come from other implementations:
// the Python packages tokenizers (byte-level) and sentencepiece.

#include "tilework/examples/generate/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/tensor/utf8.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/gguf_writer.h"

namespace tilework {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int32_t kNormal = 1;
constexpr int32_t kUnknown = 2;
constexpr int32_t kControl = 3;
constexpr int32_t kUserDefined = 4;
constexpr int32_t kByte = 6;

// What is written to the file.
struct Vocabulary {
  std::string model = "gpt2";
  std::string pre = "smollm";
  std::vector<std::string> tokens;
  std::vector<int32_t> kinds;
  std::vector<std::string> merges;
  std::vector<float> scores;
  std::optional<uint32_t> bos, eos, unknown;
  std::optional<bool> add_bos, add_space_prefix;

  void Add(std::string_view token, int32_t kind, float score = 0) {
    tokens.emplace_back(token);
    kinds.push_back(kind);
    scores.push_back(score);
  }
};

absl::Span<const std::byte> Bytes(const std::string& file) {
  return {reinterpret_cast<const std::byte*>(file.data()), file.size()};
}

absl::StatusOr<Tokenizer> Load(const GgufWriter& writer) {
  const std::string bytes = writer.Finish();
  const absl::StatusOr<GgufFile> file = GgufFile::Parse(Bytes(bytes));
  ABSL_CHECK_OK(file.status());
  return Tokenizer::FromGguf(*file);
}

absl::StatusOr<Tokenizer> Load(const Vocabulary& v) {
  GgufWriter writer;
  const auto key = [](std::string_view name) {
    return absl::StrCat("tokenizer.ggml.", name);
  };
  const auto add = [&](std::string_view name, const auto& value) {
    if (value.has_value()) writer.Add(key(name), *value);
  };
  writer.Add(key("model"), v.model);
  writer.Add(key("pre"), v.pre);
  writer.Add(key("tokens"), absl::Span<const std::string>(v.tokens));
  writer.Add(key("token_type"), absl::Span<const int32_t>(v.kinds));
  if (v.model == "gpt2") {
    writer.Add(key("merges"), absl::Span<const std::string>(v.merges));
  } else {
    writer.Add(key("scores"), absl::Span<const float>(v.scores));
  }
  add("bos_token_id", v.bos);
  add("eos_token_id", v.eos);
  add("unknown_token_id", v.unknown);
  add("add_bos_token", v.add_bos);
  add("add_space_prefix", v.add_space_prefix);
  return Load(writer);
}

std::string LoadError(const Vocabulary& vocabulary) {
  const absl::Status status = Load(vocabulary).status();
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message().find('\n'), std::string_view::npos);
  return std::string(status.message());
}

// 3 control tokens, the 256 bytes (byte b is token 3 + b), 15 merges from 259
// on, and 274 " hello", which no merge makes.
Vocabulary ByteLevelVocabulary() {
  Vocabulary v;
  for (const char* text : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    v.Add(text, kControl);
  }
  uint32_t next = 0x100;
  for (uint32_t b = 0; b < 256; ++b) {
    const bool itself = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b != 0xAD);
    std::string character;
    AppendUtf8(itself ? b : next++, character);
    v.Add(character, kNormal);
  }
  v.merges = {"t h", "th e", "Ġ the", "Ġ c",  "a p",   "i t",    "Ġ Ġ", "Ċ Ċ",
              "1 2", "' s",  "Ã ©",   "c ap", "Ġc ap", "cap it", "a l"};
  for (const std::string& merge : v.merges) {
    v.Add(absl::StrReplaceAll(merge, {{" ", ""}}), kNormal);
  }
  v.Add("Ġhello", kNormal);
  v.bos = 1;
  v.eos = 2;
  return v;
}

// unknown, <s>, </s>, the 256 byte tokens, 9 pieces from 259 on, and single
// characters from 268 on.
Vocabulary SentencePieceVocabulary() {
  Vocabulary v;
  v.model = "llama";
  v.Add("<unk>", kUnknown);
  v.Add("<s>", kControl);
  v.Add("</s>", kControl);
  for (int b = 0; b < 256; ++b) {
    v.Add(absl::StrFormat("<0x%02X>", b), kByte);
  }
  float score = 0;
  for (const char* text :
       {"▁t", "he", "▁the", "▁c", "ap", "▁cap", "it", "al", "▁▁"}) {
    v.Add(text, kNormal, score--);
  }
  score = -100;
  for (const char* text : {"▁", "t", "h", "e", "c", "a", "p", "i", "l"}) {
    v.Add(text, kNormal, score--);
  }
  v.unknown = 0;
  v.bos = 1;
  v.eos = 2;
  return v;
}

Tokenizer MustLoad(const Vocabulary& v) {
  absl::StatusOr<Tokenizer> tokenizer = Load(v);
  ABSL_CHECK_OK(tokenizer.status());
  return *std::move(tokenizer);
}

TEST(TokenizerTest, ByteLevelAgreesWithTheReference) {
  const struct {
    const char* pre;
    const char* text;
    std::vector<int32_t> tokens;
  } cases[] = {
      {"gpt-2", "the capital", {260, 271, 264, 273}},
      {"gpt-2", "the the  the", {260, 261, 35, 261}},
      {"gpt-2",
       "it's 12123\n\n the\n\ncap",
       {264, 268, 35, 267, 267, 54, 266, 261, 13, 13, 270}},
      {"gpt-2", "é🙂\u00a0x", {269, 243, 162, 156, 133, 197, 163, 123}},
      {"gpt-2", "'S  \n 1", {42, 86, 265, 13, 35, 52}},
      {"gpt-2",
       "\ttab  end  ",
       {12, 119, 100, 101, 35, 35, 104, 113, 103, 265}},
      {"smollm",
       "it's 12123\n\n the\n\ncap",
       {264, 268, 35, 52, 53, 52, 53, 54, 266, 261, 13, 13, 270}},
      {"smollm",
       " hello hello",
       {35, 107, 104, 111, 111, 114, 35, 107, 104, 111, 111, 114}},
      {"llama-bpe",
       "it's 12123\n\n the\n\ncap",
       {264, 268, 35, 267, 52, 53, 54, 266, 261, 266, 270}},
      {"llama-bpe", " hello hello", {274, 274}},
      {"llama-bpe",
       "\ttab  end  ",
       {12, 119, 100, 101, 35, 35, 104, 113, 103, 265}},
  };
  for (const auto& c : cases) {
    Vocabulary v = ByteLevelVocabulary();
    v.pre = c.pre;
    const Tokenizer tokenizer = MustLoad(v);
    EXPECT_EQ(tokenizer.Encode(c.text, {.add_bos = false}), c.tokens)
        << c.pre << " " << c.text;
    EXPECT_EQ(tokenizer.Decode(c.tokens), c.text);
  }
}

TEST(TokenizerTest, SentencePieceAgreesWithTheReference) {
  const Tokenizer tokenizer = MustLoad(SentencePieceVocabulary());
  const struct {
    const char* text;
    std::vector<int32_t> tokens;
  } cases[] = {
      {"the capital", {1, 261, 264, 265, 266}},
      {"the the  the", {1, 261, 261, 268, 261}},
      {"é cap", {1, 268, 198, 172, 264}},
      {"x", {1, 268, 123}},
      {"  ", {1, 267, 268}},
      {"hehethe the", {1, 268, 260, 260, 269, 260, 261}},
      {"", {1}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(tokenizer.Encode(c.text), c.tokens) << c.text;
    EXPECT_EQ(tokenizer.Decode(c.tokens), c.text);
  }
}

TEST(TokenizerTest, SentencePieceWithoutSpacePrefix) {
  Vocabulary v = SentencePieceVocabulary();
  v.add_space_prefix = false;
  v.add_bos = false;
  const Tokenizer tokenizer = MustLoad(v);
  EXPECT_THAT(tokenizer.Encode("the the"), ElementsAre(269, 260, 261));
  EXPECT_EQ(tokenizer.Decode({261, 261}), " the the");
}

TEST(TokenizerTest, UnknownCharactersWithoutByteTokens) {
  Vocabulary v = SentencePieceVocabulary();
  for (int32_t& kind : v.kinds) kind = kind == kByte ? 5 : kind;
  const Tokenizer tokenizer = MustLoad(v);
  EXPECT_THAT(tokenizer.Encode("éhe"), ElementsAre(1, 268, 0, 0, 260));
  v.unknown.reset();
  EXPECT_THAT(MustLoad(v).Encode("éhe"), ElementsAre(1, 268, 260));
}

TEST(TokenizerTest, SpecialTokensOnlyWhereAsked) {
  Vocabulary v = ByteLevelVocabulary();
  v.Add("<|im_start|>x", kControl);  // the longest wins
  v.Add("<|tool|>", kUserDefined);   // always recognized
  const Tokenizer tokenizer = MustLoad(v);
  const int32_t longest = *tokenizer.Find("<|im_start|>x");
  const int32_t user_defined = *tokenizer.Find("<|tool|>");
  const std::string text = "the<|im_end|> the<|im_start|>x<|tool|>";
  EXPECT_THAT(tokenizer.Encode(text, {.parse_special = true}),
              ElementsAre(260, 2, 261, longest, user_defined));
  const std::vector<int32_t> plain = tokenizer.Encode(text);
  EXPECT_EQ(plain.back(), user_defined);
  for (const int32_t token : plain) {
    EXPECT_TRUE(token > 2 && token != longest) << token;
  }
  EXPECT_EQ(tokenizer.Decode({260, 2, 261}), "the the");
  EXPECT_EQ(tokenizer.Decode({260, 2, 261}, /*with_special=*/true),
            "the<|im_end|> the");
}

TEST(TokenizerTest, SpecialTokensNotWithinLiteralText) {
  const Tokenizer tokenizer = MustLoad(ByteLevelVocabulary());
  const std::string text = "<|im_end|>the<|im_end|>";
  const std::vector<int32_t> tokens = tokenizer.Encode(
      text, {.parse_special = true, .literal_begin = 1, .literal_end = 14});
  // The first begins before the literal text.
  ASSERT_GT(tokens.size(), 3u);
  EXPECT_EQ(tokens[0], 2);
  EXPECT_EQ(tokens[1], 260);
  EXPECT_NE(tokens[2], 2);
  EXPECT_EQ(tokenizer.Decode(tokens, true), text);
}

TEST(TokenizerTest, BosAndEnds) {
  Vocabulary v = ByteLevelVocabulary();
  EXPECT_FALSE(MustLoad(v).adds_bos());
  v.pre = "llama-bpe";
  EXPECT_TRUE(MustLoad(v).adds_bos());
  v.add_bos = true;
  const Tokenizer tokenizer = MustLoad(v);
  EXPECT_THAT(tokenizer.Encode("the"), ElementsAre(1, 260));
  EXPECT_THAT(tokenizer.Encode("the", {.add_bos = false}), ElementsAre(260));
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  // The end of the text and of a turn both end an answer.
  EXPECT_TRUE(tokenizer.IsEnd(0));
  EXPECT_FALSE(tokenizer.IsEnd(1));
  EXPECT_TRUE(tokenizer.IsEnd(2));
  EXPECT_FALSE(tokenizer.IsEnd(-1));
  EXPECT_FALSE(tokenizer.IsEnd(tokenizer.vocab_size()));
  v.bos.reset();
  EXPECT_THAT(LoadError(v), HasSubstr("bos_token_id\" is missing"));
}

TEST(TokenizerTest, AnyBytesSurvive) {
  std::string text;
  for (int i = 0; i < 256; ++i) text.push_back(static_cast<char>(i));
  text += "\xF0\x9F\x99\xE2\x96\x81\xC0\x80";
  const Tokenizer byte_level = MustLoad(ByteLevelVocabulary());
  EXPECT_EQ(byte_level.Decode(byte_level.Encode(text)), text);
  const Tokenizer sentence_piece = MustLoad(SentencePieceVocabulary());
  // Its sign for a space is a space.
  EXPECT_EQ(sentence_piece.Decode(sentence_piece.Encode(text)),
            absl::StrReplaceAll(text, {{"\xE2\x96\x81", " "}}));
}

TEST(TokenizerTest, LongWordsTakeLittleTime) {
  Vocabulary v = ByteLevelVocabulary();
  v.merges.push_back("x x");
  v.Add("xx", kNormal);
  const Tokenizer tokenizer = MustLoad(v);
  const std::string text(1 << 20, 'x');
  EXPECT_EQ(tokenizer.Encode(text).size(), text.size() / 2);
}

TEST(TokenizerTest, TextOfTokensThatDoNotExist) {
  const Tokenizer tokenizer = MustLoad(ByteLevelVocabulary());
  EXPECT_THAT(tokenizer.TokenText(-1), IsEmpty());
  EXPECT_THAT(tokenizer.TokenText(tokenizer.vocab_size()), IsEmpty());
  EXPECT_EQ(tokenizer.Find("nothing"), std::nullopt);
}

TEST(TokenizerTest, WrongVocabularies) {
  Vocabulary v = ByteLevelVocabulary();
  v.model = "bert";
  EXPECT_EQ(LoadError(v),
            "tokenizer model \"bert\" is not supported (only gpt2 and llama "
            "are)");
  v = ByteLevelVocabulary();
  v.pre = "deepseek";
  EXPECT_THAT(LoadError(v), HasSubstr("pre-tokenizer \"deepseek\" is not"));
  v = ByteLevelVocabulary();
  v.kinds.pop_back();
  EXPECT_EQ(LoadError(v),
            "tokenizer.ggml.token_type has 274 entries for 275 tokens");
  v = ByteLevelVocabulary();
  v.kinds[5] = 9;
  EXPECT_EQ(LoadError(v), "token 5 has unknown type 9");
  v = ByteLevelVocabulary();
  v.merges.push_back("t nothing");
  EXPECT_EQ(LoadError(v),
            "merge 15 \"t nothing\" is not of two tokens to a third");
  v.merges.back() = "";
  EXPECT_EQ(LoadError(v), "merge 15 \"\" is not of two tokens to a third");
  v = ByteLevelVocabulary();
  v.eos = 275;
  EXPECT_EQ(LoadError(v),
            "tokenizer.ggml.eos_token_id is 275, but there are 275 tokens");
  v = ByteLevelVocabulary();
  v.tokens.clear();
  v.kinds.clear();
  EXPECT_EQ(LoadError(v), "tokenizer.ggml.tokens is empty");
  v = SentencePieceVocabulary();
  v.scores.pop_back();
  EXPECT_EQ(LoadError(v),
            "tokenizer.ggml.scores has 276 entries for 277 tokens");
  v = SentencePieceVocabulary();
  v.scores[260] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(LoadError(v), "token 260 has score NaN");
  v = SentencePieceVocabulary();
  v.tokens[3] = "<0xZZ>";
  EXPECT_EQ(LoadError(v), "byte token \"<0xZZ>\" is not of the form <0x00>");
}

TEST(TokenizerTest, MissingKeys) {
  const auto message = [](const GgufWriter& writer) {
    return std::string(Load(writer).status().message());
  };
  GgufWriter writer;
  EXPECT_EQ(message(writer), "metadata \"tokenizer.ggml.model\" is missing");
  writer.Add("tokenizer.ggml.model", "gpt2");
  EXPECT_EQ(message(writer), "metadata \"tokenizer.ggml.tokens\" is missing");
  const std::vector<std::string> tokens = {"a"};
  writer.Add("tokenizer.ggml.tokens", absl::Span<const std::string>(tokens));
  EXPECT_EQ(message(writer), "metadata \"tokenizer.ggml.merges\" is missing");
  writer.Add("tokenizer.ggml.merges", absl::Span<const std::string>());
  // Token types and special tokens may be missing.
  const absl::StatusOr<Tokenizer> tokenizer = Load(writer);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT(tokenizer->Encode("ab"), ElementsAre(0));
  EXPECT_EQ(tokenizer->bos(), std::nullopt);
}

TEST(StreamingDecoderTest, GivesWholeCharacters) {
  const Tokenizer tokenizer = MustLoad(ByteLevelVocabulary());
  StreamingDecoder decoder(tokenizer);
  const std::string smile = "🙂";
  const auto token = [](char c) {
    return 3 + static_cast<int32_t>(static_cast<unsigned char>(c));
  };
  EXPECT_EQ(decoder.Add(261), " the");
  EXPECT_EQ(decoder.Add(token(smile[0])), "");
  EXPECT_EQ(decoder.Add(token(smile[1])), "");
  EXPECT_EQ(decoder.Add(token(smile[2])), "");
  EXPECT_EQ(decoder.Add(token(smile[3])), smile);
  // Bytes that cannot become a character are not held back.
  EXPECT_EQ(decoder.Add(token('\x80')), "\x80");
  EXPECT_EQ(decoder.Add(token(smile[0])), "");
  EXPECT_EQ(decoder.Add(260), "\xF0the");
  EXPECT_EQ(decoder.Add(token(smile[0])), "");
  EXPECT_EQ(decoder.Finish(), "\xF0");
  EXPECT_EQ(decoder.Finish(), "");
}

}  // namespace
}  // namespace tilework
