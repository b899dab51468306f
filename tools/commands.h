// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The commands of the `tilework` program. Each prints to `out` and returns OK,
// or an error whose message is for people.

#ifndef TILEWORK_TOOLS_COMMANDS_H_
#define TILEWORK_TOOLS_COMMANDS_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {

// "name=value" of a repeated flag.
struct NamedText {
  std::string name;
  std::string value;
};

// The kernels called `names`, or all if there are none. NotFound, with the name
// that is nearest, for one that does not exist.
absl::StatusOr<std::vector<const TestedKernel*>> FindKernels(
    const std::vector<std::string>& names);
// Those that run in `context`, "host" or "device". Unimplemented, with its
// name, for one of `names` that does not.
absl::StatusOr<std::vector<const TestedKernel*>> FindKernels(
    const std::vector<std::string>& names, std::string_view context);

// All kernels, where each runs, and its types.
void List(std::ostream& out);

// The schema of a kernel.
absl::Status Help(const std::string& kernel, std::ostream& out);

// docs/kernels.md.
void Docs(std::ostream& out);

struct RunOptions {
  std::string kernel;
  std::string in;
  std::string out;
  std::vector<NamedText> attributes;
  std::vector<NamedText> shapes;
  std::vector<NamedText> dtypes;
  std::vector<std::string> outputs;
  std::string context = "host";
  int threads = 0;
};
// Runs a kernel on the tensors of a safetensors file.
absl::Status Run(const RunOptions& options);

struct CheckOptions {
  std::vector<std::string> kernels;
  int64_t cases = 200;
  uint64_t seed = 1;
  std::string context = "host";
  int threads = 0;
};
// Compares kernels with their oracles on random arguments. FailedPrecondition
// if one disagrees.
absl::Status Check(const CheckOptions& options, std::ostream& out);

struct BenchOptions {
  std::vector<std::string> kernels;
  // In place of the reference cases: "x=bf16[1,4096] y=f32 eps=1e-5".
  std::vector<std::string> cases;
  std::string json;  // a file for Google Benchmark's JSON; empty: none
  std::string context = "host";
  int threads = 0;
  double min_seconds = 0.3;  // of each case
};
// Measures the reference cases of kernels.
absl::Status Bench(const BenchOptions& options, std::ostream& out);

// What this machine is to the library.
void Doctor(int threads, std::ostream& out);

}  // namespace tilework

#endif  // TILEWORK_TOOLS_COMMANDS_H_
