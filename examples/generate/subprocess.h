// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Runs another program, without a shell in between.

#ifndef TILEWORK_EXAMPLES_GENERATE_SUBPROCESS_H_
#define TILEWORK_EXAMPLES_GENERATE_SUBPROCESS_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace tilework {

struct Subprocess {
  // The program, looked for in PATH unless it has a slash, and its arguments.
  std::vector<std::string> arguments;
  // "NAME=value": added to this process's environment.
  std::vector<std::string> environment = {};
  // Files that take what it writes; may be the same.
  std::string stdout_path = "/dev/null";
  std::string stderr_path = "/dev/null";
};

// Starts the program, with nothing to read, and waits for its end; calls
// `waiting` about five times a second meanwhile. Returns its exit code (128 +
// the signal's number if a signal ended it), or why it could not be started.
absl::StatusOr<int> RunSubprocess(
    const Subprocess& subprocess, absl::FunctionRef<void()> waiting = [] {});

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_SUBPROCESS_H_
