// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Writes GGUF files: small ones, for tests and for random weights.

#ifndef TILEWORK_EXAMPLES_GENERATE_GGUF_WRITER_H_
#define TILEWORK_EXAMPLES_GENERATE_GGUF_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/gguf.h"

namespace tilework {

// Collects metadata and tensors and puts them together. It checks nothing, so
// that it can write wrong files too.
class GgufWriter {
 public:
  explicit GgufWriter(uint32_t version = 3, uint32_t alignment = 32)
      : version_(version), alignment_(alignment) {}

  void Add(std::string_view key, bool value);
  void Add(std::string_view key, uint32_t value);
  void Add(std::string_view key, float value);
  void Add(std::string_view key, std::string_view value);
  void Add(std::string_view key, const char* value) {
    Add(key, std::string_view(value));
  }
  void Add(std::string_view key, absl::Span<const int32_t> values);
  void Add(std::string_view key, absl::Span<const float> values);
  void Add(std::string_view key, absl::Span<const std::string> values);
  // Any type: `bytes` as they stand in the file after the type.
  void AddRaw(std::string_view key, uint32_t type, std::string_view bytes);

  // `shape` is row-major; `bytes` are the blocks.
  void AddTensor(std::string_view name, GgufType type, const Dims& shape,
                 std::string_view bytes);
  // The same with the blocks' place in the data given, and nothing written.
  void AddTensorAt(std::string_view name, uint32_t type, const Dims& shape,
                   uint64_t offset);

  // The file.
  std::string Finish() const;

 private:
  uint32_t version_;
  uint32_t alignment_;
  uint64_t num_values_ = 0;
  uint64_t num_tensors_ = 0;
  std::string values_;
  std::string tensors_;
  std::string data_;
};

// `value` as it stands in the file.
template <typename T>
std::string GgufBytes(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
}
// A string as it stands in the file: length and characters.
std::string GgufBytes(std::string_view text);

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_GGUF_WRITER_H_
