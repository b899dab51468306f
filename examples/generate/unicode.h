// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The classes of Unicode characters that tokenizers split text by.

#ifndef TILEWORK_EXAMPLES_GENERATE_UNICODE_H_
#define TILEWORK_EXAMPLES_GENERATE_UNICODE_H_

#include <cstdint>

namespace tilework {

// The values are those in unicode_ranges.inc.
enum class CharClass : uint8_t {
  kOther = 0,
  kLetter = 1,       // general category L: \p{L}
  kNumber = 2,       // N: \p{N}
  kSpace = 3,        // property White_Space: \s
  kPunctuation = 4,  // P: \p{P}
};

// The class of a code point; kOther for what is not assigned.
CharClass ClassOf(uint32_t code_point);

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_UNICODE_H_
