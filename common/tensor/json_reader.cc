// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/json_reader.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/tensor/utf8.h"

namespace tilework {

void JsonReader::Fail(std::string_view message) {
  if (!ok()) return;
  status_ =
      absl::InvalidArgumentError(absl::StrCat(message, " at byte ", position_));
}

void JsonReader::SkipWhitespace() {
  while (!AtEnd()) {
    const char c = text_[position_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    ++position_;
  }
}

bool JsonReader::Consume(char c) {
  SkipWhitespace();
  if (!ok() || AtEnd() || text_[position_] != c) return false;
  ++position_;
  return true;
}

void JsonReader::Object(
    absl::FunctionRef<void(const std::string& key)> member) {
  if (!Consume('{')) return Fail("expected '{'");
  if (Consume('}')) return;
  absl::flat_hash_set<std::string> keys;
  do {
    const std::string key = String();
    if (!ok()) return;
    if (!keys.insert(key).second) {
      return Fail(absl::StrCat("duplicate key ", QuoteForMessage(key)));
    }
    if (!Consume(':')) return Fail("expected ':'");
    member(key);
    if (!ok()) return;
  } while (Consume(','));
  if (!Consume('}')) Fail("expected ',' or '}'");
}

void JsonReader::Array(absl::FunctionRef<void()> element) {
  if (!Consume('[')) return Fail("expected '['");
  if (Consume(']')) return;
  do {
    element();
    if (!ok()) return;
  } while (Consume(','));
  if (!Consume(']')) Fail("expected ',' or ']'");
}

std::string JsonReader::String() {
  std::string result;
  if (!Consume('"')) {
    Fail("expected a string");
    return result;
  }
  while (ok()) {
    if (AtEnd()) {
      Fail("unterminated string");
      break;
    }
    const char c = text_[position_];
    if (c == '"') {
      ++position_;
      return result;
    }
    if (c == '\\') {
      ++position_;
      Escape(result);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      Fail("control character in a string");
    } else {
      const size_t length = DecodeUtf8(text_.substr(position_)).length;
      if (length == 0) Fail("invalid UTF-8");
      result.append(text_, position_, length);
      position_ += length;
    }
  }
  return std::string();
}

void JsonReader::Escape(std::string& result) {
  if (AtEnd()) return Fail("unterminated string");
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  const char c = text_[position_];
  if (const size_t i = kNames.find(c); i != kNames.npos) {
    ++position_;
    result.push_back(kValues[i]);
    return;
  }
  if (c != 'u') return Fail("unknown escape");
  ++position_;
  uint32_t code_point = FourDigits();
  if (code_point >= 0xD800 && code_point < 0xE000) {
    // A high surrogate, which only makes sense with a low one after it.
    const bool pair =
        code_point < 0xDC00 && text_.substr(position_).substr(0, 2) == "\\u";
    if (pair) position_ += 2;
    const uint32_t low = pair ? FourDigits() : 0;
    if (low < 0xDC00 || low >= 0xE000) return Fail("unpaired surrogate");
    code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
  }
  if (ok()) AppendUtf8(code_point, result);
}

uint32_t JsonReader::FourDigits() {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c =
        AtEnd()
            ? '\0'
            : absl::ascii_tolower(static_cast<unsigned char>(text_[position_]));
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
      Fail("expected four hexadecimal digits");
      return 0;
    }
    ++position_;
    value =
        value * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return value;
}

int64_t JsonReader::Integer() {
  SkipWhitespace();
  if (!ok()) return 0;
  const size_t start = position_;
  int64_t value = 0;
  for (; !AtEnd(); ++position_) {
    const char c = text_[position_];
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) break;
    const int64_t digit = c - '0';
    if (value > (std::numeric_limits<int64_t>::max() - digit) / 10) {
      Fail("number too large");
      return 0;
    }
    value = value * 10 + digit;
  }
  const size_t digits = position_ - start;
  const bool leading_zero = digits > 1 && text_[start] == '0';
  const bool goes_on =
      !AtEnd() &&
      std::string_view(".eE").find(text_[position_]) != std::string_view::npos;
  if (digits == 0 || leading_zero || goes_on) {
    position_ = start;
    Fail("expected a natural number");
    return 0;
  }
  return value;
}

void JsonReader::End() {
  while (!AtEnd() && text_[position_] == ' ') ++position_;
  if (!AtEnd()) Fail("unexpected text");
}

}  // namespace tilework
