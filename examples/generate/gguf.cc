// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "tilework/common/tensor/mapped_file.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tensor/utf8.h"

namespace tilework {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the file is little-endian and read as it is");

constexpr std::string_view kMagic = "GGUF";
constexpr std::string_view kAlignmentKey = "general.alignment";
constexpr int64_t kDefaultAlignment = 32;
// What the format's other readers allow.
constexpr uint32_t kMaxTensorRank = 4;
// Of arrays in arrays. More than any file has; bounds the parser's stack.
constexpr int kMaxNesting = 8;

struct TypeName {
  uint32_t type;
  std::string_view name;
};
constexpr std::array<TypeName, 34> kTypeNames = {{
    {0, "F32"},      {1, "F16"},     {2, "Q4_0"},     {3, "Q4_1"},
    {6, "Q5_0"},     {7, "Q5_1"},    {8, "Q8_0"},     {9, "Q8_1"},
    {10, "Q2_K"},    {11, "Q3_K"},   {12, "Q4_K"},    {13, "Q5_K"},
    {14, "Q6_K"},    {15, "Q8_K"},   {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"},  {20, "IQ4_NL"},  {21, "IQ3_S"},
    {22, "IQ2_S"},   {23, "IQ4_XS"}, {24, "I8"},      {25, "I16"},
    {26, "I32"},     {27, "I64"},    {28, "F64"},     {29, "IQ1_M"},
    {30, "BF16"},    {34, "TQ1_0"},  {35, "TQ2_0"},   {39, "MXFP4"},
    {4, "Q4_2"},     {5, "Q4_3"},
}};

constexpr std::array<std::string_view, 13> kValueTypeNames = {
    "u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
    "bool", "string", "array", "u64", "i64", "f64"};

std::string_view ValueTypeName(GgufValueType type) {
  return kValueTypeNames[static_cast<size_t>(type)];
}

// Bytes of a value of fixed size; 0 for strings and arrays.
uint64_t FixedSize(GgufValueType type) {
  switch (type) {
    case GgufValueType::kU8:
    case GgufValueType::kI8:
    case GgufValueType::kBool:
      return 1;
    case GgufValueType::kU16:
    case GgufValueType::kI16:
      return 2;
    case GgufValueType::kU32:
    case GgufValueType::kI32:
    case GgufValueType::kF32:
      return 4;
    case GgufValueType::kU64:
    case GgufValueType::kI64:
    case GgufValueType::kF64:
      return 8;
    case GgufValueType::kString:
    case GgufValueType::kArray:
      return 0;
  }
  return 0;
}

// The fewest bytes that a value can take.
uint64_t SmallestSize(GgufValueType type) {
  switch (type) {
    case GgufValueType::kString:
      return 8;
    case GgufValueType::kArray:
      return 12;
    default:
      return FixedSize(type);
  }
}

template <typename T>
T Load(const std::byte* source) {
  T value;
  std::memcpy(&value, source, sizeof(T));
  return value;
}

// The conversions from a value's bytes. False: another type, or out of range.

bool Convert(GgufValueType type, const std::byte* source, int64_t& value) {
  switch (type) {
    case GgufValueType::kU8:
      value = Load<uint8_t>(source);
      return true;
    case GgufValueType::kI8:
      value = Load<int8_t>(source);
      return true;
    case GgufValueType::kU16:
      value = Load<uint16_t>(source);
      return true;
    case GgufValueType::kI16:
      value = Load<int16_t>(source);
      return true;
    case GgufValueType::kU32:
      value = Load<uint32_t>(source);
      return true;
    case GgufValueType::kI32:
      value = Load<int32_t>(source);
      return true;
    case GgufValueType::kU64:
    case GgufValueType::kI64:
      value = Load<int64_t>(source);
      return type == GgufValueType::kI64 || value >= 0;
    default:
      return false;
  }
}

bool Convert(GgufValueType type, const std::byte* source, double& value) {
  if (type == GgufValueType::kF32) {
    value = static_cast<double>(Load<float>(source));
    return true;
  }
  if (type == GgufValueType::kF64) {
    value = Load<double>(source);
    return true;
  }
  return false;
}

bool Convert(GgufValueType type, const std::byte* source, bool& value) {
  if (type != GgufValueType::kBool) return false;
  value = Load<uint8_t>(source) != 0;
  return true;
}

bool Convert(GgufValueType type, const std::byte* source,
             std::string_view& value) {
  if (type != GgufValueType::kString) return false;
  value = std::string_view(reinterpret_cast<const char*>(source) + 8,
                           static_cast<size_t>(Load<uint64_t>(source)));
  return true;
}

template <typename T>
inline constexpr std::string_view kExpected = "a string";
template <>
inline constexpr std::string_view kExpected<int64_t> = "an integer below 2^63";
template <>
inline constexpr std::string_view kExpected<double> = "a float";
template <>
inline constexpr std::string_view kExpected<bool> = "a bool";

template <typename... Parts>
absl::Status Error(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

template <typename... Parts>
absl::Status TensorError(std::string_view name, const Parts&... parts) {
  return Error("tensor ", QuoteForMessage(name), " ", parts...);
}

}  // namespace

// Reads a file front to back. After the first error `status_` is set, and all
// functions return empty values.
class GgufParser {
 public:
  explicit GgufParser(absl::Span<const std::byte> bytes) : bytes_(bytes) {}

  absl::StatusOr<GgufFile> Parse() {
    GgufFile file;
    uint64_t num_tensors = 0;
    uint64_t num_values = 0;
    ReadHeader(file, num_tensors, num_values);
    for (uint64_t i = 0; ok() && i < num_values; ++i) ReadPair(file);
    const int64_t alignment = Alignment(file);
    for (uint64_t i = 0; ok() && i < num_tensors; ++i) ReadTensor(file);
    if (ok()) PlaceTensors(file, static_cast<uint64_t>(alignment));
    if (!ok()) return status_;
    return file;
  }

 private:
  using Value = GgufFile::Value;

  bool ok() const { return status_.ok(); }
  uint64_t Remaining() const { return bytes_.size() - position_; }

  template <typename... Parts>
  void Fail(const Parts&... parts) {
    if (ok()) status_ = Error(parts...);
  }

  // The next `count` bytes; none, and an error, where the file is shorter.
  absl::Span<const std::byte> Take(uint64_t count) {
    if (ok() && count > Remaining()) {
      Fail("file of ", bytes_.size(), " bytes is cut off: ", where_,
           " at byte ", position_, " needs ", count, " more");
    }
    if (!ok()) return {};
    const auto result = bytes_.subspan(position_, count);
    position_ += count;
    return result;
  }

  template <typename T>
  T Number() {
    const auto bytes = Take(sizeof(T));
    return ok() ? Load<T>(bytes.data()) : T{};
  }

  std::string_view String() {
    const auto bytes = Take(Number<uint64_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  // A count of things that take at least `smallest` bytes each.
  uint64_t Count(uint64_t smallest) {
    const uint64_t count = Number<uint64_t>();
    if (ok() && count > Remaining() / smallest) {
      Fail(where_, " says ", count, ", but only ", Remaining(),
           " bytes are left");
    }
    return ok() ? count : 0;
  }

  void ReadHeader(GgufFile& file, uint64_t& num_tensors, uint64_t& num_values) {
    where_ = "the header";
    const auto magic = Take(kMagic.size());
    if (!ok()) return;
    if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) {
      return Fail("not a GGUF file: it does not start with \"GGUF\"");
    }
    const uint32_t version = Number<uint32_t>();
    if (ok() && version != 0 && (version & 0xFFFFu) == 0) {
      return Fail("big-endian GGUF files are not supported");
    }
    if (ok() && version != 2 && version != 3) {
      return Fail("GGUF version ", version,
                  " is not supported (only 2 and 3 are)");
    }
    file.version_ = version;
    // A tensor takes a name, a rank, one dimension, a type and an offset.
    where_ = "the number of tensors";
    num_tensors = Count(8 + 4 + 8 + 4 + 8);
    // A pair takes a key, a type and a value.
    where_ = "the number of metadata pairs";
    num_values = Count(8 + 4 + 1);
  }

  GgufValueType ValueType(std::string_view key) {
    const uint32_t type = Number<uint32_t>();
    if (ok() && type >= kValueTypeNames.size()) {
      Fail("metadata ", QuoteForMessage(key), " has unknown type ", type);
    }
    return ok() ? static_cast<GgufValueType>(type) : GgufValueType::kU8;
  }

  // Skips an array's type, count and elements; returns the first two.
  std::pair<GgufValueType, uint64_t> SkipArray(std::string_view key,
                                               int nesting) {
    if (nesting > kMaxNesting) {
      Fail("metadata ", QuoteForMessage(key), " nests arrays too deeply");
    }
    const GgufValueType type = ValueType(key);
    const uint64_t count = Count(SmallestSize(type));
    if (const uint64_t size = FixedSize(type); size > 0) {
      Take(count * size);  // no overflow: Count() has checked the product
    } else {
      for (uint64_t i = 0; ok() && i < count; ++i) {
        if (type == GgufValueType::kString) {
          String();
        } else {
          SkipArray(key, nesting + 1);
        }
      }
    }
    return {type, count};
  }

  void ReadPair(GgufFile& file) {
    where_ = "a metadata key";
    const std::string key(String());
    where_ = absl::StrCat("metadata ", QuoteForMessage(key));
    Value value = {};
    value.type = ValueType(key);
    size_t start = position_;
    if (value.type == GgufValueType::kString) {
      String();
    } else if (value.type == GgufValueType::kArray) {
      std::tie(value.element_type, value.count) = SkipArray(key, 1);
      start += 4 + 8;  // the elements are what counts
    } else {
      Take(FixedSize(value.type));
    }
    if (!ok()) return;
    value.bytes = bytes_.subspan(start, position_ - start);
    if (!file.values_.try_emplace(key, value).second) {
      return Fail("metadata ", QuoteForMessage(key), " appears twice");
    }
    file.keys_.push_back(key);
  }

  int64_t Alignment(const GgufFile& file) {
    if (!ok()) return kDefaultAlignment;
    const absl::StatusOr<int64_t> alignment =
        file.GetOr<int64_t>(kAlignmentKey, kDefaultAlignment);
    if (!alignment.ok()) {
      Fail(alignment.status().message());
      return kDefaultAlignment;
    }
    if (*alignment <= 0 || *alignment > std::numeric_limits<uint32_t>::max() ||
        !std::has_single_bit(static_cast<uint64_t>(*alignment))) {
      Fail(kAlignmentKey, " is ", *alignment, ", which is not a power of two");
      return kDefaultAlignment;
    }
    return *alignment;
  }

  // Reads dimensions, fastest first, and returns them in logical order.
  Dims ReadShape(std::string_view name) {
    const uint32_t rank = Number<uint32_t>();
    if (ok() && (rank == 0 || rank > kMaxTensorRank)) {
      status_ = TensorError(name, "has ", rank, " dimensions (1 to ",
                            kMaxTensorRank, " are possible)");
    }
    std::vector<int64_t> dims;
    for (uint32_t i = 0; ok() && i < rank; ++i) {
      const uint64_t dim = Number<uint64_t>();
      if (ok() && (dim == 0 || dim > std::numeric_limits<int64_t>::max())) {
        status_ = TensorError(name, "has a dimension of ", dim);
      }
      dims.push_back(static_cast<int64_t>(dim));
    }
    std::reverse(dims.begin(), dims.end());
    return ok() ? Dims(dims) : Dims();
  }

  // Reads what the file says of a tensor; its bytes are found later.
  void ReadTensor(GgufFile& file) {
    where_ = "a tensor's name";
    GgufTensor tensor;
    tensor.name = String();
    where_ = absl::StrCat("tensor ", QuoteForMessage(tensor.name));
    tensor.shape = ReadShape(tensor.name);
    tensor.type = static_cast<GgufType>(Number<uint32_t>());
    offsets_.push_back(Number<uint64_t>());
    if (!ok()) return;
    const GgufBlock block = BlockOf(tensor.type);
    if (block.elements == 0) {
      status_ = TensorError(tensor.name, "has type ", GgufTypeName(tensor.type),
                            ", which is not supported");
    } else if (!tensor.shape.ProductFits()) {
      status_ = TensorError(tensor.name, "has shape ", tensor.shape.ToString(),
                            ", which is too large");
    } else if (tensor.cols() % block.elements != 0) {
      status_ =
          TensorError(tensor.name, "has shape ", tensor.shape.ToString(),
                      ", but rows of ", GgufTypeName(tensor.type),
                      " have a multiple of ", block.elements, " elements");
    }
    if (!ok()) return;
    if (!file.tensor_index_.try_emplace(tensor.name, file.tensors_.size())
             .second) {
      status_ = TensorError(tensor.name, "appears twice");
      return;
    }
    file.tensors_.push_back(std::move(tensor));
  }

  // Gives each tensor its bytes.
  void PlaceTensors(GgufFile& file, uint64_t alignment) {
    if (file.tensors_.empty()) return;
    const uint64_t start = (position_ + alignment - 1) / alignment * alignment;
    const auto data = bytes_.subspan(std::min(start, bytes_.size()));
    for (size_t i = 0; i < file.tensors_.size(); ++i) {
      GgufTensor& tensor = file.tensors_[i];
      const std::optional<uint64_t> length = Length(tensor);
      if (!length || offsets_[i] > data.size() ||
          *length > data.size() - offsets_[i]) {
        status_ = TensorError(tensor.name, "is ", GgufTypeName(tensor.type),
                              " ", tensor.shape.ToString(), " at data byte ",
                              offsets_[i], ", which ends beyond the file's ",
                              data.size(), " bytes of data");
        return;
      }
      if (offsets_[i] % alignment != 0) {
        status_ = TensorError(tensor.name, "starts at data byte ", offsets_[i],
                              ", which is not a multiple of the alignment ",
                              alignment);
        return;
      }
      tensor.data = data.subspan(offsets_[i], *length);
    }
    CheckOverlap(file);
  }

  // Bytes of all blocks of a tensor whose shape fits, or nothing if too many.
  static std::optional<uint64_t> Length(const GgufTensor& tensor) {
    const GgufBlock block = BlockOf(tensor.type);
    const int64_t blocks = tensor.shape.Product() / block.elements;
    int64_t length;
    if (__builtin_mul_overflow(blocks, block.bytes, &length)) {
      return std::nullopt;
    }
    return static_cast<uint64_t>(length);
  }

  void CheckOverlap(const GgufFile& file) {
    std::vector<const GgufTensor*> order;
    for (const GgufTensor& tensor : file.tensors_) order.push_back(&tensor);
    std::sort(order.begin(), order.end(),
              [](const GgufTensor* a, const GgufTensor* b) {
                return a->data.data() < b->data.data();
              });
    for (size_t i = 1; i < order.size(); ++i) {
      const auto previous = order[i - 1]->data;
      if (order[i]->data.data() < previous.data() + previous.size()) {
        status_ = TensorError(order[i]->name, "overlaps tensor ",
                              QuoteForMessage(order[i - 1]->name));
        return;
      }
    }
  }

  absl::Span<const std::byte> bytes_;
  size_t position_ = 0;
  std::string where_;              // what is being read, for messages
  std::vector<uint64_t> offsets_;  // of the tensors
  absl::Status status_;
};

std::string GgufTypeName(GgufType type) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.type == static_cast<uint32_t>(type)) {
      return std::string(entry.name);
    }
  }
  return absl::StrCat(static_cast<uint32_t>(type));
}

absl::StatusOr<GgufFile> GgufFile::Open(const std::string& path) {
  absl::StatusOr<MappedFile> mapped = MappedFile::Open(path);
  if (!mapped.ok()) return mapped.status();
  absl::StatusOr<GgufFile> file = Parse(mapped->bytes());
  if (!file.ok()) {
    return absl::Status(file.status().code(),
                        absl::StrCat(path, ": ", file.status().message()));
  }
  file->file_ = *std::move(mapped);
  return file;
}

absl::StatusOr<GgufFile> GgufFile::Parse(absl::Span<const std::byte> bytes) {
  return GgufParser(bytes).Parse();
}

absl::StatusOr<GgufFile::Value> GgufFile::FindValue(
    std::string_view key) const {
  const auto found = values_.find(key);
  if (found == values_.end()) {
    return absl::NotFoundError(
        absl::StrCat("metadata ", QuoteForMessage(key), " is missing"));
  }
  return found->second;
}

template <typename T>
absl::Status GgufFile::ReadScalar(std::string_view key, T& value) const {
  const absl::StatusOr<Value> found = FindValue(key);
  if (!found.ok()) return found.status();
  if (Convert(found->type, found->bytes.data(), value)) {
    return absl::OkStatus();
  }
  return Error("metadata ", QuoteForMessage(key), " has type ",
               ValueTypeName(found->type), ", expected ", kExpected<T>);
}

template <typename T>
absl::Status GgufFile::ReadArray(std::string_view key,
                                 std::vector<T>& values) const {
  const absl::StatusOr<Value> found = FindValue(key);
  if (!found.ok()) return found.status();
  if (found->type != GgufValueType::kArray) {
    return Error("metadata ", QuoteForMessage(key), " has type ",
                 ValueTypeName(found->type), ", expected an array");
  }
  const GgufValueType type = found->element_type;
  const std::byte* next = found->bytes.data();
  values.reserve(static_cast<size_t>(found->count));
  for (uint64_t i = 0; i < found->count; ++i) {
    T value;
    if (!Convert(type, next, value)) {
      return Error("metadata ", QuoteForMessage(key), " has elements of type ",
                   ValueTypeName(type), ", expected ", kExpected<T>);
    }
    values.push_back(value);
    next += type == GgufValueType::kString ? 8 + Load<uint64_t>(next)
                                           : FixedSize(type);
  }
  return absl::OkStatus();
}

absl::Status GgufFile::Read(std::string_view key, int64_t& value) const {
  return ReadScalar(key, value);
}
absl::Status GgufFile::Read(std::string_view key, double& value) const {
  return ReadScalar(key, value);
}
absl::Status GgufFile::Read(std::string_view key, bool& value) const {
  return ReadScalar(key, value);
}
absl::Status GgufFile::Read(std::string_view key,
                            std::string_view& value) const {
  return ReadScalar(key, value);
}
absl::Status GgufFile::Read(std::string_view key,
                            std::vector<int64_t>& values) const {
  return ReadArray(key, values);
}
absl::Status GgufFile::Read(std::string_view key,
                            std::vector<double>& values) const {
  return ReadArray(key, values);
}
absl::Status GgufFile::Read(std::string_view key,
                            std::vector<std::string_view>& values) const {
  return ReadArray(key, values);
}

absl::StatusOr<const GgufTensor*> GgufFile::Find(std::string_view name) const {
  const auto found = tensor_index_.find(name);
  if (found == tensor_index_.end()) {
    return absl::NotFoundError(
        absl::StrCat("there is no tensor ", QuoteForMessage(name)));
  }
  return &tensors_[found->second];
}

}  // namespace tilework
