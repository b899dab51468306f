// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// CUDA's vector types, laid out and aligned as there.

#ifndef TILEWORK_TESTING_EMULATOR_VECTOR_TYPES_H_
#define TILEWORK_TESTING_EMULATOR_VECTOR_TYPES_H_

// All types of one element type, and the functions that make them.
#define TILEWORK_EMULATOR_VECTORS(NAME, ELEMENT, ALIGN2, ALIGN4)            \
  struct NAME##1 {                                                          \
    ELEMENT x;                                                              \
  };                                                                        \
  struct alignas(ALIGN2) NAME##2 {                                          \
    ELEMENT x, y;                                                           \
  };                                                                        \
  struct NAME##3 {                                                          \
    ELEMENT x, y, z;                                                        \
  };                                                                        \
  struct alignas(ALIGN4) NAME##4 {                                          \
    ELEMENT x, y, z, w;                                                     \
  };                                                                        \
  constexpr NAME##1 make_##NAME##1(ELEMENT x) { return {x}; }               \
  constexpr NAME##2 make_##NAME##2(ELEMENT x, ELEMENT y) { return {x, y}; } \
  constexpr NAME##3 make_##NAME##3(ELEMENT x, ELEMENT y, ELEMENT z) {       \
    return {x, y, z};                                                       \
  }                                                                         \
  constexpr NAME##4 make_##NAME##4(ELEMENT x, ELEMENT y, ELEMENT z,         \
                                   ELEMENT w) {                             \
    return {x, y, z, w};                                                    \
  }

TILEWORK_EMULATOR_VECTORS(char, signed char, 2, 4)
TILEWORK_EMULATOR_VECTORS(uchar, unsigned char, 2, 4)
TILEWORK_EMULATOR_VECTORS(short, short, 4, 8)
TILEWORK_EMULATOR_VECTORS(ushort, unsigned short, 4, 8)
TILEWORK_EMULATOR_VECTORS(int, int, 8, 16)
TILEWORK_EMULATOR_VECTORS(uint, unsigned int, 8, 16)
TILEWORK_EMULATOR_VECTORS(long, long, 16, 16)
TILEWORK_EMULATOR_VECTORS(ulong, unsigned long, 16, 16)
TILEWORK_EMULATOR_VECTORS(longlong, long long, 16, 16)
TILEWORK_EMULATOR_VECTORS(ulonglong, unsigned long long, 16, 16)
TILEWORK_EMULATOR_VECTORS(float, float, 8, 16)
TILEWORK_EMULATOR_VECTORS(double, double, 16, 16)

#undef TILEWORK_EMULATOR_VECTORS

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;

  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1)
      : x(x), y(y), z(z) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};

#endif  // TILEWORK_TESTING_EMULATOR_VECTOR_TYPES_H_
