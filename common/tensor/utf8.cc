// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/utf8.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace tilework {
namespace {

// Length of the character that starts with `lead`; 0 if none does.
size_t LengthFromLead(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // continuation bytes and overlong forms
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

// Whether `second` may follow `lead` (of a 2-, 3- or 4-byte character).
bool SecondByteFits(uint8_t lead, uint8_t second) {
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
  if (lead == 0xE0) low = 0xA0;   // below: overlong
  if (lead == 0xED) high = 0x9F;  // above: surrogates
  if (lead == 0xF0) low = 0x90;   // below: overlong
  if (lead == 0xF4) high = 0x8F;  // above: beyond U+10FFFF
  return second >= low && second <= high;
}

}  // namespace

Utf8Character DecodeUtf8(std::string_view text) {
  Utf8Character result;
  if (text.empty()) return result;
  const uint8_t lead = static_cast<uint8_t>(text[0]);
  const size_t length = LengthFromLead(lead);
  if (length == 0) return result;
  uint32_t code_point = length == 1 ? lead : lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size()) {
      result.cut_off = true;
      return result;
    }
    const uint8_t byte = static_cast<uint8_t>(text[i]);
    const bool fits =
        i == 1 ? SecondByteFits(lead, byte) : (byte & 0xC0u) == 0x80u;
    if (!fits) return result;
    code_point = (code_point << 6) | (byte & 0x3Fu);
  }
  result.code_point = code_point;
  result.length = length;
  return result;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = DecodeUtf8(text).length;
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void AppendUtf8(uint32_t code_point, std::string& text) {
  const auto append = [&text](uint32_t byte) {
    text.push_back(static_cast<char>(byte));
  };
  if (code_point < 0x80) {
    append(code_point);
    return;
  }
  if (code_point < 0x800) {
    append(0xC0u | (code_point >> 6));
  } else {
    if (code_point < 0x10000) {
      append(0xE0u | (code_point >> 12));
    } else {
      append(0xF0u | (code_point >> 18));
      append(0x80u | ((code_point >> 12) & 0x3Fu));
    }
    append(0x80u | ((code_point >> 6) & 0x3Fu));
  }
  append(0x80u | (code_point & 0x3Fu));
}

std::string QuoteForMessage(std::string_view text) {
  constexpr size_t kLongest = 80;
  const bool is_long = text.size() > kLongest;
  if (is_long) {
    // Cut between two characters.
    size_t end = kLongest;
    while (end > kLongest - 4 && (text[end] & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  return absl::StrCat(
      "\"", IsUtf8(text) ? absl::Utf8SafeCEscape(text) : absl::CEscape(text),
      is_long ? "\"..." : "\"");
}

}  // namespace tilework
