// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Encoding and decoding; reading the vocabulary is in tokenizer_load.cc.

#include "tilework/examples/generate/tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "tilework/common/tensor/utf8.h"
#include "tilework/examples/generate/pretokenizer.h"

namespace tilework {
namespace {

constexpr int32_t kNone = -1;
// SentencePiece's sign for a space, in text as good as a space.
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// A possible merge of the symbols `left` and `right`.
struct Candidate {
  double cost;
  size_t left;
  size_t right;
  size_t length;  // of both together, when the candidate was made
  int32_t result;

  // For std::priority_queue, which takes the greatest: lowest cost, then
  // leftmost.
  bool operator<(const Candidate& other) const {
    return cost != other.cost ? cost > other.cost : left > other.left;
  }
};

}  // namespace

// A piece of a word while it is merged: a list linked both ways.
struct Tokenizer::Symbol {
  size_t start;
  size_t length;  // 0 once it is part of its left neighbour
  int32_t token;  // kNone if there is none for it
  size_t previous;
  size_t next;
};

std::optional<Tokenizer::Merge> Tokenizer::FindMerge(
    std::string_view text, const Symbol& left, const Symbol& right) const {
  if (!sentence_piece_) {
    const auto found = merges_.find({left.token, right.token});
    if (found == merges_.end()) return std::nullopt;
    return found->second;
  }
  const auto found =
      words_.find(text.substr(left.start, left.length + right.length));
  if (found == words_.end()) return std::nullopt;
  const float score = tokens_[static_cast<size_t>(found->second)].score;
  return Merge{-static_cast<double>(score), found->second};
}

void Tokenizer::MergeSymbols(std::string_view text,
                             std::vector<Symbol>& symbols) const {
  std::priority_queue<Candidate> queue;
  const auto consider = [&](size_t left, size_t right) {
    const Symbol& a = symbols[left];
    const Symbol& b = symbols[right];
    if (const std::optional<Merge> merge = FindMerge(text, a, b)) {
      queue.push(
          {merge->cost, left, right, a.length + b.length, merge->result});
    }
  };
  for (size_t i = 0; i + 1 < symbols.size(); ++i) consider(i, i + 1);
  while (!queue.empty()) {
    const Candidate candidate = queue.top();
    queue.pop();
    Symbol& left = symbols[candidate.left];
    Symbol& right = symbols[candidate.right];
    // Outdated if one of the two has grown or gone since.
    if (left.length == 0 || right.length == 0 ||
        left.length + right.length != candidate.length) {
      continue;
    }
    left.length = candidate.length;
    left.token = candidate.result;
    left.next = right.next;
    right.length = 0;
    if (left.next < symbols.size()) {
      symbols[left.next].previous = candidate.left;
      consider(candidate.left, left.next);
    }
    if (candidate.left > 0) consider(left.previous, candidate.left);
  }
}

// Byte-level BPE: starts from bytes.
void Tokenizer::EncodeWord(std::string_view word,
                           std::vector<int32_t>& tokens) const {
  if (pre_tokenizer_ == PreTokenizer::kLlama3) {
    // This family takes a whole word where there is one, merges or not.
    if (const auto found = words_.find(word); found != words_.end()) {
      tokens.push_back(found->second);
      return;
    }
  }
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (size_t i = 0; i < word.size(); ++i) {
    symbols.push_back(
        {i, 1, byte_tokens_[static_cast<uint8_t>(word[i])], i - 1, i + 1});
  }
  MergeSymbols(word, symbols);
  for (const Symbol& symbol : symbols) {
    if (symbol.length > 0 && symbol.token != kNone) {
      tokens.push_back(symbol.token);
    }
  }
}

// SentencePiece: starts from characters, and all of the text is one word.
void Tokenizer::EncodePieces(std::string_view text,
                             std::vector<int32_t>& tokens) const {
  std::vector<Symbol> symbols;
  for (size_t start = 0; start < text.size();) {
    const size_t length =
        std::max<size_t>(DecodeUtf8(text.substr(start)).length, 1);
    const auto found = words_.find(text.substr(start, length));
    const int32_t token = found == words_.end() ? kNone : found->second;
    symbols.push_back(
        {start, length, token, symbols.size() - 1, symbols.size() + 1});
    start += length;
  }
  MergeSymbols(text, symbols);
  for (const Symbol& symbol : symbols) {
    if (symbol.length == 0) continue;
    if (symbol.token != kNone) {
      tokens.push_back(symbol.token);
    } else {
      AppendBytes(text.substr(symbol.start, symbol.length), tokens);
    }
  }
}

// The byte tokens for what has no other.
void Tokenizer::AppendBytes(std::string_view bytes,
                            std::vector<int32_t>& tokens) const {
  for (const char c : bytes) {
    const int32_t token = byte_tokens_[static_cast<uint8_t>(c)];
    if (token != kNone) {
      tokens.push_back(token);
    } else if (unknown_) {
      tokens.push_back(*unknown_);
    }
  }
}

void Tokenizer::EncodePlain(std::string_view text,
                            std::vector<int32_t>& tokens) const {
  if (text.empty()) return;
  if (sentence_piece_) {
    EncodePieces(absl::StrReplaceAll(text, {{kSpaceMark, " "}}), tokens);
    return;
  }
  for (const std::string_view word : SplitWords(pre_tokenizer_, text)) {
    EncodeWord(word, tokens);
  }
}

// The longest special token that `text` starts with.
std::optional<int32_t> Tokenizer::SpecialAt(std::string_view text,
                                            bool parse_special) const {
  for (const int32_t token :
       special_by_byte_[static_cast<uint8_t>(text.front())]) {
    const Token& entry = tokens_[static_cast<size_t>(token)];
    if (entry.kind != Kind::kUserDefined && !parse_special) continue;
    if (text.starts_with(entry.text)) return token;
  }
  return std::nullopt;
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text,
                                       const EncodeOptions& options) const {
  std::vector<int32_t> tokens;
  if (options.add_bos && add_bos_) tokens.push_back(*bos_);
  // SentencePiece puts a space before the text, and after each special token.
  bool prefix = add_space_prefix_;
  const auto encode_plain = [&](std::string_view plain) {
    if (plain.empty()) return;
    EncodePlain(prefix ? absl::StrCat(" ", plain) : std::string(plain), tokens);
    prefix = false;
  };
  size_t start = 0;
  for (size_t i = 0; i < text.size();) {
    const bool literal = i >= options.literal_begin && i < options.literal_end;
    const std::optional<int32_t> special =
        SpecialAt(text.substr(i), options.parse_special && !literal);
    if (!special) {
      ++i;
      continue;
    }
    encode_plain(text.substr(start, i - start));
    tokens.push_back(*special);
    prefix = add_space_prefix_;
    i += tokens_[static_cast<size_t>(*special)].text.size();
    start = i;
  }
  encode_plain(text.substr(start));
  return tokens;
}

std::string_view Tokenizer::TokenText(int32_t token, bool with_special) const {
  if (token < 0 || token >= vocab_size()) return {};
  const Token& entry = tokens_[static_cast<size_t>(token)];
  const bool special =
      entry.kind == Kind::kControl || entry.kind == Kind::kUnknown;
  return special && !with_special ? std::string_view() : entry.text;
}

std::string Tokenizer::Decode(absl::Span<const int32_t> tokens,
                              bool with_special) const {
  std::string text;
  for (const int32_t token : tokens) text += TokenText(token, with_special);
  // The space that Encode() has put before the text.
  if (add_space_prefix_ && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

bool Tokenizer::IsEnd(int32_t token) const {
  return token >= 0 && token < vocab_size() &&
         tokens_[static_cast<size_t>(token)].is_end;
}

std::optional<int32_t> Tokenizer::Find(std::string_view text) const {
  for (const auto* index : {&special_, &words_}) {
    if (const auto found = index->find(text); found != index->end()) {
      return found->second;
    }
  }
  return std::nullopt;
}

std::string StreamingDecoder::Add(int32_t token) {
  held_ += tokenizer_->TokenText(token);
  // Only the last three bytes can be the start of a longer character.
  for (size_t length = std::min<size_t>(held_.size(), 3); length > 0;
       --length) {
    const size_t start = held_.size() - length;
    if (DecodeUtf8(std::string_view(held_).substr(start)).cut_off) {
      std::string complete = held_.substr(0, start);
      held_.erase(0, start);
      return complete;
    }
  }
  return Finish();
}

}  // namespace tilework
