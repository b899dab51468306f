// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <iostream>

#include "tilework/tools/tilework.h"

int main(int argc, char** argv) {
  return tilework::TileworkMain({argv + 1, argv + argc}, std::cout, std::cerr);
}
