// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A model that needs no file: small, with random weights and single bytes as
// tokens. What it says means nothing.

#ifndef TILEWORK_EXAMPLES_GENERATE_RANDOM_MODEL_H_
#define TILEWORK_EXAMPLES_GENERATE_RANDOM_MODEL_H_

#include <cstdint>
#include <string>

#include "tilework/examples/generate/gguf_writer.h"
#include "tilework/examples/generate/model_config.h"

namespace tilework {

// Sizes that nothing divides.
ModelConfig TinyConfig();

// Adds the metadata of a model of `config` to `file`, with tokens 0 to 255 for
// the bytes, and 256, which ends the text. config.vocabulary must be 257.
void AddModelMetadata(const ModelConfig& config, GgufWriter& file);
// Adds the weights, in f32: matrices of N(0, 1 / columns), embeddings of N(0,
// 1), norm weights of U(0.5, 1.5). The same for the same seed.
void AddRandomWeights(const ModelConfig& config, uint64_t seed,
                      GgufWriter& file);

// The bytes of a GGUF file with both.
std::string RandomModelFile(const ModelConfig& config, uint64_t seed);

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_RANDOM_MODEL_H_
