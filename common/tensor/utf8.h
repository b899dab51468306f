// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing above
// U+10FFFF.

#ifndef TILEWORK_COMMON_TENSOR_UTF8_H_
#define TILEWORK_COMMON_TENSOR_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tilework {

struct Utf8Character {
  uint32_t code_point = 0;
  // Bytes of the character; 0 if the text does not start with a whole one.
  size_t length = 0;
  // With length 0: the text is cut off within a character that could still
  // become whole.
  bool cut_off = false;
};

// The character that `text` starts with.
Utf8Character DecodeUtf8(std::string_view text);

// Whether all of `text` is UTF-8.
bool IsUtf8(std::string_view text);

// Appends a `code_point`, which must be a Unicode scalar value.
void AppendUtf8(uint32_t code_point, std::string& text);

// `text` in double quotes for a one-line message: escaped where it is not
// printable UTF-8, and shortened where it is long.
std::string QuoteForMessage(std::string_view text);

}  // namespace tilework

#endif  // TILEWORK_COMMON_TENSOR_UTF8_H_
