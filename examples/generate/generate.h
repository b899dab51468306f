// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The whole program, apart from its command line.

#ifndef TILEWORK_EXAMPLES_GENERATE_GENERATE_H_
#define TILEWORK_EXAMPLES_GENERATE_GENERATE_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/examples/generate/weight_format.h"

namespace tilework {

struct GenerateOptions {
  std::string prompt;
  // Generated at most; fewer if the text ends or the context is full.
  int64_t tokens = 64;
  // A GGUF file. Empty: the default model, fetched at first use.
  std::string model;
  // A small built-in model instead.
  bool random_weights = false;
  // Put the prompt into the form of the model's chat template.
  bool chat = false;
  WeightFormat weights = DType::kBF16;
  // Of attention heads and caches. Default: f32 with f32 weights, bf16 with
  // quantized ones, else f16.
  std::optional<DType> kv_dtype = {};
  int threads = 0;  // 0: one per processor
  // See sample_tokens.h. Also the seed of random weights.
  uint64_t seed = 0;
  float temperature = 0;
  int32_t top_k = 0;
  float top_p = 1;
  // A safetensors file for the logits of all positions, f32 [positions, V], and
  // the tokens there, i32 [positions]. Empty: none.
  std::string dump_logits;
  // A text file: report its perplexity instead of generating text.
  std::string score;
  // Measure how fast memory is read, for the report.
  bool measure_bandwidth = true;
};

// Writes the text to `text` as it comes, and progress and speed to `report`;
// `live` if that is a terminal. What is wrong is an error of one line.
absl::Status Generate(const GenerateOptions& options, std::ostream& text,
                      std::ostream& report, bool live);

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_GENERATE_H_
