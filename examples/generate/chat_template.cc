// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/chat_template.h"

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tilework {
namespace {

constexpr std::string_view kTurnEnd = "<|im_end|>";

// The system message that a ChatML template gives if the user has none: the
// literal text between the two control tokens. Empty if there is none.
std::string_view DefaultSystemMessage(std::string_view chat_template) {
  // In the template's strings a line end is itself or "\n".
  for (const std::string_view start :
       {"<|im_start|>system\n", "<|im_start|>system\\n"}) {
    size_t begin = chat_template.find(start);
    if (begin == chat_template.npos) continue;
    begin += start.size();
    const size_t end = chat_template.find(kTurnEnd, begin);
    if (end == chat_template.npos) continue;
    const std::string_view text = chat_template.substr(begin, end - begin);
    // A quote ends the string: what follows is computed, not literal.
    if (text.find_first_of("'\"{}\\") == text.npos) return text;
  }
  return {};
}

ChatPrompt Join(std::string_view before, std::string_view message,
                std::string_view after) {
  return {.text = absl::StrCat(before, message, after),
          .literal_begin = before.size(),
          .literal_end = before.size() + message.size()};
}

}  // namespace

absl::StatusOr<ChatPrompt> RenderChat(std::string_view chat_template,
                                      std::string_view message) {
  if (absl::StrContains(chat_template, "<|im_start|>")) {
    const std::string_view system = DefaultSystemMessage(chat_template);
    const std::string first =
        system.empty()
            ? ""
            : absl::StrCat("<|im_start|>system\n", system, kTurnEnd, "\n");
    return Join(absl::StrCat(first, "<|im_start|>user\n"), message,
                absl::StrCat(kTurnEnd, "\n<|im_start|>assistant\n"));
  }
  // The templates of the other two drop white space around the message.
  message = absl::StripAsciiWhitespace(message);
  if (absl::StrContains(chat_template, "<|start_header_id|>")) {
    return Join("<|start_header_id|>user<|end_header_id|>\n\n", message,
                "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
  }
  if (absl::StrContains(chat_template, "[INST]")) {
    return Join("[INST] ", message, " [/INST]");
  }
  return absl::InvalidArgumentError(
      "the model's chat template is not supported (only ChatML, Llama 2 and "
      "Llama 3 are)");
}

}  // namespace tilework
