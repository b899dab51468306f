// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Test cases on the device with tensors in its memory.

#ifndef TILEWORK_TESTING_EMULATOR_CONFORMANCE_DEVICE_CASE_H_
#define TILEWORK_TESTING_EMULATOR_CONFORMANCE_DEVICE_CASE_H_

#include <cstddef>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/device_test.h"

namespace tilework {

class DeviceCase : public DeviceTest {
 protected:
  // A tensor of these elements, row-major, which lives as long as the test.
  template <typename T>
  Tensor Upload(const Dims& shape, const std::vector<T>& elements) {
    EXPECT_EQ(static_cast<size_t>(shape.Product()), elements.size());
    return Tensor(DeviceTest::Upload(elements), kDTypeOf<T>, shape,
                  ContiguousStrides(shape), MemorySpace::kDevice);
  }

  template <typename T>
  std::vector<T> Download(const Tensor& tensor) {
    return DeviceTest::Download(tensor.data<T>(), tensor.NumElements());
  }
};

// Of what only the emulator finds: skipped elsewhere.
template <class Case>
class Emulated : public Case {
 protected:
  void SetUp() override {
    Case::SetUp();
    if (this->IsSkipped() || this->context().properties().emulated) return;
    GTEST_SKIP() << "not emulated";
  }
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_EMULATOR_CONFORMANCE_DEVICE_CASE_H_
