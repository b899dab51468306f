// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/pretokenizer.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "tilework/common/tensor/utf8.h"
#include "tilework/examples/generate/unicode.h"

namespace tilework {
namespace {

struct Char {
  uint32_t code_point;
  CharClass char_class;
  size_t offset;  // in the text
};
using Chars = absl::Span<const Char>;

std::vector<Char> DecodeChars(std::string_view text) {
  std::vector<Char> chars;
  chars.reserve(text.size());
  for (size_t offset = 0; offset < text.size();) {
    const Utf8Character c = DecodeUtf8(text.substr(offset));
    if (c.length == 0) {
      chars.push_back({0xFFFD, CharClass::kOther, offset++});
    } else {
      chars.push_back({c.code_point, ClassOf(c.code_point), offset});
      offset += c.length;
    }
  }
  return chars;
}

// A rule: how many characters a word at the start of `chars` takes; 0 if none
// starts there. Rules see only the piece that they are applied to.
using Rule = size_t (*)(Chars chars);

bool IsSpace(const Char& c) { return c.char_class == CharClass::kSpace; }
bool IsLetter(const Char& c) { return c.char_class == CharClass::kLetter; }
bool IsNumber(const Char& c) { return c.char_class == CharClass::kNumber; }
// [^\s\p{L}\p{N}]
bool IsSymbol(const Char& c) {
  return c.char_class == CharClass::kOther ||
         c.char_class == CharClass::kPunctuation;
}
bool IsLineEnd(const Char& c) {
  return c.code_point == '\r' || c.code_point == '\n';
}

// How many characters from `start` on satisfy `predicate`.
template <typename Predicate>
size_t Run(Chars chars, size_t start, const Predicate& predicate) {
  size_t end = start;
  while (end < chars.size() && predicate(chars[end])) ++end;
  return end - start;
}

// 's|'t|'re|'ve|'m|'ll|'d
size_t Contraction(Chars chars, bool ignore_case) {
  if (chars.size() < 2 || chars[0].code_point != '\'') return 0;
  const auto at = [&](size_t i) -> uint32_t {
    if (i >= chars.size()) return 0;
    const uint32_t c = chars[i].code_point;
    return ignore_case && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
  };
  if (at(1) == 's' || at(1) == 't' || at(1) == 'm' || at(1) == 'd') return 2;
  const bool two = (at(1) == 'r' && at(2) == 'e') ||
                   (at(1) == 'v' && at(2) == 'e') ||
                   (at(1) == 'l' && at(2) == 'l');
  return two ? 3 : 0;
}

// \s+(?!\S)|\s+: white space, but without its last character where that could
// belong to a following word.
size_t Spaces(Chars chars) {
  const size_t run = Run(chars, 0, IsSpace);
  return run < 2 || run == chars.size() ? run : run - 1;
}

// '(s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t Gpt2Rule(Chars chars) {
  if (const size_t length = Contraction(chars, false)) return length;
  const size_t start = chars[0].code_point == ' ' ? 1 : 0;
  for (const auto predicate : {IsLetter, IsNumber, IsSymbol}) {
    if (const size_t run = Run(chars, start, predicate)) return start + run;
  }
  return Spaces(chars);
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,kDigits}|
//  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
template <size_t kDigits>
size_t Llama3Rule(Chars chars) {
  if (const size_t length = Contraction(chars, true)) return length;
  const bool joins =
      !IsLetter(chars[0]) && !IsNumber(chars[0]) && !IsLineEnd(chars[0]);
  if (const size_t run = Run(chars, joins ? 1 : 0, IsLetter)) {
    return run + (joins ? 1 : 0);
  }
  // Looks no further than it takes: long numbers must not cost their square.
  if (const size_t run = Run(chars.subspan(0, kDigits), 0, IsNumber)) {
    return run;
  }
  const size_t start = chars[0].code_point == ' ' ? 1 : 0;
  if (const size_t run = Run(chars, start, IsSymbol)) {
    return start + run + Run(chars, start + run, IsLineEnd);
  }
  // \s*[\r\n]+ goes up to the last line end of the white space.
  for (size_t end = Run(chars, 0, IsSpace); end > 0; --end) {
    if (IsLineEnd(chars[end - 1])) return end;
  }
  return Spaces(chars);
}

// \p{N}
size_t DigitRule(Chars chars) { return IsNumber(chars[0]) ? 1 : 0; }
// \p{N}+
size_t NumberRule(Chars chars) { return Run(chars, 0, IsNumber); }
// [\p{P}$+<=>^~|]+
size_t PunctuationRule(Chars chars) {
  return Run(chars, 0, [](const Char& c) {
    constexpr std::string_view kSymbols = "$+<=>^~|";
    return c.char_class == CharClass::kPunctuation ||
           (c.code_point < 0x80 &&
            kSymbols.find(static_cast<char>(c.code_point)) != kSymbols.npos);
  });
}
// [0-9][0-9][0-9]
size_t ThreeDigitRule(Chars chars) {
  const size_t run = Run(chars.subspan(0, 3), 0, [](const Char& c) {
    return c.code_point >= '0' && c.code_point <= '9';
  });
  return run == 3 ? 3 : 0;
}

// The rules of a family: each splits the pieces that the one before has left.
absl::Span<const Rule> RulesOf(PreTokenizer pre_tokenizer) {
  static constexpr std::array<Rule, 4> kDefault = {PunctuationRule, Gpt2Rule,
                                                   NumberRule, ThreeDigitRule};
  static constexpr std::array<Rule, 1> kGpt2 = {Gpt2Rule};
  static constexpr std::array<Rule, 2> kSmolLm = {DigitRule, Gpt2Rule};
  static constexpr std::array<Rule, 1> kLlama3 = {Llama3Rule<3>};
  static constexpr std::array<Rule, 1> kQwen2 = {Llama3Rule<1>};
  switch (pre_tokenizer) {
    case PreTokenizer::kDefault:
      return kDefault;
    case PreTokenizer::kGpt2:
      return kGpt2;
    case PreTokenizer::kSmolLm:
      return kSmolLm;
    case PreTokenizer::kLlama3:
      return kLlama3;
    case PreTokenizer::kQwen2:
      return kQwen2;
  }
  return {};
}

// Cuts `piece` into the words that `rule` finds and what is between them.
void Split(Chars piece, Rule rule, std::vector<Chars>& words) {
  size_t done = 0;
  for (size_t i = 0; i < piece.size();) {
    const size_t length = rule(piece.subspan(i));
    if (length == 0) {
      ++i;
      continue;
    }
    if (done < i) words.push_back(piece.subspan(done, i - done));
    words.push_back(piece.subspan(i, length));
    i += length;
    done = i;
  }
  if (done < piece.size()) words.push_back(piece.subspan(done));
}

}  // namespace

absl::StatusOr<PreTokenizer> PreTokenizerFromName(std::string_view name) {
  if (name == "default") return PreTokenizer::kDefault;
  if (name == "gpt-2") return PreTokenizer::kGpt2;
  if (name == "smollm") return PreTokenizer::kSmolLm;
  if (name == "llama-bpe") return PreTokenizer::kLlama3;
  if (name == "qwen2") return PreTokenizer::kQwen2;
  return absl::InvalidArgumentError(
      absl::StrCat("pre-tokenizer ", QuoteForMessage(name),
                   " is not supported (only default, gpt-2, smollm, llama-bpe "
                   "and qwen2 are)"));
}

std::vector<std::string_view> SplitWords(PreTokenizer pre_tokenizer,
                                         std::string_view text) {
  const std::vector<Char> chars = DecodeChars(text);
  std::vector<Chars> pieces;
  if (!chars.empty()) pieces.push_back(chars);
  for (const Rule rule : RulesOf(pre_tokenizer)) {
    std::vector<Chars> words;
    for (const Chars piece : pieces) Split(piece, rule, words);
    pieces = std::move(words);
  }
  std::vector<std::string_view> words;
  words.reserve(pieces.size());
  for (size_t i = 0; i < pieces.size(); ++i) {
    const size_t start = pieces[i][0].offset;
    const size_t end =
        i + 1 < pieces.size() ? pieces[i + 1][0].offset : text.size();
    words.push_back(text.substr(start, end - start));
  }
  return words;
}

}  // namespace tilework
