// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Eight elements of a row at a time: between memory and registers with the
// widest accesses that the row allows, and between registers and f32.
//
// What is loaded stays as it is in memory until it is used, so that several
// loads can be under way with few registers. kBytes is the size of an element,
// which is all that loads and stores depend on; which type of that size it is
// is a switch that all threads take alike.

#ifndef TILEWORK_COMMON_DEVICE_ELEMENTS_H_
#define TILEWORK_COMMON_DEVICE_ELEMENTS_H_

#include <bit>
#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/dtype/dtype.h"

namespace tilework {

// cvt.rn.bf16x2.f32 and cvt.rn.f16x2.f32: two f32 rounded to nearest even,
// `low` in the lower half. NaN becomes 7FFF. (PTX: Data Movement and Conversion
// Instructions, cvt)
__device__ inline uint32_t CvtRnBf16x2F32(float high, float low) {
#if defined(TILEWORK_EMULATED)
  const auto bits = [](float value) -> uint32_t {
    return value != value ? 0x7FFFu : BFloat16(value).bits;
  };
  return bits(high) << 16 | bits(low);
#else
  uint32_t result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
#endif
}
__device__ inline uint32_t CvtRnF16x2F32(float high, float low) {
#if defined(TILEWORK_EMULATED)
  const auto bits = [](float value) -> uint32_t {
    return value != value ? 0x7FFFu : Float16(value).bits;
  };
  return bits(high) << 16 | bits(low);
#else
  uint32_t result;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
#endif
}

// cvt.f32.f16: exact.
__device__ inline float CvtF32F16(uint16_t bits) {
#if defined(TILEWORK_EMULATED)
  return static_cast<float>(Float16::FromBits(bits));
#else
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(bits));
  return result;
#endif
}

inline constexpr int kEight = 8;

// Element i is in bits [8 kBytes i, 8 kBytes (i + 1)).
template <int kBytes>
struct RawEight {
  static_assert(kBytes == 1 || kBytes == 2 || kBytes == 4);
  static constexpr int kWords = 2 * kBytes;

  uint32_t words[kWords];
};

namespace device_internal {

template <int kBytes>
struct UnsignedOf;
template <>
struct UnsignedOf<1> {
  using Type = uint8_t;
};
template <>
struct UnsignedOf<2> {
  using Type = uint16_t;
};
template <>
struct UnsignedOf<4> {
  using Type = uint32_t;
};

// Moves kWords words between registers and memory, kWordsPerAccess at a time.
template <int kWords, int kWordsPerAccess>
__device__ inline void LoadWords(const void* from, uint32_t (&words)[kWords]) {
  if constexpr (kWords >= kWordsPerAccess) {
    TILEWORK_UNROLL
    for (int i = 0; i < kWords / kWordsPerAccess; ++i) {
      if constexpr (kWordsPerAccess == 4) {
        const uint4 v = static_cast<const uint4*>(from)[i];
        words[4 * i] = v.x;
        words[4 * i + 1] = v.y;
        words[4 * i + 2] = v.z;
        words[4 * i + 3] = v.w;
      } else if constexpr (kWordsPerAccess == 2) {
        const uint2 v = static_cast<const uint2*>(from)[i];
        words[2 * i] = v.x;
        words[2 * i + 1] = v.y;
      } else {
        words[i] = static_cast<const uint32_t*>(from)[i];
      }
    }
  }
}
template <int kWords, int kWordsPerAccess>
__device__ inline void StoreWords(const uint32_t (&words)[kWords], void* to) {
  if constexpr (kWords >= kWordsPerAccess) {
    TILEWORK_UNROLL
    for (int i = 0; i < kWords / kWordsPerAccess; ++i) {
      if constexpr (kWordsPerAccess == 4) {
        static_cast<uint4*>(to)[i] = {words[4 * i], words[4 * i + 1],
                                      words[4 * i + 2], words[4 * i + 3]};
      } else if constexpr (kWordsPerAccess == 2) {
        static_cast<uint2*>(to)[i] = {words[2 * i], words[2 * i + 1]};
      } else {
        static_cast<uint32_t*>(to)[i] = words[i];
      }
    }
  }
}

// Bytes of the accesses to eight elements that may be made in a row.
template <int kBytes>
__device__ inline int AccessBytes(int alignment, int count) {
  if (count < kEight) return 0;
  return alignment < 8 * kBytes ? alignment : 8 * kBytes;
}

}  // namespace device_internal

// The first `count` <= 8 elements from `data` on, `stride` apart; zeros after
// them. `alignment` is the largest of 1, 2, 4, 8 and 16 that divides the
// address if the stride is 1, else 0.
template <int kBytes>
__device__ inline RawEight<kBytes> LoadEight(const void* data, int64_t stride,
                                             int alignment, int count) {
  using device_internal::LoadWords;
  constexpr int kWords = RawEight<kBytes>::kWords;
  RawEight<kBytes> raw;
  const int bytes = device_internal::AccessBytes<kBytes>(alignment, count);
  if (bytes >= 16) {
    LoadWords<kWords, 4>(data, raw.words);
  } else if (bytes == 8) {
    LoadWords<kWords, 2>(data, raw.words);
  } else if (bytes == 4) {
    LoadWords<kWords, 1>(data, raw.words);
  } else {
    using T = typename device_internal::UnsignedOf<kBytes>::Type;
    const T* from = static_cast<const T*>(data);
    TILEWORK_UNROLL
    for (int i = 0; i < kWords; ++i) raw.words[i] = 0;
    TILEWORK_UNROLL
    for (int i = 0; i < kEight; ++i) {
      if (i < count) {
        raw.words[i * kBytes / 4] |= uint32_t{from[i * stride]}
                                     << (i * kBytes % 4 * 8);
      }
    }
  }
  return raw;
}

// Writes the first `count` <= 8.
template <int kBytes>
__device__ inline void StoreEight(const RawEight<kBytes>& raw, void* data,
                                  int64_t stride, int alignment, int count) {
  using device_internal::StoreWords;
  constexpr int kWords = RawEight<kBytes>::kWords;
  const int bytes = device_internal::AccessBytes<kBytes>(alignment, count);
  if (bytes >= 16) {
    StoreWords<kWords, 4>(raw.words, data);
  } else if (bytes == 8) {
    StoreWords<kWords, 2>(raw.words, data);
  } else if (bytes == 4) {
    StoreWords<kWords, 1>(raw.words, data);
  } else {
    using T = typename device_internal::UnsignedOf<kBytes>::Type;
    T* to = static_cast<T*>(data);
    TILEWORK_UNROLL
    for (int i = 0; i < kEight; ++i) {
      if (i < count) {
        to[i * stride] =
            static_cast<T>(raw.words[i * kBytes / 4] >> (i * kBytes % 4 * 8));
      }
    }
  }
}

// The same with all elements, adjacent and aligned to 8 bytes (kBytes 1) or 16:
// without a branch, so that the loads of several vectors follow one another.
template <int kBytes>
__device__ inline RawEight<kBytes> LoadWide(const void* data) {
  RawEight<kBytes> raw;
  device_internal::LoadWords<RawEight<kBytes>::kWords, kBytes == 1 ? 2 : 4>(
      data, raw.words);
  return raw;
}
template <int kBytes>
__device__ inline void StoreWide(const RawEight<kBytes>& raw, void* data) {
  device_internal::StoreWords<RawEight<kBytes>::kWords, kBytes == 1 ? 2 : 4>(
      raw.words, data);
}

// As f32. `dtype` is f32 if kBytes is 4, bf16 or f16 if it is 2.
template <int kBytes>
__device__ inline void ToFloats(DType dtype, const RawEight<kBytes>& raw,
                                float (&x)[kEight]) {
  static_assert(kBytes == 2 || kBytes == 4);
  if constexpr (kBytes == 4) {
    TILEWORK_UNROLL
    for (int i = 0; i < kEight; ++i) x[i] = std::bit_cast<float>(raw.words[i]);
  } else if (dtype == DType::kBF16) {
    TILEWORK_UNROLL
    for (int i = 0; i < kEight; i += 2) {
      x[i] = std::bit_cast<float>(raw.words[i / 2] << 16);
      x[i + 1] = std::bit_cast<float>(raw.words[i / 2] & 0xFFFF0000u);
    }
  } else {
    TILEWORK_UNROLL
    for (int i = 0; i < kEight; ++i) {
      const uint32_t bits = raw.words[i / 2] >> (i % 2 * 16);
      x[i] = CvtF32F16(static_cast<uint16_t>(bits));
    }
  }
}

// Element i of them; i is a constant.
template <int kBytes>
__device__ inline float ToFloat(DType dtype, const RawEight<kBytes>& raw,
                                int i) {
  if constexpr (kBytes == 4) return std::bit_cast<float>(raw.words[i]);
  const uint32_t bits = raw.words[i * kBytes / 4] >> (i * kBytes % 4 * 8);
  if (dtype == DType::kBF16) return std::bit_cast<float>(bits << 16);
  return CvtF32F16(static_cast<uint16_t>(bits));
}

// Rounded to `dtype`, as above.
template <int kBytes>
__device__ inline RawEight<kBytes> FromFloats(DType dtype,
                                              const float (&x)[kEight]) {
  static_assert(kBytes == 2 || kBytes == 4);
  RawEight<kBytes> raw;
  if constexpr (kBytes == 4) {
    TILEWORK_UNROLL
    for (int i = 0; i < kEight; ++i) {
      raw.words[i] = std::bit_cast<uint32_t>(x[i]);
    }
  } else if (dtype == DType::kBF16) {
    TILEWORK_UNROLL
    for (int i = 0; i < kEight; i += 2) {
      raw.words[i / 2] = CvtRnBf16x2F32(x[i + 1], x[i]);
    }
  } else {
    TILEWORK_UNROLL
    for (int i = 0; i < kEight; i += 2) {
      raw.words[i / 2] = CvtRnF16x2F32(x[i + 1], x[i]);
    }
  }
  return raw;
}

// One element, where nothing better is possible.
__device__ inline float LoadFloat(DType dtype, const void* data, int64_t i) {
  if (dtype == DType::kF32) return static_cast<const float*>(data)[i];
  const uint16_t bits = static_cast<const uint16_t*>(data)[i];
  if (dtype == DType::kBF16) return std::bit_cast<float>(uint32_t{bits} << 16);
  return CvtF32F16(bits);
}
__device__ inline void StoreFloat(DType dtype, float x, void* data, int64_t i) {
  if (dtype == DType::kF32) {
    static_cast<float*>(data)[i] = x;
  } else {
    static_cast<uint16_t*>(data)[i] =
        static_cast<uint16_t>(dtype == DType::kBF16 ? CvtRnBf16x2F32(0.0f, x)
                                                    : CvtRnF16x2F32(0.0f, x));
  }
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_ELEMENTS_H_
