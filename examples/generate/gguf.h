// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Reads GGUF files (versions 2 and 3, little-endian): metadata and tensors of
// a language model.
//
//   absl::StatusOr<GgufFile> file = GgufFile::Open("model.gguf");
//   absl::StatusOr<int64_t> layers = file->Get<int64_t>("llama.block_count");
//   absl::StatusOr<const GgufTensor*> x = file->Find("token_embd.weight");
//   Buffer rows(DType::kBF16, {2, (*x)->cols()});
//   absl::Status status = Dequantize(**x, 0, 2, rows.view());
//
// Every length, count, offset and product is checked against the file's size
// before use; what is wrong is an InvalidArgument error of one line.

#ifndef TILEWORK_EXAMPLES_GENERATE_GGUF_H_
#define TILEWORK_EXAMPLES_GENERATE_GGUF_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tilework/common/tensor/mapped_file.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// How a tensor's elements are stored; the values are those in the file.
//
//   type        block  bytes  an element of the block
//   F32             1      4
//   F16, BF16       1      2
//   Q4_0           32     18  d * (q - 8)           q: 4 bits; d, m: f16
//   Q4_1           32     20  d * q + m
//   Q5_0           32     22  d * (q - 16)          q: 5 bits
//   Q5_1           32     24  d * q + m
//   Q8_0           32     34  d * q                 q: i8
//   Q6_K          256    210  d * s * (q - 32)      q: 6 bits; s: i8 for 16
enum class GgufType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ6_K = 14,
  kBF16 = 30,
};

// "Q4_1" and so on; also for types that exist but cannot be read.
std::string GgufTypeName(GgufType type);

// Elements and bytes of one block; both 0 for a type that cannot be read.
struct GgufBlock {
  int64_t elements = 0;
  int64_t bytes = 0;
};
GgufBlock BlockOf(GgufType type);

struct GgufTensor {
  std::string name;
  GgufType type;
  // Row-major, as everywhere in tilework: the last dimension is the fastest. It
  // is a multiple of the block; no dimension is 0.
  Dims shape;
  // The blocks, row after row. Not aligned.
  absl::Span<const std::byte> data;

  int64_t cols() const { return shape[shape.size() - 1]; }
  int64_t rows() const { return shape.Product() / cols(); }
};

// Writes rows [first_row, first_row + num_rows) of `tensor`, taken as a matrix
// [rows, cols], to `out`, which is f32, bf16 or f16 [num_rows, cols] with
// adjacent elements in a row. Each element is the formula above in f32, then
// rounded once to the type of `out`. Allocates nothing; different threads may
// write different rows.
absl::Status Dequantize(const GgufTensor& tensor, int64_t first_row,
                        int64_t num_rows, const Tensor& out);

// The type of a metadata value, as in the file.
enum class GgufValueType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// An open file. Move-only. Views and tensors stay valid while it, or what it
// was moved to, exists.
class GgufFile {
 public:
  // Maps the file into memory.
  static absl::StatusOr<GgufFile> Open(const std::string& path);
  // Reads `bytes`, which must outlive the result.
  static absl::StatusOr<GgufFile> Parse(absl::Span<const std::byte> bytes);

  GgufFile(GgufFile&&) = default;
  GgufFile& operator=(GgufFile&&) = default;

  int64_t version() const { return version_; }

  // All keys of the metadata, in the file's order.
  absl::Span<const std::string> keys() const { return keys_; }
  bool Has(std::string_view key) const { return values_.contains(key); }

  // The value of `key` as T: int64_t (from any integer type), double (from f32
  // and f64), bool, std::string_view, or a std::vector of one of these (from an
  // array; bool excluded). NotFound names the key if it is missing; a value of
  // another type is InvalidArgument.
  template <typename T>
  absl::StatusOr<T> Get(std::string_view key) const {
    T value;
    const absl::Status status = Read(key, value);
    if (!status.ok()) return status;
    return value;
  }
  // The same, but `fallback` if the key is missing.
  template <typename T>
  absl::StatusOr<T> GetOr(std::string_view key, T fallback) const {
    if (!Has(key)) return fallback;
    return Get<T>(key);
  }

  // In the file's order.
  absl::Span<const GgufTensor> tensors() const { return tensors_; }
  // The tensor called `name`, or NotFound.
  absl::StatusOr<const GgufTensor*> Find(std::string_view name) const;

 private:
  friend class GgufParser;

  // A checked value: what it is and where its bytes are.
  struct Value {
    GgufValueType type;
    GgufValueType element_type;  // of an array
    uint64_t count;              // of an array
    absl::Span<const std::byte> bytes;
  };

  GgufFile() = default;
  absl::StatusOr<Value> FindValue(std::string_view key) const;
  // What Get() can get.
  absl::Status Read(std::string_view key, int64_t& value) const;
  absl::Status Read(std::string_view key, double& value) const;
  absl::Status Read(std::string_view key, bool& value) const;
  absl::Status Read(std::string_view key, std::string_view& value) const;
  absl::Status Read(std::string_view key, std::vector<int64_t>& values) const;
  absl::Status Read(std::string_view key, std::vector<double>& values) const;
  absl::Status Read(std::string_view key,
                    std::vector<std::string_view>& values) const;
  template <typename T>
  absl::Status ReadScalar(std::string_view key, T& value) const;
  template <typename T>
  absl::Status ReadArray(std::string_view key, std::vector<T>& values) const;

  MappedFile file_;
  int64_t version_ = 0;
  std::vector<std::string> keys_;
  absl::flat_hash_map<std::string, Value> values_;
  std::vector<GgufTensor> tensors_;
  absl::flat_hash_map<std::string, size_t> tensor_index_;
};

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_GGUF_H_
