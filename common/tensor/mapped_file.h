// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A file mapped into memory for reading: opening costs no copy, and the pages
// are shared with the page cache.

#ifndef TILEWORK_COMMON_TENSOR_MAPPED_FILE_H_
#define TILEWORK_COMMON_TENSOR_MAPPED_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace tilework {

// Move-only; the bytes stay where they are when the object is moved.
// NOTE: shortening the file while it is mapped makes reads beyond its new end
// fail with SIGBUS. Replace a file by renaming a new one over it.
class MappedFile {
 public:
  // Nothing is mapped: bytes() is empty.
  MappedFile() = default;
  // Maps the regular file at `path`. The error names the path and the cause.
  static absl::StatusOr<MappedFile> Open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  absl::Span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  void Unmap();

  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_TENSOR_MAPPED_FILE_H_
