// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_TESTING_PARALLEL_COPY_H_
#define TILEWORK_TESTING_PARALLEL_COPY_H_

#include "tilework/common/parallel/copy_bandwidth.h"  // IWYU pragma: export

#endif  // TILEWORK_TESTING_PARALLEL_COPY_H_
