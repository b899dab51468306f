// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The safetensors file format: named tensors and a map of strings.
//
//   absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open("a.st");
//   absl::StatusOr<ConstTensor> x = file->Find("x");  // no copy
//   absl::Status status = WriteSafetensors("b.st", {{"x", *x}});
//
// A file is an 8-byte little-endian length, a JSON header of that length, and
// the tensors' bytes, row-major and without gaps. The reader is strict: any
// deviation is an InvalidArgument error of one line that says what is wrong and
// where. Element types are those of DType, but that the format has no
// f8e4m3_240, and f4e2m1 only in rows of whole bytes.

#ifndef TILEWORK_COMMON_TENSOR_SAFETENSORS_H_
#define TILEWORK_COMMON_TENSOR_SAFETENSORS_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tilework/common/tensor/mapped_file.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

struct NamedTensor {
  std::string name;
  ConstTensor tensor;
};

using SafetensorsMetadata = std::map<std::string, std::string>;

// An open file. Move-only; its tensors stay valid while it, or what it was
// moved to, exists.
class SafetensorsFile {
 public:
  // Maps the file into memory.
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path);
  // Reads `bytes`, which must outlive the result.
  static absl::StatusOr<SafetensorsFile> Parse(
      absl::Span<const std::byte> bytes);

  // All tensors, sorted by name. They are views of the file, except that a
  // tensor whose bytes lie unaligned for its element type has been copied.
  absl::Span<const NamedTensor> tensors() const { return tensors_; }
  // The tensor called `name`, or NotFound.
  absl::StatusOr<ConstTensor> Find(std::string_view name) const;
  const SafetensorsMetadata& metadata() const { return metadata_; }

 private:
  MappedFile file_;
  std::vector<Buffer> copies_;  // of unaligned tensors
  std::vector<NamedTensor> tensors_;
  SafetensorsMetadata metadata_;
};

// Writes `tensors` (in host memory, any strides, unique names of UTF-8) to
// `path`. A regular file appears there whole or not at all.
absl::Status WriteSafetensors(const std::string& path,
                              absl::Span<const NamedTensor> tensors,
                              const SafetensorsMetadata& metadata = {});

}  // namespace tilework

#endif  // TILEWORK_COMMON_TENSOR_SAFETENSORS_H_
