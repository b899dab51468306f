// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What every kernel must pass, from its schema and its oracle alone. Linked
// with some <kernel>_conformance libraries, kernel_kit_test.cc is their test,
// and kernel_kit_device_test.cc that of their device parts: `tilework_kernel`
// makes them, called <kernel>_kit_test and <kernel>_device_test.
//
// Environment: TILEWORK_TEST_SEED is the seed of the first case (default 1),
// TILEWORK_TEST_CASES the number of cases of each test, where the default is
// too few. A failure prints the seed of its case.

#ifndef TILEWORK_TESTING_KERNEL_KIT_H_
#define TILEWORK_TESTING_KERNEL_KIT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tilework/testing/argument_maker.h"
#include "tilework/testing/kernel_place.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {

// Random arguments agree with the oracle; nothing outside of the outputs is
// written, every element of them is, and scratch memory grows only once.
// Returns the worst error as a share of its bound.
struct ConformanceResult {
  double worst_ratio = 0;
  std::string worst_tensor;
  std::string failure;  // empty: none
};
ConformanceResult CheckConformance(const TestedKernel& kernel, uint64_t seed,
                                   KernelPlace& place);

// The rest return what is wrong, or nothing.

// One fault in the arguments: an InvalidArgument error that names the culprit,
// and nothing is written.
std::string CheckFault(const TestedKernel& kernel, uint64_t seed,
                       KernelPlace& place);
// The same bits for 1 and 3 threads.
std::string CheckThreads(const TestedKernel& kernel, uint64_t seed);
// A row alone has the bits that it has among others.
std::string CheckRows(const TestedKernel& kernel, uint64_t seed,
                      KernelPlace& place);

// Elements that the host refuses, in memory that is not read for checking: no
// error, and nothing outside of the outputs is written.
std::string CheckWildElements(const TestedKernel& kernel, uint64_t seed,
                              KernelPlace& place);

// Whether calls with the arguments of one seed all give the same bits; of a
// NaN, all bits that mean one are the same if so wanted.
enum class NanBits { kCount, kDoNotCount };
class SameBitsCheck {
 public:
  SameBitsCheck(const TestedKernel& kernel, uint64_t seed,
                const MakerOptions& options,
                NanBits nan_bits = NanBits::kCount);
  // Compares with the first call; `what` is what differs between the calls,
  // "another number of threads".
  std::string Call(KernelPlace& place, std::string_view what);

 private:
  uint64_t seed_;
  NanBits nan_bits_;
  MadeArguments made_;
  std::vector<std::vector<unsigned char>> before_;
  std::vector<std::vector<unsigned char>> first_;
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_KERNEL_KIT_H_
