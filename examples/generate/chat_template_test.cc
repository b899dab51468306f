// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/chat_template.h"

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace tilework {
namespace {

std::string Render(std::string_view chat_template, std::string_view message) {
  const absl::StatusOr<ChatPrompt> prompt = RenderChat(chat_template, message);
  if (!prompt.ok()) return std::string(prompt.status().message());
  // The literal part is the message, without white space where that is dropped.
  const std::string literal = prompt->text.substr(
      prompt->literal_begin, prompt->literal_end - prompt->literal_begin);
  EXPECT_NE(message.find(literal), message.npos);
  EXPECT_FALSE(literal.empty());
  return prompt->text;
}

TEST(ChatTemplateTest, ChatMl) {
  constexpr std::string_view kTurn =
      "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + "
      "m['content'] + '<|im_end|>' + '\n'}}{% endfor %}";
  constexpr std::string_view kUser =
      "<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\n";
  EXPECT_EQ(Render(kTurn, " Hi "), kUser);
  // A system message, with both ways to write a line end.
  for (const std::string line_end : {"\n", "\\n"}) {
    const std::string system = "{{ '<|im_start|>system" + line_end +
                               "Be kind.<|im_end|>" + line_end + "' }}";
    EXPECT_EQ(Render(system + std::string(kTurn), " Hi "),
              "<|im_start|>system\nBe kind.<|im_end|>\n" + std::string(kUser));
  }
  // One that is computed is not taken.
  EXPECT_EQ(
      Render("{{ '<|im_start|>system\n' + text + '<|im_end|>' }}", " Hi "),
      kUser);
  EXPECT_EQ(Render("{{ '<|im_start|>system\nnever ends", " Hi "), kUser);
}

TEST(ChatTemplateTest, Llama3) {
  EXPECT_EQ(Render("{{'<|start_header_id|>' + m['role']}}", " Hi\n"),
            "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(ChatTemplateTest, Llama2) {
  EXPECT_EQ(Render("{{ bos_token + '[INST] ' + content }}", "Hi"),
            "[INST] Hi [/INST]");
}

TEST(ChatTemplateTest, Unknown) {
  const absl::Status status = RenderChat("{{ content }}", "Hi").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "the model's chat template is not supported (only ChatML, Llama 2 "
            "and Llama 3 are)");
}

}  // namespace
}  // namespace tilework
