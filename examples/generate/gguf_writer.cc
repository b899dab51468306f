// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/gguf_writer.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/gguf.h"

namespace tilework {
namespace {

void Pad(std::string& bytes, size_t alignment) {
  bytes.append((alignment - bytes.size() % alignment) % alignment, '\0');
}

std::string ArrayHeader(GgufValueType type, size_t count) {
  return GgufBytes(type) + GgufBytes(static_cast<uint64_t>(count));
}

template <typename T>
std::string ArrayBytes(GgufValueType type, absl::Span<const T> values) {
  std::string bytes = ArrayHeader(type, values.size());
  for (const T& value : values) bytes += GgufBytes(value);
  return bytes;
}

}  // namespace

std::string GgufBytes(std::string_view text) {
  return absl::StrCat(GgufBytes(static_cast<uint64_t>(text.size())), text);
}

void GgufWriter::AddRaw(std::string_view key, uint32_t type,
                        std::string_view bytes) {
  absl::StrAppend(&values_, GgufBytes(key), GgufBytes(type), bytes);
  ++num_values_;
}

void GgufWriter::Add(std::string_view key, bool value) {
  AddRaw(key, static_cast<uint32_t>(GgufValueType::kBool), GgufBytes(value));
}
void GgufWriter::Add(std::string_view key, uint32_t value) {
  AddRaw(key, static_cast<uint32_t>(GgufValueType::kU32), GgufBytes(value));
}
void GgufWriter::Add(std::string_view key, float value) {
  AddRaw(key, static_cast<uint32_t>(GgufValueType::kF32), GgufBytes(value));
}
void GgufWriter::Add(std::string_view key, std::string_view value) {
  AddRaw(key, static_cast<uint32_t>(GgufValueType::kString), GgufBytes(value));
}
void GgufWriter::Add(std::string_view key, absl::Span<const int32_t> values) {
  AddRaw(key, static_cast<uint32_t>(GgufValueType::kArray),
         ArrayBytes(GgufValueType::kI32, values));
}
void GgufWriter::Add(std::string_view key, absl::Span<const float> values) {
  AddRaw(key, static_cast<uint32_t>(GgufValueType::kArray),
         ArrayBytes(GgufValueType::kF32, values));
}
void GgufWriter::Add(std::string_view key,
                     absl::Span<const std::string> values) {
  std::string bytes = ArrayHeader(GgufValueType::kString, values.size());
  for (const std::string& value : values) {
    bytes += GgufBytes(std::string_view(value));
  }
  AddRaw(key, static_cast<uint32_t>(GgufValueType::kArray), bytes);
}

void GgufWriter::AddTensor(std::string_view name, GgufType type,
                           const Dims& shape, std::string_view bytes) {
  Pad(data_, alignment_);
  AddTensorAt(name, static_cast<uint32_t>(type), shape, data_.size());
  data_ += bytes;
}

void GgufWriter::AddTensorAt(std::string_view name, uint32_t type,
                             const Dims& shape, uint64_t offset) {
  absl::StrAppend(&tensors_, GgufBytes(name),
                  GgufBytes(static_cast<uint32_t>(shape.size())));
  for (int i = shape.size() - 1; i >= 0; --i) tensors_ += GgufBytes(shape[i]);
  absl::StrAppend(&tensors_, GgufBytes(type), GgufBytes(offset));
  ++num_tensors_;
}

std::string GgufWriter::Finish() const {
  std::string file =
      absl::StrCat("GGUF", GgufBytes(version_), GgufBytes(num_tensors_),
                   GgufBytes(num_values_), values_, tensors_);
  if (num_tensors_ > 0) Pad(file, alignment_);
  return file + data_;
}

}  // namespace tilework
