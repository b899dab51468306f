// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/json_reader.h"
#include "tilework/common/tensor/mapped_file.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tensor/utf8.h"

namespace tilework {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian, and tensors are not copied");

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr size_t kLengthBytes = 8;

struct DTypeName {
  DType dtype;
  std::string_view name;
};
constexpr std::array<DTypeName, 11> kDTypeNames = {{
    {DType::kF64, "F64"},
    {DType::kF32, "F32"},
    {DType::kBF16, "BF16"},
    {DType::kF16, "F16"},
    {DType::kF8E4M3, "F8_E4M3"},
    {DType::kF8E5M2, "F8_E5M2"},
    {DType::kE8M0, "F8_E8M0"},
    {DType::kF4E2M1, "F4"},
    {DType::kI64, "I64"},
    {DType::kI32, "I32"},
    {DType::kU8, "U8"},
}};

DType DTypeFromFileName(std::string_view name) {
  for (const DTypeName& entry : kDTypeNames) {
    if (entry.name == name) return entry.dtype;
  }
  return DType::kNone;
}

std::string_view FileName(DType dtype) {
  for (const DTypeName& entry : kDTypeNames) {
    if (entry.dtype == dtype) return entry.name;
  }
  return {};
}

// ---------------------------------------------------------------- Reading

// A tensor as the header describes it.
struct Description {
  std::string name;
  std::optional<std::string> dtype;
  std::optional<std::vector<int64_t>> shape;
  std::optional<std::vector<int64_t>> data_offsets;
};

struct Header {
  std::vector<Description> tensors;
  SafetensorsMetadata metadata;
};

std::vector<int64_t> ReadNumbers(JsonReader& json, size_t most) {
  std::vector<int64_t> numbers;
  json.Array([&] {
    numbers.push_back(json.Integer());
    if (numbers.size() > most) json.Fail("too many numbers");
  });
  return numbers;
}

Description ReadDescription(JsonReader& json, const std::string& name) {
  Description result;
  result.name = name;
  json.Object([&](const std::string& key) {
    if (key == "dtype") {
      result.dtype = json.String();
    } else if (key == "shape") {
      result.shape = ReadNumbers(json, kMaxRank);
    } else if (key == "data_offsets") {
      result.data_offsets = ReadNumbers(json, 2);
    } else {
      json.Fail(absl::StrCat("unknown key ", QuoteForMessage(key)));
    }
  });
  return result;
}

absl::StatusOr<Header> ReadHeader(std::string_view text) {
  Header header;
  JsonReader json(text);
  if (!text.starts_with('{')) json.Fail("expected '{'");
  json.Object([&](const std::string& key) {
    if (key != kMetadataKey) {
      header.tensors.push_back(ReadDescription(json, key));
      return;
    }
    json.Object([&](const std::string& name) {
      header.metadata[name] = json.String();
    });
  });
  json.End();
  if (!json.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("header: ", json.status().message()));
  }
  return header;
}

template <typename... Parts>
absl::Status TensorError(std::string_view name, const Parts&... parts) {
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", QuoteForMessage(name), " ", parts...));
}

// Whether a row of the last dimension is whole bytes. The format packs elements
// without regard to rows, tensors do not.
bool RowsAreWholeBytes(const Dims& shape, DType dtype) {
  const int64_t row = shape.size() == 0 ? 1 : shape[shape.size() - 1];
  return row % PackFactor(dtype) == 0;
}

// The bytes of elements of `shape`, or nothing if a computation with the shape
// would overflow. Zeros do not count: strides are computed as if they were 1.
std::optional<int64_t> CheckedBytes(const Dims& shape, DType dtype) {
  Dims nonzero = shape;
  for (int i = 0; i < shape.size(); ++i) {
    nonzero[i] = std::max<int64_t>(shape[i], 1);
  }
  int64_t bytes;
  if (!nonzero.ProductFits() ||
      __builtin_mul_overflow(nonzero.Product(),
                             static_cast<int64_t>(SizeOf(dtype)), &bytes)) {
    return std::nullopt;
  }
  return nonzero == shape ? ContiguousBytes(shape, dtype) : 0;
}

// A checked description.
struct Placement {
  std::string name;
  DType dtype;
  Dims shape;
  int64_t begin;
  int64_t end;
};

absl::StatusOr<Placement> Check(const Description& tensor, int64_t data_size) {
  const std::string& name = tensor.name;
  if (!tensor.dtype) return TensorError(name, "has no \"dtype\"");
  if (!tensor.shape) return TensorError(name, "has no \"shape\"");
  if (!tensor.data_offsets || tensor.data_offsets->size() != 2) {
    return TensorError(name, "has no two \"data_offsets\"");
  }
  const DType dtype = DTypeFromFileName(*tensor.dtype);
  if (dtype == DType::kNone) {
    return TensorError(name, "has dtype ", QuoteForMessage(*tensor.dtype),
                       ", which is not supported");
  }
  const Dims shape(*tensor.shape);
  if (!RowsAreWholeBytes(shape, dtype)) {
    return TensorError(name, "is ", *tensor.dtype, " ", shape.ToString(),
                       ", whose rows are not whole bytes");
  }
  const std::optional<int64_t> bytes = CheckedBytes(shape, dtype);
  if (!bytes) {
    return TensorError(name, "has shape ", shape.ToString(),
                       ", which is too large");
  }
  const int64_t begin = (*tensor.data_offsets)[0];
  const int64_t end = (*tensor.data_offsets)[1];
  if (begin > end || end > data_size) {
    return TensorError(name, "has data_offsets [", begin, ", ", end,
                       "], but the file has ", data_size, " bytes of data");
  }
  if (end - begin != *bytes) {
    return TensorError(name, "has ", end - begin, " bytes of data, but ",
                       *tensor.dtype, " ", shape.ToString(), " needs ", *bytes);
  }
  return Placement{name, dtype, shape, begin, end};
}

// Whether the tensors fill the data exactly, one after the other.
absl::Status CheckCoverage(std::vector<const Placement*> placements,
                           int64_t data_size) {
  std::sort(placements.begin(), placements.end(),
            [](const Placement* a, const Placement* b) {
              return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
            });
  int64_t end = 0;
  for (const Placement* placement : placements) {
    if (placement->begin != end) {
      return TensorError(placement->name, "starts at data byte ",
                         placement->begin, ", but the one before ends at ",
                         end);
    }
    end = placement->end;
  }
  if (end != data_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tensors end at data byte ", end, " of ", data_size));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Placement>> Place(const Header& header,
                                             int64_t data_size) {
  std::vector<Placement> placements;
  placements.reserve(header.tensors.size());
  for (const Description& tensor : header.tensors) {
    absl::StatusOr<Placement> placement = Check(tensor, data_size);
    if (!placement.ok()) return placement.status();
    placements.push_back(*std::move(placement));
  }
  std::vector<const Placement*> pointers;
  for (const Placement& placement : placements) pointers.push_back(&placement);
  const absl::Status status = CheckCoverage(std::move(pointers), data_size);
  if (!status.ok()) return status;
  std::sort(
      placements.begin(), placements.end(),
      [](const Placement& a, const Placement& b) { return a.name < b.name; });
  return placements;
}

// The header's text at the start of a file of `bytes`.
absl::StatusOr<std::string_view> HeaderText(absl::Span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a file of ", bytes.size(), " bytes is too short for safetensors"));
  }
  uint64_t length;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > bytes.size() - kLengthBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the header has ", length, " bytes, but the file only ", bytes.size()));
  }
  return std::string_view(
      reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
      static_cast<size_t>(length));
}

// ---------------------------------------------------------------- Writing

std::string JsonString(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(
          &result, "\\u00",
          absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
      continue;
    }
    if (c == '"' || c == '\\') result.push_back('\\');
    result.push_back(c);
  }
  result.push_back('"');
  return result;
}

absl::Status CheckWritable(absl::Span<const NamedTensor> tensors,
                           const SafetensorsMetadata& metadata) {
  absl::flat_hash_set<std::string_view> names;
  for (const NamedTensor& entry : tensors) {
    if (!IsUtf8(entry.name)) return TensorError(entry.name, "is not UTF-8");
    if (entry.name == kMetadataKey) {
      return TensorError(entry.name, "has a reserved name");
    }
    if (!names.insert(entry.name).second) {
      return TensorError(entry.name, "appears twice");
    }
    if (FileName(entry.tensor.dtype()).empty()) {
      return TensorError(entry.name, "is ", ToString(entry.tensor),
                         ", which the format does not have");
    }
    if (!RowsAreWholeBytes(entry.tensor.shape(), entry.tensor.dtype())) {
      return TensorError(entry.name, "is ", ToString(entry.tensor),
                         ", whose rows are not whole bytes");
    }
    if (entry.tensor.space() != MemorySpace::kHost) {
      return TensorError(entry.name, "is not in host memory");
    }
  }
  for (const auto& [key, value] : metadata) {
    if (!IsUtf8(key) || !IsUtf8(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("metadata ", QuoteForMessage(key), " is not UTF-8"));
    }
  }
  return absl::OkStatus();
}

// Largest elements first: every tensor is then aligned for its elements.
std::vector<const NamedTensor*> FileOrder(
    absl::Span<const NamedTensor> tensors) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& entry : tensors) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(),
                   [](const NamedTensor* a, const NamedTensor* b) {
                     return SizeOf(a->tensor.dtype()) >
                            SizeOf(b->tensor.dtype());
                   });
  return order;
}

// The length and the header, padded to a multiple of 8 bytes.
std::string HeaderBytes(absl::Span<const NamedTensor* const> order,
                        const SafetensorsMetadata& metadata) {
  std::vector<std::string> members;
  if (!metadata.empty()) {
    const auto append = [](std::string* out, const auto& entry) {
      absl::StrAppend(out, JsonString(entry.first), ":",
                      JsonString(entry.second));
    };
    members.push_back(absl::StrCat(JsonString(kMetadataKey), ":{",
                                   absl::StrJoin(metadata, ",", append), "}"));
  }
  int64_t offset = 0;
  for (const NamedTensor* entry : order) {
    const ConstTensor& tensor = entry->tensor;
    const int64_t end = offset + tensor.NumBytes();
    members.push_back(absl::StrCat(
        JsonString(entry->name), ":{\"dtype\":\"", FileName(tensor.dtype()),
        "\",\"shape\":[", absl::StrJoin(tensor.shape(), ","),
        "],\"data_offsets\":[", offset, ",", end, "]}"));
    offset = end;
  }
  std::string header = absl::StrCat("{", absl::StrJoin(members, ","), "}");
  header.append((8 - header.size() % 8) % 8, ' ');
  const uint64_t length = header.size();
  std::string result(kLengthBytes, '\0');
  std::memcpy(result.data(), &length, kLengthBytes);
  return result + header;
}

absl::Status WriteAll(int fd, const void* data, size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(fd, next, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      return absl::ErrnoToStatus(errno, "write");
    }
    next += written;
    size -= static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

absl::Status WriteContents(int fd, absl::Span<const NamedTensor> tensors,
                           const SafetensorsMetadata& metadata) {
  const std::vector<const NamedTensor*> order = FileOrder(tensors);
  const std::string header = HeaderBytes(order, metadata);
  absl::Status status = WriteAll(fd, header.data(), header.size());
  for (const NamedTensor* entry : order) {
    if (!status.ok()) break;
    Buffer copy;
    ConstTensor tensor = entry->tensor;
    if (!tensor.IsContiguous()) {
      copy = ToContiguous(tensor, tensor.dtype());
      tensor = copy.view();
    }
    status =
        WriteAll(fd, tensor.data(), static_cast<size_t>(tensor.NumBytes()));
  }
  return status;
}

// Whether `path` is there but no regular file, so that renaming another file
// over it would be wrong (/dev/stdout).
bool IsSpecialFile(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
}

// A name beside `path` that no other writer uses.
std::string TemporaryPath(const std::string& path) {
  static std::atomic<int> counter = 0;
  return absl::StrCat(path, ".tmp-", ::getpid(), "-", counter++);
}

}  // namespace

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  absl::StatusOr<MappedFile> mapped = MappedFile::Open(path);
  if (!mapped.ok()) return mapped.status();
  absl::StatusOr<SafetensorsFile> file = Parse(mapped->bytes());
  if (!file.ok()) {
    return absl::Status(file.status().code(),
                        absl::StrCat(path, ": ", file.status().message()));
  }
  file->file_ = *std::move(mapped);
  return file;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Parse(
    absl::Span<const std::byte> bytes) {
  const absl::StatusOr<std::string_view> text = HeaderText(bytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<Header> header = ReadHeader(*text);
  if (!header.ok()) return header.status();
  const auto data = bytes.subspan(kLengthBytes + text->size());
  const absl::StatusOr<std::vector<Placement>> placements =
      Place(*header, static_cast<int64_t>(data.size()));
  if (!placements.ok()) return placements.status();

  SafetensorsFile file;
  file.metadata_ = std::move(header->metadata);
  for (const Placement& placement : *placements) {
    const std::byte* start = data.data() + placement.begin;
    ConstTensor tensor(start, placement.dtype, placement.shape);
    if (reinterpret_cast<uintptr_t>(start) % SizeOf(placement.dtype) != 0 &&
        placement.begin != placement.end) {
      Buffer& copy =
          file.copies_.emplace_back(placement.dtype, placement.shape);
      std::memcpy(copy.view().data(), start,
                  static_cast<size_t>(placement.end - placement.begin));
      tensor = std::as_const(copy).view();
    }
    file.tensors_.push_back({placement.name, tensor});
  }
  return file;
}

absl::StatusOr<ConstTensor> SafetensorsFile::Find(std::string_view name) const {
  const auto found =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const NamedTensor& entry, std::string_view n) {
                         return entry.name < n;
                       });
  if (found == tensors_.end() || found->name != name) {
    return absl::NotFoundError(
        absl::StrCat("there is no tensor ", QuoteForMessage(name)));
  }
  return found->tensor;
}

absl::Status WriteSafetensors(const std::string& path,
                              absl::Span<const NamedTensor> tensors,
                              const SafetensorsMetadata& metadata) {
  absl::Status status = CheckWritable(tensors, metadata);
  if (!status.ok()) return status;
  const bool special = IsSpecialFile(path);
  const std::string target = special ? path : TemporaryPath(path);
  const int fd =
      ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", path));
  }
  status = WriteContents(fd, tensors, metadata);
  if (::close(fd) != 0) status.Update(absl::ErrnoToStatus(errno, "close"));
  if (!special && status.ok() &&
      std::rename(target.c_str(), path.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, "rename");
  }
  if (status.ok()) return status;
  if (!special) ::unlink(target.c_str());
  return absl::Status(status.code(), absl::StrCat("cannot write ", path, ": ",
                                                  status.message()));
}

}  // namespace tilework
