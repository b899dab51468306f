// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/tested_kernel.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/base/no_destructor.h"

namespace tilework {
namespace {

std::vector<const TestedKernel*>& Registered() {
  static absl::NoDestructor<std::vector<const TestedKernel*>> kernels;
  return *kernels;
}

}  // namespace

TestedKernel::TestedKernel(KernelDescription description, Traits traits)
    : description_(std::move(description)), traits_(std::move(traits)) {
  Registered().push_back(this);
}

std::vector<const TestedKernel*> AllTestedKernels() {
  std::vector<const TestedKernel*> kernels = Registered();
  std::sort(kernels.begin(), kernels.end(),
            [](const TestedKernel* a, const TestedKernel* b) {
              return a->name() < b->name();
            });
  return kernels;
}

}  // namespace tilework
