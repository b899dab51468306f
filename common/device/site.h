// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The line of a kernel that calls a function of common/device, for the
// emulator's messages: a last parameter that nobody passes.

#ifndef TILEWORK_COMMON_DEVICE_SITE_H_
#define TILEWORK_COMMON_DEVICE_SITE_H_

#include "tilework/common/device/cuda.h"

#if defined(TILEWORK_EMULATED)
#define TILEWORK_SITE_ONLY                           \
  [[maybe_unused]] ::tilework::emulator::Site site = \
      ::tilework::emulator::Site::current()
#define TILEWORK_SITE_PARAMETER , TILEWORK_SITE_ONLY
#else
#define TILEWORK_SITE_ONLY
#define TILEWORK_SITE_PARAMETER
#endif

#endif  // TILEWORK_COMMON_DEVICE_SITE_H_
