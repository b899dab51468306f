// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Puts a user's message into the form that a chat model was trained on.
//
// Model files carry that form as a program in a template language. The forms of
// Llama-architecture models are few, so the program is not run: the form is
// recognized by its control tokens.
//
//   ChatML   <|im_start|>user\n..<|im_end|>\n<|im_start|>assistant\n
//            (before it the template's system message, if it has one)
//   Llama 3  <|start_header_id|>user<|end_header_id|>\n\n..<|eot_id|>
//            <|start_header_id|>assistant<|end_header_id|>\n\n
//   Llama 2  [INST] .. [/INST]

#ifndef TILEWORK_EXAMPLES_GENERATE_CHAT_TEMPLATE_H_
#define TILEWORK_EXAMPLES_GENERATE_CHAT_TEMPLATE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tilework {

struct ChatPrompt {
  std::string text;
  // Where the user's message is: no control tokens there.
  size_t literal_begin = 0;
  size_t literal_end = 0;
};

// The prompt for one `message`, up to where the model answers. The beginning of
// sequence token is not part of it. InvalidArgument if `chat_template` is of no
// known form.
absl::StatusOr<ChatPrompt> RenderChat(std::string_view chat_template,
                                      std::string_view message);

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_CHAT_TEMPLATE_H_
