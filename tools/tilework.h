// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_TOOLS_TILEWORK_H_
#define TILEWORK_TOOLS_TILEWORK_H_

#include <ostream>
#include <string>
#include <vector>

namespace tilework {

// The program `tilework`, with its arguments but the first. Returns the exit
// code: 0, 1 if something went wrong (one line on `err` says what), 2 if the
// command line is wrong.
int TileworkMain(const std::vector<std::string>& arguments, std::ostream& out,
                 std::ostream& err);

}  // namespace tilework

#endif  // TILEWORK_TOOLS_TILEWORK_H_
