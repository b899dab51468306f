// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A strict reader of JSON whose structure the caller knows: objects, arrays,
// strings and natural numbers. It stores nothing and recurses only as deep as
// the caller's own calls go, so no input can exhaust memory or stack.
//
//   JsonReader json(text);
//   json.Object([&](const std::string& key) {
//     if (key == "shape") json.Array([&] { shape.push_back(json.Integer()); });
//   });
//   json.End();
//   return json.status();
//
// After the first error all calls do nothing and return empty values.

#ifndef TILEWORK_COMMON_TENSOR_JSON_READER_H_
#define TILEWORK_COMMON_TENSOR_JSON_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace tilework {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

  // Reads an object; `member` must read the value that belongs to the key.
  // A key that appears twice is an error.
  void Object(absl::FunctionRef<void(const std::string& key)> member);
  // Reads an array; `element` must read one element.
  void Array(absl::FunctionRef<void()> element);
  // Reads a string of valid UTF-8.
  std::string String();
  // Reads an integer from 0 to 2^63 - 1.
  int64_t Integer();
  // Skips spaces; anything else up to the end of the text is an error.
  void End();

  // Records an error at the current position, unless there is one already.
  void Fail(std::string_view message);

 private:
  void SkipWhitespace();
  // Skips white space and then `c`, if that comes next.
  bool Consume(char c);
  bool AtEnd() const { return position_ == text_.size(); }
  void Escape(std::string& result);
  // The four hexadecimal digits of a \u escape.
  uint32_t FourDigits();

  std::string_view text_;
  size_t position_ = 0;
  absl::Status status_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_TENSOR_JSON_READER_H_
