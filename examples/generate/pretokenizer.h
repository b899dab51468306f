// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Splits text into the words that a byte-level BPE tokenizer encodes one by
// one. Each model family has its own rules, written as regular expressions by
// its makers and by hand here.

#ifndef TILEWORK_EXAMPLES_GENERATE_PRETOKENIZER_H_
#define TILEWORK_EXAMPLES_GENERATE_PRETOKENIZER_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tilework {

enum class PreTokenizer { kDefault, kGpt2, kSmolLm, kLlama3, kQwen2 };

// From the metadata's name: "default", "gpt-2", "smollm", "llama-bpe", "qwen2".
// Any other is InvalidArgument.
absl::StatusOr<PreTokenizer> PreTokenizerFromName(std::string_view name);

// The words of `text`, in order; together they are all of it. A byte that is
// not part of a UTF-8 character counts as a symbol of its own.
std::vector<std::string_view> SplitWords(PreTokenizer pre_tokenizer,
                                         std::string_view text);

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_PRETOKENIZER_H_
