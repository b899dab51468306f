// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Text from a language model:
//
//   bazel run //examples/generate -- --prompt "The capital of France is"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/utf8.h"
#include "tilework/examples/generate/generate.h"
#include "tilework/examples/generate/weight_format.h"

ABSL_FLAG(std::string, prompt, "", "the text to go on from");
ABSL_FLAG(int64_t, tokens, 64, "how many tokens to generate at most");
ABSL_FLAG(std::string, model, "",
          "a GGUF file of the Llama architecture; default: "
          "SmolLM2-135M-Instruct, fetched at first use");
ABSL_FLAG(bool, random_weights, false,
          "a small built-in model with random weights, which needs no file");
ABSL_FLAG(bool, chat, false,
          "put the prompt into the form of the model's chat template");
ABSL_FLAG(std::string, weights, "bf16",
          "how weights are stored: bf16, f16, f32, f8, mxfp8 or mxfp4");
ABSL_FLAG(std::string, score, "",
          "a text file: report the model's perplexity instead");
ABSL_FLAG(std::string, kv_dtype, "",
          "type of attention heads and caches: bf16, f16 or f32; default: f32 "
          "with f32 weights, bf16 with quantized ones, else f16");
ABSL_FLAG(int, threads, 0, "threads; 0: one per processor");
ABSL_FLAG(uint64_t, seed, 0, "of the random choice of tokens");
ABSL_FLAG(float, temperature, 0, "0: always the most likely token");
ABSL_FLAG(int32_t, top_k, 0, "choose among the most likely k; 0: among all");
ABSL_FLAG(float, top_p, 1, "choose among the most likely of this probability");
ABSL_FLAG(std::string, dump_logits, "",
          "write the logits of all positions to this safetensors file");

namespace tilework {
namespace {

// Lets flags be written with dashes, --top-k for --top_k, and finds one without
// its value, for which the parser would write two lines.
absl::Status PrepareFlags(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with("--")) continue;
    const size_t end = std::min(argument.find('='), argument.size());
    std::string name(argument.substr(2, end - 2));
    std::replace(name.begin(), name.end(), '-', '_');
    const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
    if (flag == nullptr) continue;
    name.copy(argv[i] + 2, name.size());
    if (end < argument.size() || flag->IsOfType<bool>()) continue;
    if (++i == argc) {  // the next argument is the value
      return absl::InvalidArgumentError(
          absl::StrCat(argument, " needs a value"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DType> ParseDType(std::string_view flag, std::string_view name) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    if (name == Name(dtype)) return dtype;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, " is ", QuoteForMessage(name),
                   ", expected bf16, f16 or f32"));
}

absl::Status Main(int argc, char** argv) {
  const absl::Status prepared = PrepareFlags(argc, argv);
  if (!prepared.ok()) return prepared;
  std::vector<char*> positional;
  std::vector<absl::UnrecognizedFlag> unrecognized;
  absl::ParseAbseilFlagsOnly(argc, argv, positional, unrecognized);
  if (!unrecognized.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no flag --", unrecognized[0].flag_name));
  }
  if (positional.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("argument ", QuoteForMessage(positional[1]),
                     " belongs to no flag: the text is given by --prompt"));
  }
  const std::string weights_name = absl::GetFlag(FLAGS_weights);
  const std::optional<WeightFormat> weights =
      WeightFormatFromName(weights_name);
  if (!weights.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--weights is ", QuoteForMessage(weights_name),
                     ", expected ", kWeightFormatNames));
  }
  std::optional<DType> kv_dtype;
  if (const std::string name = absl::GetFlag(FLAGS_kv_dtype); !name.empty()) {
    const absl::StatusOr<DType> parsed = ParseDType("kv-dtype", name);
    if (!parsed.ok()) return parsed.status();
    kv_dtype = *parsed;
  }
  return Generate({.prompt = absl::GetFlag(FLAGS_prompt),
                   .tokens = absl::GetFlag(FLAGS_tokens),
                   .model = absl::GetFlag(FLAGS_model),
                   .random_weights = absl::GetFlag(FLAGS_random_weights),
                   .chat = absl::GetFlag(FLAGS_chat),
                   .weights = *weights,
                   .kv_dtype = kv_dtype,
                   .threads = absl::GetFlag(FLAGS_threads),
                   .seed = absl::GetFlag(FLAGS_seed),
                   .temperature = absl::GetFlag(FLAGS_temperature),
                   .top_k = absl::GetFlag(FLAGS_top_k),
                   .top_p = absl::GetFlag(FLAGS_top_p),
                   .dump_logits = absl::GetFlag(FLAGS_dump_logits),
                   .score = absl::GetFlag(FLAGS_score)},
                  std::cout, std::cerr, ::isatty(STDERR_FILENO) != 0);
}

}  // namespace
}  // namespace tilework

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Text from a language model: generate --prompt \"The capital of France "
      "is\"");
  const absl::Status status = tilework::Main(argc, argv);
  if (status.ok()) return 0;
  std::cerr << "generate: " << status.message() << "\n";
  return 1;
}
