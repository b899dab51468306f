// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Reads a tokenizer from the metadata of a GGUF file.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "tilework/common/tensor/utf8.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/pretokenizer.h"
#include "tilework/examples/generate/tokenizer.h"

namespace tilework {
namespace {

constexpr std::string_view kPrefix = "tokenizer.ggml.";
// How SentencePiece writes a space.
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// Texts of control tokens that end an answer.
constexpr std::string_view kEndTexts[] = {
    "<|im_end|>", "<|endoftext|>", "<|eot_id|>",   "<|end_of_text|>",
    "<|eom_id|>", "<|end|>",       "<end_of_turn>"};

std::string Key(std::string_view name) { return absl::StrCat(kPrefix, name); }

template <typename... Parts>
absl::Status Error(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// Byte-level vocabularies write each byte as one printable character: bytes
// that are printable in Latin-1 as themselves, the others as U+0100 onward.
bool StandsForItself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

absl::flat_hash_map<uint32_t, char> ByteOfCharacter() {
  absl::flat_hash_map<uint32_t, char> bytes;
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    bytes[StandsForItself(byte) ? byte : next++] = static_cast<char>(byte);
  }
  return bytes;
}

// The bytes that a token of a byte-level vocabulary stands for; nothing if it
// has a character that stands for no byte.
std::optional<std::string> BytesOf(std::string_view token) {
  static const auto& kBytes =
      *new absl::flat_hash_map<uint32_t, char>(ByteOfCharacter());
  std::string bytes;
  while (!token.empty()) {
    const Utf8Character c = DecodeUtf8(token);
    const auto found = kBytes.find(c.code_point);
    if (c.length == 0 || found == kBytes.end()) return std::nullopt;
    bytes.push_back(found->second);
    token.remove_prefix(c.length);
  }
  return bytes;
}

// The byte of a token "<0x0A>".
std::optional<char> ByteOfHexToken(std::string_view token) {
  uint32_t byte;
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>' ||
      !absl::SimpleHexAtoi(token.substr(3, 2), &byte)) {
    return std::nullopt;
  }
  return static_cast<char>(byte);
}

}  // namespace

absl::StatusOr<Tokenizer> Tokenizer::FromGguf(const GgufFile& file) {
  Tokenizer tokenizer;
  const absl::Status status = tokenizer.Load(file);
  if (!status.ok()) return status;
  return tokenizer;
}

absl::Status Tokenizer::Load(const GgufFile& file) {
  const absl::StatusOr<std::string_view> model =
      file.Get<std::string_view>(Key("model"));
  if (!model.ok()) return model.status();
  if (*model != "gpt2" && *model != "llama") {
    return Error("tokenizer model ", QuoteForMessage(*model),
                 " is not supported (only gpt2 and llama are)");
  }
  sentence_piece_ = *model == "llama";
  absl::Status status = LoadTokens(file);
  if (status.ok()) status = LoadKinds(file);
  if (status.ok()) {
    status = sentence_piece_ ? LoadSentencePiece(file) : LoadByteLevel(file);
  }
  if (status.ok()) status = LoadSpecial(file);
  return status;
}

absl::Status Tokenizer::LoadTokens(const GgufFile& file) {
  const auto texts = file.Get<std::vector<std::string_view>>(Key("tokens"));
  if (!texts.ok()) return texts.status();
  if (texts->empty()) return Error(Key("tokens"), " is empty");
  if (texts->size() > (size_t{1} << 30)) {
    return Error(Key("tokens"), " has ", texts->size(), " tokens");
  }
  tokens_.resize(texts->size());
  for (size_t i = 0; i < texts->size(); ++i) tokens_[i].text = (*texts)[i];
  return absl::OkStatus();
}

absl::Status Tokenizer::LoadKinds(const GgufFile& file) {
  const auto kinds = file.GetOr<std::vector<int64_t>>(Key("token_type"), {});
  if (!kinds.ok()) return kinds.status();
  if (kinds->empty()) return absl::OkStatus();  // all are normal
  if (kinds->size() != tokens_.size()) {
    return Error(Key("token_type"), " has ", kinds->size(), " entries for ",
                 tokens_.size(), " tokens");
  }
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const int64_t kind = (*kinds)[i];
    // 0 (undefined) is treated as normal.
    if (kind < 0 || kind > static_cast<int64_t>(Kind::kByte)) {
      return Error("token ", i, " has unknown type ", kind);
    }
    if (kind > 0) tokens_[i].kind = static_cast<Kind>(kind);
  }
  return absl::OkStatus();
}

absl::Status Tokenizer::LoadByteLevel(const GgufFile& file) {
  const absl::StatusOr<std::string_view> name =
      file.GetOr<std::string_view>(Key("pre"), "default");
  if (!name.ok()) return name.status();
  const absl::StatusOr<PreTokenizer> pre = PreTokenizerFromName(*name);
  if (!pre.ok()) return pre.status();
  pre_tokenizer_ = *pre;
  for (Token& token : tokens_) {
    // Other tokens are written as they are.
    if (token.kind != Kind::kNormal) continue;
    if (std::optional<std::string> bytes = BytesOf(token.text)) {
      token.text = *std::move(bytes);
    }
  }
  IndexTokens();
  for (const auto& [text, token] : words_) {
    if (text.size() == 1) byte_tokens_[static_cast<uint8_t>(text[0])] = token;
  }
  return LoadMerges(file);
}

absl::Status Tokenizer::LoadSentencePiece(const GgufFile& file) {
  for (Token& token : tokens_) {
    if (token.kind == Kind::kByte) {
      const std::optional<char> byte = ByteOfHexToken(token.text);
      if (!byte) {
        return Error("byte token ", QuoteForMessage(token.text),
                     " is not of the form <0x00>");
      }
      token.text = std::string(1, *byte);
    } else {
      token.text = absl::StrReplaceAll(token.text, {{kSpaceMark, " "}});
    }
  }
  IndexTokens();
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].kind != Kind::kByte) continue;
    byte_tokens_[static_cast<uint8_t>(tokens_[i].text[0])] =
        static_cast<int32_t>(i);
  }
  const absl::StatusOr<bool> prefix =
      file.GetOr<bool>(Key("add_space_prefix"), true);
  if (!prefix.ok()) return prefix.status();
  add_space_prefix_ = *prefix;
  return LoadScores(file);
}

absl::Status Tokenizer::LoadScores(const GgufFile& file) {
  const auto scores = file.Get<std::vector<double>>(Key("scores"));
  if (!scores.ok()) return scores.status();
  if (scores->size() != tokens_.size()) {
    return Error(Key("scores"), " has ", scores->size(), " entries for ",
                 tokens_.size(), " tokens");
  }
  for (size_t i = 0; i < tokens_.size(); ++i) {
    // NaN would have no place in an order.
    if (std::isnan((*scores)[i])) return Error("token ", i, " has score NaN");
    tokens_[i].score = static_cast<float>((*scores)[i]);
  }
  return absl::OkStatus();
}

// Where a text appears twice, the last token counts.
void Tokenizer::IndexTokens() {
  byte_tokens_.fill(-1);
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const Token& token = tokens_[i];
    if (token.text.empty() || token.kind == Kind::kByte) continue;
    const int32_t id = static_cast<int32_t>(i);
    const bool is_word =
        token.kind == Kind::kNormal || token.kind == Kind::kUnused;
    (is_word ? words_ : special_)[token.text] = id;
  }
  for (const auto& [text, token] : special_) {
    special_by_byte_[static_cast<uint8_t>(text[0])].push_back(token);
  }
  for (std::vector<int32_t>& tokens : special_by_byte_) {
    std::sort(tokens.begin(), tokens.end(), [this](int32_t a, int32_t b) {
      const size_t a_size = tokens_[static_cast<size_t>(a)].text.size();
      const size_t b_size = tokens_[static_cast<size_t>(b)].text.size();
      return a_size != b_size ? a_size > b_size : a < b;
    });
  }
}

absl::Status Tokenizer::LoadMerges(const GgufFile& file) {
  const auto merges = file.Get<std::vector<std::string_view>>(Key("merges"));
  if (!merges.ok()) return merges.status();
  merges_.reserve(merges->size());
  const auto find = [this](std::string_view text) -> std::optional<int32_t> {
    const std::optional<std::string> bytes = BytesOf(text);
    const auto found = bytes ? words_.find(*bytes) : words_.end();
    if (found == words_.end()) return std::nullopt;
    return found->second;
  };
  for (size_t i = 0; i < merges->size(); ++i) {
    const std::string_view merge = (*merges)[i];
    const size_t space = std::min(merge.find(' '), merge.size());
    const std::string_view left = merge.substr(0, space);
    const std::string_view right =
        merge.substr(std::min(space + 1, merge.size()));
    const std::optional<int32_t> left_token = find(left);
    const std::optional<int32_t> right_token = find(right);
    const std::optional<int32_t> result = find(absl::StrCat(left, right));
    if (!left_token || !right_token || !result) {
      return Error("merge ", i, " ", QuoteForMessage(merge),
                   " is not of two tokens to a third");
    }
    merges_.try_emplace({*left_token, *right_token},
                        Merge{static_cast<double>(i), *result});
  }
  return absl::OkStatus();
}

absl::Status Tokenizer::LoadSpecial(const GgufFile& file) {
  const auto read = [&](std::string_view name,
                        std::optional<int32_t>& token) -> absl::Status {
    if (!file.Has(Key(name))) return absl::OkStatus();
    const absl::StatusOr<int64_t> id = file.Get<int64_t>(Key(name));
    if (!id.ok()) return id.status();
    if (*id < 0 || *id >= vocab_size()) {
      return Error(Key(name), " is ", *id, ", but there are ", vocab_size(),
                   " tokens");
    }
    token = static_cast<int32_t>(*id);
    return absl::OkStatus();
  };
  std::optional<int32_t> end_of_turn;
  absl::Status status = read("bos_token_id", bos_);
  status.Update(read("eos_token_id", eos_));
  status.Update(read("eot_token_id", end_of_turn));
  status.Update(read("unknown_token_id", unknown_));
  const absl::StatusOr<bool> add_bos = file.GetOr<bool>(
      Key("add_bos_token"),
      sentence_piece_ || pre_tokenizer_ == PreTokenizer::kLlama3);
  status.Update(add_bos.status());
  if (!status.ok()) return status;
  add_bos_ = *add_bos;
  if (add_bos_ && !bos_) {
    return absl::NotFoundError(
        absl::StrCat("metadata \"", Key("bos_token_id"), "\" is missing"));
  }
  for (const std::optional<int32_t> token : {eos_, end_of_turn}) {
    if (token) tokens_[static_cast<size_t>(*token)].is_end = true;
  }
  for (const std::string_view text : kEndTexts) {
    const auto found = special_.find(text);
    if (found == special_.end()) continue;
    tokens_[static_cast<size_t>(found->second)].is_end = true;
  }
  return absl::OkStatus();
}

}  // namespace tilework
