// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The instructions behind wgmma.h. Inline assembly needs its registers spelled
// out; so there is one line for each N, and each says its registers as those of
// the line before and four more. For wgmma.h alone, and for nvcc.

#ifndef TILEWORK_COMMON_DEVICE_WGMMA_ASM_H_
#define TILEWORK_COMMON_DEVICE_WGMMA_ASM_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"

namespace tilework::device_internal {

// The types of A and B as the instruction spells them.
enum class WgmmaTypes {
  kBF16,
  kF16,
  kE4M3E4M3,
  kE4M3E5M2,
  kE5M2E4M3,
  kE5M2E5M2
};

// MmaAsync() for N columns: A from shared memory, or from registers.
template <int kN>
struct WgmmaAsm;

// clang-format off
#define TILEWORK_WGMMA_D(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define TILEWORK_WGMMA_R8 "%0, %1, %2, %3"
#define TILEWORK_WGMMA_R16 TILEWORK_WGMMA_R8 ", %4, %5, %6, %7"
#define TILEWORK_WGMMA_R24 TILEWORK_WGMMA_R16 ", %8, %9, %10, %11"
#define TILEWORK_WGMMA_R32 TILEWORK_WGMMA_R24 ", %12, %13, %14, %15"
#define TILEWORK_WGMMA_R40 TILEWORK_WGMMA_R32 ", %16, %17, %18, %19"
#define TILEWORK_WGMMA_R48 TILEWORK_WGMMA_R40 ", %20, %21, %22, %23"
#define TILEWORK_WGMMA_R56 TILEWORK_WGMMA_R48 ", %24, %25, %26, %27"
#define TILEWORK_WGMMA_R64 TILEWORK_WGMMA_R56 ", %28, %29, %30, %31"
#define TILEWORK_WGMMA_R72 TILEWORK_WGMMA_R64 ", %32, %33, %34, %35"
#define TILEWORK_WGMMA_R80 TILEWORK_WGMMA_R72 ", %36, %37, %38, %39"
#define TILEWORK_WGMMA_R88 TILEWORK_WGMMA_R80 ", %40, %41, %42, %43"
#define TILEWORK_WGMMA_R96 TILEWORK_WGMMA_R88 ", %44, %45, %46, %47"
#define TILEWORK_WGMMA_R104 TILEWORK_WGMMA_R96 ", %48, %49, %50, %51"
#define TILEWORK_WGMMA_R112 TILEWORK_WGMMA_R104 ", %52, %53, %54, %55"
#define TILEWORK_WGMMA_R120 TILEWORK_WGMMA_R112 ", %56, %57, %58, %59"
#define TILEWORK_WGMMA_R128 TILEWORK_WGMMA_R120 ", %60, %61, %62, %63"
#define TILEWORK_WGMMA_R136 TILEWORK_WGMMA_R128 ", %64, %65, %66, %67"
#define TILEWORK_WGMMA_R144 TILEWORK_WGMMA_R136 ", %68, %69, %70, %71"
#define TILEWORK_WGMMA_R152 TILEWORK_WGMMA_R144 ", %72, %73, %74, %75"
#define TILEWORK_WGMMA_R160 TILEWORK_WGMMA_R152 ", %76, %77, %78, %79"
#define TILEWORK_WGMMA_R168 TILEWORK_WGMMA_R160 ", %80, %81, %82, %83"
#define TILEWORK_WGMMA_R176 TILEWORK_WGMMA_R168 ", %84, %85, %86, %87"
#define TILEWORK_WGMMA_R184 TILEWORK_WGMMA_R176 ", %88, %89, %90, %91"
#define TILEWORK_WGMMA_R192 TILEWORK_WGMMA_R184 ", %92, %93, %94, %95"
#define TILEWORK_WGMMA_R200 TILEWORK_WGMMA_R192 ", %96, %97, %98, %99"
#define TILEWORK_WGMMA_R208 TILEWORK_WGMMA_R200 ", %100, %101, %102, %103"
#define TILEWORK_WGMMA_R216 TILEWORK_WGMMA_R208 ", %104, %105, %106, %107"
#define TILEWORK_WGMMA_R224 TILEWORK_WGMMA_R216 ", %108, %109, %110, %111"
#define TILEWORK_WGMMA_R232 TILEWORK_WGMMA_R224 ", %112, %113, %114, %115"
#define TILEWORK_WGMMA_R240 TILEWORK_WGMMA_R232 ", %116, %117, %118, %119"
#define TILEWORK_WGMMA_R248 TILEWORK_WGMMA_R240 ", %120, %121, %122, %123"
#define TILEWORK_WGMMA_R256 TILEWORK_WGMMA_R248 ", %124, %125, %126, %127"
#define TILEWORK_WGMMA_D8 TILEWORK_WGMMA_D(0)
#define TILEWORK_WGMMA_D16 TILEWORK_WGMMA_D8, TILEWORK_WGMMA_D(4)
#define TILEWORK_WGMMA_D24 TILEWORK_WGMMA_D16, TILEWORK_WGMMA_D(8)
#define TILEWORK_WGMMA_D32 TILEWORK_WGMMA_D24, TILEWORK_WGMMA_D(12)
#define TILEWORK_WGMMA_D40 TILEWORK_WGMMA_D32, TILEWORK_WGMMA_D(16)
#define TILEWORK_WGMMA_D48 TILEWORK_WGMMA_D40, TILEWORK_WGMMA_D(20)
#define TILEWORK_WGMMA_D56 TILEWORK_WGMMA_D48, TILEWORK_WGMMA_D(24)
#define TILEWORK_WGMMA_D64 TILEWORK_WGMMA_D56, TILEWORK_WGMMA_D(28)
#define TILEWORK_WGMMA_D72 TILEWORK_WGMMA_D64, TILEWORK_WGMMA_D(32)
#define TILEWORK_WGMMA_D80 TILEWORK_WGMMA_D72, TILEWORK_WGMMA_D(36)
#define TILEWORK_WGMMA_D88 TILEWORK_WGMMA_D80, TILEWORK_WGMMA_D(40)
#define TILEWORK_WGMMA_D96 TILEWORK_WGMMA_D88, TILEWORK_WGMMA_D(44)
#define TILEWORK_WGMMA_D104 TILEWORK_WGMMA_D96, TILEWORK_WGMMA_D(48)
#define TILEWORK_WGMMA_D112 TILEWORK_WGMMA_D104, TILEWORK_WGMMA_D(52)
#define TILEWORK_WGMMA_D120 TILEWORK_WGMMA_D112, TILEWORK_WGMMA_D(56)
#define TILEWORK_WGMMA_D128 TILEWORK_WGMMA_D120, TILEWORK_WGMMA_D(60)
#define TILEWORK_WGMMA_D136 TILEWORK_WGMMA_D128, TILEWORK_WGMMA_D(64)
#define TILEWORK_WGMMA_D144 TILEWORK_WGMMA_D136, TILEWORK_WGMMA_D(68)
#define TILEWORK_WGMMA_D152 TILEWORK_WGMMA_D144, TILEWORK_WGMMA_D(72)
#define TILEWORK_WGMMA_D160 TILEWORK_WGMMA_D152, TILEWORK_WGMMA_D(76)
#define TILEWORK_WGMMA_D168 TILEWORK_WGMMA_D160, TILEWORK_WGMMA_D(80)
#define TILEWORK_WGMMA_D176 TILEWORK_WGMMA_D168, TILEWORK_WGMMA_D(84)
#define TILEWORK_WGMMA_D184 TILEWORK_WGMMA_D176, TILEWORK_WGMMA_D(88)
#define TILEWORK_WGMMA_D192 TILEWORK_WGMMA_D184, TILEWORK_WGMMA_D(92)
#define TILEWORK_WGMMA_D200 TILEWORK_WGMMA_D192, TILEWORK_WGMMA_D(96)
#define TILEWORK_WGMMA_D208 TILEWORK_WGMMA_D200, TILEWORK_WGMMA_D(100)
#define TILEWORK_WGMMA_D216 TILEWORK_WGMMA_D208, TILEWORK_WGMMA_D(104)
#define TILEWORK_WGMMA_D224 TILEWORK_WGMMA_D216, TILEWORK_WGMMA_D(108)
#define TILEWORK_WGMMA_D232 TILEWORK_WGMMA_D224, TILEWORK_WGMMA_D(112)
#define TILEWORK_WGMMA_D240 TILEWORK_WGMMA_D232, TILEWORK_WGMMA_D(116)
#define TILEWORK_WGMMA_D248 TILEWORK_WGMMA_D240, TILEWORK_WGMMA_D(120)
#define TILEWORK_WGMMA_D256 TILEWORK_WGMMA_D248, TILEWORK_WGMMA_D(124)

#define TILEWORK_WGMMA_BEGIN(n, k, types, scale_d)                     \
  "{\n.reg .pred p;\nsetp.ne.b32 p, %" #scale_d ", 0;\n"               \
  "wgmma.mma_async.sync.aligned.m64n" #n "k" k ".f32." types " {"      \
  TILEWORK_WGMMA_R##n "}, "
// p0 to p8 number the operands after d. Transpositions exist for 16-bit types.
#define TILEWORK_WGMMA_SHARED_16(n, types, p0, p1, p2, p3, p4, p5, p6)       \
  asm volatile(TILEWORK_WGMMA_BEGIN(n, "16", types, p2)                      \
               "%" #p0 ", %" #p1 ", p, %" #p3 ", %" #p4 ", %" #p5 ", %" #p6  \
               ";\n}\n"                                                      \
               : TILEWORK_WGMMA_D##n                                         \
               : "l"(a), "l"(b), "r"(scale_d), "n"(kScaleA), "n"(kScaleB),   \
                 "n"(kTransposeA), "n"(kTransposeB))
#define TILEWORK_WGMMA_SHARED_8(n, types, p0, p1, p2, p3, p4)                \
  asm volatile(TILEWORK_WGMMA_BEGIN(n, "32", types, p2)                      \
               "%" #p0 ", %" #p1 ", p, %" #p3 ", %" #p4 ";\n}\n"             \
               : TILEWORK_WGMMA_D##n                                         \
               : "l"(a), "l"(b), "r"(scale_d), "n"(kScaleA), "n"(kScaleB))
#define TILEWORK_WGMMA_REGISTERS_16(n, types, p0, p1, p2, p3, p4, p5, p6, p7, p8) \
  asm volatile(TILEWORK_WGMMA_BEGIN(n, "16", types, p5)                      \
               "{%" #p0 ", %" #p1 ", %" #p2 ", %" #p3 "}, %" #p4             \
               ", p, %" #p6 ", %" #p7 ", %" #p8 ";\n}\n"                     \
               : TILEWORK_WGMMA_D##n                                         \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b),         \
                 "r"(scale_d), "n"(kScaleA), "n"(kScaleB), "n"(kTransposeB))
#define TILEWORK_WGMMA_REGISTERS_8(n, types, p0, p1, p2, p3, p4, p5, p6, p7) \
  asm volatile(TILEWORK_WGMMA_BEGIN(n, "32", types, p5)                      \
               "{%" #p0 ", %" #p1 ", %" #p2 ", %" #p3 "}, %" #p4             \
               ", p, %" #p6 ", %" #p7 ";\n}\n"                               \
               : TILEWORK_WGMMA_D##n                                         \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b),         \
                 "r"(scale_d), "n"(kScaleA), "n"(kScaleB))

#define TILEWORK_WGMMA(n, p0, p1, p2, p3, p4, p5, p6, p7, p8)                \
  template <>                                                                \
  struct WgmmaAsm<n> {                                                       \
    template <WgmmaTypes kTypes, int kScaleA, int kScaleB, int kTransposeA,  \
              int kTransposeB>                                               \
    static __device__ __forceinline__ void MmaAsync(                         \
        float (&d)[n / 2], uint64_t a, uint64_t b, int scale_d) {            \
      if constexpr (kTypes == WgmmaTypes::kBF16) {                           \
        TILEWORK_WGMMA_SHARED_16(n, "bf16.bf16", p0, p1, p2, p3, p4, p5, p6); \
      } else if constexpr (kTypes == WgmmaTypes::kF16) {                     \
        TILEWORK_WGMMA_SHARED_16(n, "f16.f16", p0, p1, p2, p3, p4, p5, p6);  \
      } else if constexpr (kTypes == WgmmaTypes::kE4M3E4M3) {                \
        TILEWORK_WGMMA_SHARED_8(n, "e4m3.e4m3", p0, p1, p2, p3, p4);         \
      } else if constexpr (kTypes == WgmmaTypes::kE4M3E5M2) {                \
        TILEWORK_WGMMA_SHARED_8(n, "e4m3.e5m2", p0, p1, p2, p3, p4);         \
      } else if constexpr (kTypes == WgmmaTypes::kE5M2E4M3) {                \
        TILEWORK_WGMMA_SHARED_8(n, "e5m2.e4m3", p0, p1, p2, p3, p4);         \
      } else {                                                               \
        TILEWORK_WGMMA_SHARED_8(n, "e5m2.e5m2", p0, p1, p2, p3, p4);         \
      }                                                                      \
    }                                                                        \
    template <WgmmaTypes kTypes, int kScaleA, int kScaleB, int kTransposeB>  \
    static __device__ __forceinline__ void MmaAsync(                         \
        float (&d)[n / 2], const uint32_t (&a)[4], uint64_t b,               \
        int scale_d) {                                                       \
      if constexpr (kTypes == WgmmaTypes::kBF16) {                           \
        TILEWORK_WGMMA_REGISTERS_16(n, "bf16.bf16", p0, p1, p2, p3, p4, p5,  \
                                    p6, p7, p8);                             \
      } else if constexpr (kTypes == WgmmaTypes::kF16) {                     \
        TILEWORK_WGMMA_REGISTERS_16(n, "f16.f16", p0, p1, p2, p3, p4, p5,    \
                                    p6, p7, p8);                             \
      } else if constexpr (kTypes == WgmmaTypes::kE4M3E4M3) {                \
        TILEWORK_WGMMA_REGISTERS_8(n, "e4m3.e4m3", p0, p1, p2, p3, p4, p5,   \
                                   p6, p7);                                  \
      } else if constexpr (kTypes == WgmmaTypes::kE4M3E5M2) {                \
        TILEWORK_WGMMA_REGISTERS_8(n, "e4m3.e5m2", p0, p1, p2, p3, p4, p5,   \
                                   p6, p7);                                  \
      } else if constexpr (kTypes == WgmmaTypes::kE5M2E4M3) {                \
        TILEWORK_WGMMA_REGISTERS_8(n, "e5m2.e4m3", p0, p1, p2, p3, p4, p5,   \
                                   p6, p7);                                  \
      } else {                                                               \
        TILEWORK_WGMMA_REGISTERS_8(n, "e5m2.e5m2", p0, p1, p2, p3, p4, p5,   \
                                   p6, p7);                                  \
      }                                                                      \
    }                                                                        \
  };

TILEWORK_WGMMA(8, 4, 5, 6, 7, 8, 9, 10, 11, 12)
TILEWORK_WGMMA(16, 8, 9, 10, 11, 12, 13, 14, 15, 16)
TILEWORK_WGMMA(24, 12, 13, 14, 15, 16, 17, 18, 19, 20)
TILEWORK_WGMMA(32, 16, 17, 18, 19, 20, 21, 22, 23, 24)
TILEWORK_WGMMA(40, 20, 21, 22, 23, 24, 25, 26, 27, 28)
TILEWORK_WGMMA(48, 24, 25, 26, 27, 28, 29, 30, 31, 32)
TILEWORK_WGMMA(56, 28, 29, 30, 31, 32, 33, 34, 35, 36)
TILEWORK_WGMMA(64, 32, 33, 34, 35, 36, 37, 38, 39, 40)
TILEWORK_WGMMA(72, 36, 37, 38, 39, 40, 41, 42, 43, 44)
TILEWORK_WGMMA(80, 40, 41, 42, 43, 44, 45, 46, 47, 48)
TILEWORK_WGMMA(88, 44, 45, 46, 47, 48, 49, 50, 51, 52)
TILEWORK_WGMMA(96, 48, 49, 50, 51, 52, 53, 54, 55, 56)
TILEWORK_WGMMA(104, 52, 53, 54, 55, 56, 57, 58, 59, 60)
TILEWORK_WGMMA(112, 56, 57, 58, 59, 60, 61, 62, 63, 64)
TILEWORK_WGMMA(120, 60, 61, 62, 63, 64, 65, 66, 67, 68)
TILEWORK_WGMMA(128, 64, 65, 66, 67, 68, 69, 70, 71, 72)
TILEWORK_WGMMA(136, 68, 69, 70, 71, 72, 73, 74, 75, 76)
TILEWORK_WGMMA(144, 72, 73, 74, 75, 76, 77, 78, 79, 80)
TILEWORK_WGMMA(152, 76, 77, 78, 79, 80, 81, 82, 83, 84)
TILEWORK_WGMMA(160, 80, 81, 82, 83, 84, 85, 86, 87, 88)
TILEWORK_WGMMA(168, 84, 85, 86, 87, 88, 89, 90, 91, 92)
TILEWORK_WGMMA(176, 88, 89, 90, 91, 92, 93, 94, 95, 96)
TILEWORK_WGMMA(184, 92, 93, 94, 95, 96, 97, 98, 99, 100)
TILEWORK_WGMMA(192, 96, 97, 98, 99, 100, 101, 102, 103, 104)
TILEWORK_WGMMA(200, 100, 101, 102, 103, 104, 105, 106, 107, 108)
TILEWORK_WGMMA(208, 104, 105, 106, 107, 108, 109, 110, 111, 112)
TILEWORK_WGMMA(216, 108, 109, 110, 111, 112, 113, 114, 115, 116)
TILEWORK_WGMMA(224, 112, 113, 114, 115, 116, 117, 118, 119, 120)
TILEWORK_WGMMA(232, 116, 117, 118, 119, 120, 121, 122, 123, 124)
TILEWORK_WGMMA(240, 120, 121, 122, 123, 124, 125, 126, 127, 128)
TILEWORK_WGMMA(248, 124, 125, 126, 127, 128, 129, 130, 131, 132)
TILEWORK_WGMMA(256, 128, 129, 130, 131, 132, 133, 134, 135, 136)
// clang-format on

#undef TILEWORK_WGMMA

}  // namespace tilework::device_internal

#endif  // TILEWORK_COMMON_DEVICE_WGMMA_ASM_H_
