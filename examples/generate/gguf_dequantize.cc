// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The block formats. All products below are exact in f32 (at most 24
// significant bits), so that a compiler may fuse a product and a sum without
// changing the result.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tensor/utf8.h"
#include "tilework/examples/generate/gguf.h"

namespace tilework {
namespace {

// Elements that are converted in one go: a multiple of every block.
constexpr int64_t kChunk = 256;

template <typename T>
T Load(const std::byte* source) {
  T value;
  std::memcpy(&value, source, sizeof(T));
  return value;
}

float LoadF16(const std::byte* source) {
  return static_cast<float>(Float16::FromBits(Load<uint16_t>(source)));
}

// Each format decodes one block of kElements from kBytes.

template <typename T>
struct Plain {
  static constexpr int64_t kElements = 1;
  static constexpr int64_t kBytes = sizeof(T);
  static void Decode(const std::byte* source, float* out) {
    if constexpr (std::is_same_v<T, float>) {
      *out = Load<float>(source);
    } else {
      *out = static_cast<float>(T::FromBits(Load<uint16_t>(source)));
    }
  }
};

// Element i < 16 of a block of 32 is in the low, element i + 16 in the high
// half of byte i; with 5 bits, the top bit is bit i of a word before the bytes.
template <bool kFiveBits, bool kHasMinimum>
struct Nibbles {
  static constexpr int64_t kElements = 32;
  static constexpr int64_t kHighAt = kHasMinimum ? 4 : 2;
  static constexpr int64_t kNibblesAt = kHighAt + (kFiveBits ? 4 : 0);
  static constexpr int64_t kBytes = kNibblesAt + 16;
  static void Decode(const std::byte* source, float* out) {
    const float d = LoadF16(source);
    const float m = kHasMinimum ? LoadF16(source + 2) : 0.0f;
    const uint32_t high = kFiveBits ? Load<uint32_t>(source + kHighAt) : 0;
    constexpr int32_t kZero = kHasMinimum ? 0 : kFiveBits ? 16 : 8;
    for (uint32_t i = 0; i < 16; ++i) {
      const uint32_t byte = static_cast<uint32_t>(source[kNibblesAt + i]);
      const uint32_t low_q = (byte & 15u) | (((high >> i) & 1u) << 4);
      const uint32_t high_q = (byte >> 4) | (((high >> (i + 16)) & 1u) << 4);
      out[i] = d * static_cast<float>(static_cast<int32_t>(low_q) - kZero);
      out[i + 16] =
          d * static_cast<float>(static_cast<int32_t>(high_q) - kZero);
    }
    if constexpr (kHasMinimum) {
      for (int i = 0; i < 32; ++i) out[i] += m;
    }
  }
};

struct Bytes8 {
  static constexpr int64_t kElements = 32;
  static constexpr int64_t kBytes = 34;
  static void Decode(const std::byte* source, float* out) {
    const float d = LoadF16(source);
    for (int i = 0; i < 32; ++i) {
      out[i] = d * static_cast<float>(static_cast<int8_t>(source[2 + i]));
    }
  }
};

// 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 scales, d. Each half
// of the block has 64 + 32 bytes, in which element i + 32 * k (k < 4) takes
// nibble k / 2 of byte i + 32 * (k % 2) and bit pair k of byte i.
struct SixBits {
  static constexpr int64_t kElements = 256;
  static constexpr int64_t kBytes = 210;
  static void Decode(const std::byte* source, float* out) {
    const float d = LoadF16(source + 208);
    for (int64_t half = 0; half < 2; ++half) {
      for (int64_t k = 0; k < 4; ++k) {
        DecodeQuarter(source + half * 64 + 32 * (k % 2),
                      source + 128 + half * 32, source + 192 + half * 8 + 2 * k,
                      k, d, out + half * 128 + k * 32);
      }
    }
  }
  static void DecodeQuarter(const std::byte* nibbles, const std::byte* pairs,
                            const std::byte* scales, int64_t k, float d,
                            float* out) {
    const int nibble_shift = k < 2 ? 0 : 4;
    const int pair_shift = static_cast<int>(2 * k);
    for (int64_t i = 0; i < 32; ++i) {
      const float scale =
          d * static_cast<float>(static_cast<int8_t>(scales[i / 16]));
      const uint32_t low =
          (static_cast<uint32_t>(nibbles[i]) >> nibble_shift) & 15u;
      const uint32_t high =
          (static_cast<uint32_t>(pairs[i]) >> pair_shift) & 3u;
      const int32_t q = static_cast<int32_t>(low | (high << 4)) - 32;
      out[i] = scale * static_cast<float>(q);
    }
  }
};

// Calls f with the format of `type`.
template <typename F>
void VisitFormat(GgufType type, const F& f) {
  switch (type) {
    case GgufType::kF32:
      return f(Plain<float>());
    case GgufType::kF16:
      return f(Plain<Float16>());
    case GgufType::kBF16:
      return f(Plain<BFloat16>());
    case GgufType::kQ4_0:
      return f(Nibbles<false, false>());
    case GgufType::kQ4_1:
      return f(Nibbles<false, true>());
    case GgufType::kQ5_0:
      return f(Nibbles<true, false>());
    case GgufType::kQ5_1:
      return f(Nibbles<true, true>());
    case GgufType::kQ8_0:
      return f(Bytes8());
    case GgufType::kQ6_K:
      return f(SixBits());
  }
}

template <typename Format, typename T>
void DecodeRow(const std::byte* source, int64_t cols, T* out) {
  float chunk[kChunk];
  for (int64_t start = 0; start < cols; start += kChunk) {
    const int64_t length = std::min(kChunk, cols - start);
    for (int64_t i = 0; i < length; i += Format::kElements) {
      Format::Decode(source, chunk + i);
      source += Format::kBytes;
    }
    for (int64_t i = 0; i < length; ++i) out[start + i] = T(chunk[i]);
  }
}

absl::Status CheckOutput(const GgufTensor& tensor, int64_t first_row,
                         int64_t num_rows, const Tensor& out) {
  const auto error = [&](const auto&... parts) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dequantize ", QuoteForMessage(tensor.name), ": ", parts...));
  };
  const int64_t rows = tensor.rows();
  if (first_row < 0 || num_rows < 0 || first_row > rows - num_rows) {
    return error("rows [", first_row, ", +", num_rows, ") of ", rows);
  }
  if (!IsFloat(out.dtype()) || out.space() != MemorySpace::kHost ||
      out.shape() != Dims({num_rows, tensor.cols()}) || out.stride(1) != 1) {
    return error("out is ", ToString(out), ", but must be f32, bf16 or f16 [",
                 num_rows, ", ", tensor.cols(), "] with contiguous rows");
  }
  return absl::OkStatus();
}

}  // namespace

GgufBlock BlockOf(GgufType type) {
  GgufBlock block;
  VisitFormat(type, [&](auto format) {
    block = {decltype(format)::kElements, decltype(format)::kBytes};
  });
  return block;
}

absl::Status Dequantize(const GgufTensor& tensor, int64_t first_row,
                        int64_t num_rows, const Tensor& out) {
  const absl::Status status = CheckOutput(tensor, first_row, num_rows, out);
  if (!status.ok()) return status;
  VisitFormat(tensor.type, [&](auto format) {
    using Format = decltype(format);
    const int64_t row_bytes =
        tensor.cols() / Format::kElements * Format::kBytes;
    VisitFloat(out.dtype(), [&](auto value) {
      using T = decltype(value);
      for (int64_t row = 0; row < num_rows; ++row) {
        DecodeRow<Format>(tensor.data.data() + (first_row + row) * row_bytes,
                          tensor.cols(), out.At<T>(row));
      }
    });
  });
  return absl::OkStatus();
}

}  // namespace tilework
