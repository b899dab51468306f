// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The sizes and constants of a Llama-architecture model.

#ifndef TILEWORK_EXAMPLES_GENERATE_MODEL_CONFIG_H_
#define TILEWORK_EXAMPLES_GENERATE_MODEL_CONFIG_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "tilework/examples/generate/gguf.h"

namespace tilework {

struct ModelConfig {
  int64_t layers = 0;
  int64_t hidden = 0;
  int64_t q_heads = 0;
  int64_t kv_heads = 0;  // divides q_heads
  int64_t head_dim = 0;  // even
  int64_t intermediate = 0;
  int64_t vocabulary = 0;
  int64_t context = 0;  // tokens that it was trained for
  float norm_eps = 0;
  double rope_base = 0;
  double rope_factor = 1;  // positions are divided by it
};

// Reads the metadata. InvalidArgument or NotFound, of one line, where a key is
// missing or odd: another architecture, mixture of experts, other RoPE scaling
// than linear, sizes that do not fit each other.
absl::StatusOr<ModelConfig> ReadModelConfig(const GgufFile& file);

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_MODEL_CONFIG_H_
