// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Text to tokens and back, as the metadata of a GGUF file says.
//
//   absl::StatusOr<Tokenizer> tokenizer = Tokenizer::FromGguf(file);
//   std::vector<int32_t> tokens = tokenizer->Encode("The capital of");
//   std::string text = tokenizer->Decode(tokens);
//
// Two kinds are known: byte-level BPE with a list of merges ("gpt2") and
// SentencePiece-style BPE with scores and byte tokens ("llama").

#ifndef TILEWORK_EXAMPLES_GENERATE_TOKENIZER_H_
#define TILEWORK_EXAMPLES_GENERATE_TOKENIZER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/pretokenizer.h"

namespace tilework {

struct EncodeOptions {
  // Begin with the beginning-of-sequence token, if the model wants one.
  bool add_bos = true;
  // Take the text of control tokens (`<|im_end|>`) for those tokens. Only for
  // text that may give orders, such as a rendered chat.
  bool parse_special = false;
  // But not in bytes [literal_begin, literal_end): what a user has typed.
  size_t literal_begin = 0;
  size_t literal_end = 0;
};

// Immutable once made, so threads can share it. Holds no view of the file.
class Tokenizer {
 public:
  // The error names the key that is missing or wrong.
  static absl::StatusOr<Tokenizer> FromGguf(const GgufFile& file);

  Tokenizer(Tokenizer&&) = default;
  Tokenizer& operator=(Tokenizer&&) = default;

  // In time n log n for the longest word of n bytes. Bytes for which the
  // vocabulary has no token are left out (some lack rare control characters).
  std::vector<int32_t> Encode(std::string_view text,
                              const EncodeOptions& options = {}) const;

  // The text of `tokens`. Control tokens have none, unless `with_special`. May
  // hold incomplete UTF-8 characters; StreamingDecoder holds them back.
  std::string Decode(absl::Span<const int32_t> tokens,
                     bool with_special = false) const;
  // The text that `token` adds; empty for a number that is no token.
  std::string_view TokenText(int32_t token, bool with_special = false) const;

  int32_t vocab_size() const { return static_cast<int32_t>(tokens_.size()); }
  std::optional<int32_t> bos() const { return bos_; }
  std::optional<int32_t> eos() const { return eos_; }
  bool adds_bos() const { return add_bos_; }
  // Whether `token` ends an answer: the end of the text or of a turn.
  bool IsEnd(int32_t token) const;
  // The token with exactly this text, control tokens included.
  std::optional<int32_t> Find(std::string_view text) const;

 private:
  // The values are those in the file.
  enum class Kind : uint8_t {
    kNormal = 1,
    kUnknown = 2,
    kControl = 3,
    kUserDefined = 4,
    kUnused = 5,
    kByte = 6,
  };
  struct Token {
    std::string text;  // the bytes that it stands for
    Kind kind = Kind::kNormal;
    bool is_end = false;
    float score = 0;
  };
  // What two adjacent tokens become; the lowest cost goes first.
  struct Merge {
    double cost;
    int32_t result;
  };
  struct Symbol;

  Tokenizer() = default;
  absl::Status Load(const GgufFile& file);
  absl::Status LoadTokens(const GgufFile& file);
  absl::Status LoadKinds(const GgufFile& file);
  absl::Status LoadScores(const GgufFile& file);
  absl::Status LoadMerges(const GgufFile& file);
  absl::Status LoadSpecial(const GgufFile& file);
  absl::Status LoadByteLevel(const GgufFile& file);
  absl::Status LoadSentencePiece(const GgufFile& file);
  void IndexTokens();

  std::optional<int32_t> SpecialAt(std::string_view text,
                                   bool parse_special) const;
  void EncodePlain(std::string_view text, std::vector<int32_t>& tokens) const;
  void EncodeWord(std::string_view word, std::vector<int32_t>& tokens) const;
  void EncodePieces(std::string_view text, std::vector<int32_t>& tokens) const;
  void MergeSymbols(std::string_view text, std::vector<Symbol>& symbols) const;
  std::optional<Merge> FindMerge(std::string_view text, const Symbol& left,
                                 const Symbol& right) const;
  void AppendBytes(std::string_view bytes, std::vector<int32_t>& tokens) const;

  bool sentence_piece_ = false;
  bool add_bos_ = false;
  bool add_space_prefix_ = false;  // SentencePiece only
  PreTokenizer pre_tokenizer_ = PreTokenizer::kDefault;
  std::optional<int32_t> bos_, eos_, unknown_;
  std::vector<Token> tokens_;
  // Views of tokens_' texts: moving the vector does not move its elements.
  absl::flat_hash_map<std::string_view, int32_t> words_;    // normal tokens
  absl::flat_hash_map<std::string_view, int32_t> special_;  // the others
  // By first byte, the longest first: the tokens to look for in text.
  std::array<std::vector<int32_t>, 256> special_by_byte_;
  std::array<int32_t, 256> byte_tokens_;  // -1: none
  absl::flat_hash_map<std::pair<int32_t, int32_t>, Merge> merges_;
};

// Decodes tokens as they come. What it gives out ends between two characters,
// unless the tokens do not make up valid UTF-8; all together it is the text.
class StreamingDecoder {
 public:
  // `tokenizer` must outlive the decoder.
  explicit StreamingDecoder(const Tokenizer& tokenizer)
      : tokenizer_(&tokenizer) {}

  // The text that `token` completes; may be empty.
  std::string Add(int32_t token);
  // The incomplete character that is left, if any.
  std::string Finish() { return std::exchange(held_, {}); }

 private:
  const Tokenizer* tokenizer_;
  std::string held_;
};

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_TOKENIZER_H_
