// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/packed_matrix.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <ios>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/codes.h"
#include "tilework/common/gemm/pack.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/mapped_file.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// What bytes() begins with. All numbers are little-endian.
struct PackedMatrix::Header {
  // Of this layout: whoever changes pack.h or this struct adds 1.
  static constexpr uint32_t kVersion = 1;
  static constexpr char kMagic[8] = {'t', 'l', 'w', 'k', 'p', 'a', 'c', 'k'};

  char magic[8];
  uint32_t version;
  uint8_t dtype;
  uint8_t storage;
  uint8_t scheme;
  uint8_t has_mx_scales;
  int64_t rows;
  int64_t cols;
  int64_t total_bytes;
  uint8_t reserved[24];

  // The parts, in this order; each begins at a multiple of 64 bytes.
  struct Parts {
    int64_t panel_bytes;     // of one panel
    int64_t mx_panel_bytes;  // scales of one panel; 0 if there are none
    int64_t num_panels;
    Dims scales;  // of f32; rank 0 if there are none

    int64_t panels_begin() const { return sizeof(Header); }
    int64_t mx_scales_begin() const {
      return panels_begin() + Aligned(panel_bytes * num_panels);
    }
    int64_t scales_begin() const {
      return mx_scales_begin() + Aligned(mx_panel_bytes * num_panels);
    }
    int64_t end() const {
      return scales_begin() +
             (scales.size() == 0 ? 0 : Aligned(scales.Product() * 4));
    }
    static int64_t Aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }
  };
  Parts GetParts() const;
};

namespace {

constexpr DType kCodeTypes[] = {DType::kF8E4M3, DType::kF8E4M3_240,
                                DType::kF8E5M2, DType::kF4E2M1};
constexpr DType kScaleTypes[] = {DType::kF32, DType::kE8M0};
constexpr int64_t kCols = PackedMatrix::kPanelCols;
// MX scales such that sums of exponents stay those of normal bf16 numbers.
constexpr int kLeastScale = 32;
constexpr int kGreatestScale = 224;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

bool IsMx(QuantScheme scheme) {
  return scheme == QuantScheme::kMx || scheme == QuantScheme::kMxCompact;
}

Dims ScaleShape(QuantScheme scheme, int64_t rows, int64_t cols) {
  switch (scheme) {
    case QuantScheme::kPerTensor:
      return {1};
    case QuantScheme::kPerSegment:
      return {3};
    case QuantScheme::kPerChannel:
      return {cols};
    case QuantScheme::kBlock128:
      return {CeilDiv(rows, kScaleBlock), CeilDiv(cols, kScaleBlock)};
    default:
      return {};
  }
}

// The scale of a block of up to 32 codes of a column as it is packed: 1 for
// zeros, whatever theirs is. Nothing if it must not be.
std::optional<uint8_t> PackedScale(const CodeReader& codes,
                                   const std::array<uint16_t, 256>& table,
                                   const MxScaleReader& scales, int64_t row,
                                   int64_t rows, int64_t col) {
  uint16_t any = 0;
  bool finite = true;
  for (int64_t k = row; k < row + rows; ++k) {
    const uint16_t magnitude = table[codes(k, col)] & 0x7FFFu;
    any |= magnitude;
    finite = finite && magnitude < 0x7F80u;
  }
  const E8M0 scale = scales(row, col);
  if (any == 0 && scale.bits != E8M0::kNaNBits) return uint8_t{127};
  if (!finite || scale.bits < kLeastScale || scale.bits > kGreatestScale) {
    return std::nullopt;
  }
  return scale.bits;
}

// The scales of one panel; false if there is one that must not be packed.
bool PackScales(const CodeReader& codes, const std::array<uint16_t, 256>& table,
                const MxScaleReader& scales, int64_t rows, int64_t col,
                int64_t cols, uint8_t* to) {
  for (int64_t row = 0; row < rows; row += kMxBlockSize) {
    const int64_t count = std::min(kMxBlockSize, rows - row);
    uint8_t* block = to + row / kMxBlockSize * kCols;
    std::fill_n(block, kCols, uint8_t{127});
    for (int64_t c = 0; c < cols; ++c) {
      const std::optional<uint8_t> scale =
          PackedScale(codes, table, scales, row, count, col + c);
      if (!scale.has_value()) return false;
      block[c] = *scale;
    }
  }
  return true;
}

absl::Status CheckMatrix(const QuantizedMatrix& matrix,
                         std::optional<QuantScheme> scheme) {
  ArgumentChecker check("pack");
  if (IsFloat(matrix.data.dtype())) {
    check.Required("matrix", matrix.data, "K N", kFloatTypes);
    check.Forbidden("scales", matrix.scales, "matrix is not quantized");
    return check.status();
  }
  check.Required("matrix", matrix.data, "K N", kCodeTypes);
  check.Required("scales", matrix.scales, "1 | n | k n", kScaleTypes);
  const ConstTensor& data = matrix.data;
  check.Require(data.dtype() != DType::kF4E2M1 ||
                    (data.stride(0) == 1 && data.stride(1) % 2 == 0),
                "pack: matrix is f4e2m1 with strides ", data.strides(),
                ", expected 1 along K and an even one");
  check.Require(scheme.has_value() && *scheme != QuantScheme::kNone &&
                    *scheme != QuantScheme::kPerToken,
                "pack: scales are ", ToString(matrix.scales),
                ", which fit no scheme for a weight ", data.shape());
  if (!check.ok()) return check.status();
  const bool is_mx = IsMx(*scheme);
  check.Require(is_mx == (matrix.scales.dtype() == DType::kE8M0),
                "pack: scales are ", Name(matrix.scales.dtype()), " for ",
                Name(*scheme));
  check.Require(is_mx || data.dtype() != DType::kF4E2M1, "pack: matrix is ",
                Name(data.dtype()), ", which needs MX scales");
  const Dims expected =
      *scheme == QuantScheme::kMx
          ? Dims{CeilDiv(data.dim(0), kMxBlockSize), data.dim(1)}
      : is_mx ? Dims{CeilDiv(data.dim(0), kScaleBlock),
                     CeilDiv(data.dim(1), kScaleBlock)}
              : ScaleShape(*scheme, data.dim(0), data.dim(1));
  check.Require(matrix.scales.shape() == expected, "pack: scales are ",
                matrix.scales.shape(), " but ", Name(*scheme), " of ",
                data.shape(), " needs ", expected);
  return check.status();
}

}  // namespace

PackedMatrix::Header::Parts PackedMatrix::Header::GetParts() const {
  Parts parts;
  parts.num_panels = CeilDiv(cols, kCols);
  parts.panel_bytes = PackedPanelBytes(static_cast<DType>(storage), rows);
  parts.mx_panel_bytes =
      has_mx_scales != 0 ? CeilDiv(rows, kMxBlockSize) * kCols : 0;
  parts.scales = ScaleShape(static_cast<QuantScheme>(scheme), rows, cols);
  return parts;
}

absl::StatusOr<PackedMatrix> PackedMatrix::Pack(const QuantizedMatrix& matrix,
                                                HostContext& context) {
  const ConstTensor& data = matrix.data;
  const std::optional<QuantScheme> scheme =
      matrix.scheme.has_value() ? matrix.scheme
                                : InferWeightScheme(data, matrix.scales);
  absl::Status status = CheckMatrix(matrix, scheme);
  if (!status.ok()) return status;

  Header header = {};
  std::copy_n(Header::kMagic, sizeof(header.magic), header.magic);
  header.version = Header::kVersion;
  header.dtype = static_cast<uint8_t>(data.dtype());
  header.storage = static_cast<uint8_t>(
      data.dtype() == DType::kF8E4M3_240 ? DType::kF8E4M3 : data.dtype());
  header.scheme = static_cast<uint8_t>(*scheme);
  header.has_mx_scales = IsMx(*scheme) ? 1 : 0;
  header.rows = data.dim(0);
  header.cols = data.dim(1);
  const int64_t rows = header.rows;
  Header::Parts parts = header.GetParts();
  const auto cols_of = [&](int64_t panel) {
    return std::min(kCols, header.cols - panel * kCols);
  };

  // The scales first: they tell how the codes are kept.
  const MxScaleReader mx_scales(*scheme, matrix.scales);
  std::shared_ptr<uint8_t[]> packed_scales;
  if (header.has_mx_scales != 0) {
    packed_scales = std::make_shared<uint8_t[]>(
        static_cast<size_t>(parts.mx_panel_bytes * parts.num_panels));
    std::atomic<bool> fits = true;
    const CodeReader codes(data);
    context.pool().ParallelFor(
        parts.num_panels, [&](int64_t panel, int /*thread*/) {
          if (!PackScales(codes, Bf16Table(data.dtype()), mx_scales, rows,
                          panel * kCols, cols_of(panel),
                          packed_scales.get() + panel * parts.mx_panel_bytes)) {
            fits = false;
          }
        });
    if (!fits) {
      header.has_mx_scales = 0;
      header.storage = static_cast<uint8_t>(DType::kBF16);
      parts = header.GetParts();
    }
  }
  header.total_bytes = parts.end();

  const auto buffer = std::make_shared<Buffer>(
      Buffer::Zeros(DType::kU8, Dims{header.total_bytes}));
  uint8_t* bytes = buffer->data<uint8_t>();
  std::memcpy(bytes, &header, sizeof(header));
  uint8_t* panels = bytes + parts.panels_begin();
  const auto storage = static_cast<DType>(header.storage);
  context.pool().ParallelFor(parts.num_panels, [&](int64_t panel,
                                                   int /*thread*/) {
    uint8_t* to = panels + panel * parts.panel_bytes;
    const int64_t col = panel * kCols;
    if (IsFloat(data.dtype())) {
      VisitFloat(data.dtype(), [&](auto type) {
        PackPanelRows(data, 0, rows, col,
                      reinterpret_cast<decltype(type)*>(to));
      });
    } else if (storage == DType::kBF16) {
      PackPanelValues(CodeReader(data), Bf16Table(data.dtype()), mx_scales, 0,
                      rows, col, cols_of(panel),
                      reinterpret_cast<BFloat16*>(to));
    } else {
      PackPanelCodes(CodeReader(data), storage, rows, col, cols_of(panel), to);
    }
  });
  if (header.has_mx_scales != 0) {
    std::copy_n(packed_scales.get(), parts.mx_panel_bytes * parts.num_panels,
                bytes + parts.mx_scales_begin());
  }
  if (parts.scales.size() > 0) {
    Copy(matrix.scales,
         Tensor(bytes + parts.scales_begin(), DType::kF32, parts.scales));
  }

  PackedMatrix packed;
  packed.owner_ = buffer;
  status = packed.Open({reinterpret_cast<const std::byte*>(bytes),
                        static_cast<size_t>(header.total_bytes)});
  if (!status.ok()) return status;
  return packed;
}

absl::Status PackedMatrix::Open(absl::Span<const std::byte> bytes) {
  const auto fail = [](const auto&... parts) {
    return absl::InvalidArgumentError(
        absl::StrCat("packed matrix: ", parts...));
  };
  Header header;
  if (bytes.size() < sizeof(header)) {
    return fail("has ", bytes.size(), " bytes, fewer than its header");
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (!std::equal(header.magic, header.magic + sizeof(header.magic),
                  Header::kMagic)) {
    return fail("does not begin as one");
  }
  if (header.version != Header::kVersion) {
    return fail("is of version ", header.version, ", this library reads ",
                Header::kVersion, ": pack the weights again");
  }
  const auto storage = static_cast<DType>(header.storage);
  const auto dtype = static_cast<DType>(header.dtype);
  const auto is_element = [](DType type) {
    return IsFloat(type) || IsFloat8(type) || type == DType::kF4E2M1;
  };
  constexpr int64_t kMostElements = int64_t{1} << 46;
  if (!is_element(storage) || !is_element(dtype) ||
      header.scheme > static_cast<uint8_t>(QuantScheme::kBlock128) ||
      header.has_mx_scales > 1 || header.rows < 0 || header.cols < 0 ||
      header.rows > kMostElements || header.cols > kMostElements ||
      (header.rows > 0 && header.cols > kMostElements / header.rows)) {
    return fail("has a header that is not valid");
  }
  const Header::Parts parts = header.GetParts();
  if (parts.end() != header.total_bytes ||
      static_cast<int64_t>(bytes.size()) != header.total_bytes) {
    return fail("[", header.rows, ", ", header.cols, "] of ", Name(storage),
                " has ", bytes.size(), " bytes, expected ", parts.end());
  }
  if (reinterpret_cast<uintptr_t>(bytes.data()) % 64 != 0) {
    return fail("is not aligned to 64 bytes");
  }
  bytes_ = bytes;
  panels_ = bytes.data() + parts.panels_begin();
  if (header.has_mx_scales != 0) {
    mx_scales_ = reinterpret_cast<const uint8_t*>(bytes.data()) +
                 parts.mx_scales_begin();
  }
  if (parts.scales.size() > 0) {
    scales_ = ConstTensor(bytes.data() + parts.scales_begin(), DType::kF32,
                          parts.scales);
  }
  panel_bytes_ = parts.panel_bytes;
  mx_panel_bytes_ = parts.mx_panel_bytes;
  rows_ = header.rows;
  cols_ = header.cols;
  dtype_ = dtype;
  storage_ = storage;
  scheme_ = static_cast<QuantScheme>(header.scheme);
  return absl::OkStatus();
}

absl::StatusOr<PackedMatrix> PackedMatrix::View(
    absl::Span<const std::byte> bytes) {
  PackedMatrix packed;
  const absl::Status status = packed.Open(bytes);
  if (!status.ok()) return status;
  return packed;
}

absl::StatusOr<PackedMatrix> PackedMatrix::Load(const std::string& path) {
  absl::StatusOr<MappedFile> file = MappedFile::Open(path);
  if (!file.ok()) return file.status();
  const auto owner = std::make_shared<MappedFile>(*std::move(file));
  PackedMatrix packed;
  const absl::Status status = packed.Open(owner->bytes());
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", status.message()));
  }
  packed.owner_ = owner;
  return packed;
}

absl::Status PackedMatrix::Save(const std::string& path) const {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes_.data()),
             static_cast<std::streamsize>(bytes_.size()));
  file.close();
  if (!file) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot write"));
  }
  return absl::OkStatus();
}

}  // namespace tilework
