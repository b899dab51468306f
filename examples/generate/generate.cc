// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/generate.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/parallel/read_bandwidth.h"
#include "tilework/common/parallel/thread_pool.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/mapped_file.h"
#include "tilework/common/tensor/safetensors.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/chat_template.h"
#include "tilework/examples/generate/decoder.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/model.h"
#include "tilework/examples/generate/model_config.h"
#include "tilework/examples/generate/model_fetch.h"
#include "tilework/examples/generate/random_model.h"
#include "tilework/examples/generate/score.h"
#include "tilework/examples/generate/spin_policy.h"
#include "tilework/examples/generate/tokenizer.h"
#include "tilework/examples/generate/weight_format.h"
#include "tilework/experimental/transformer/sample_tokens.h"

namespace tilework {
namespace {

constexpr int kMaxThreads = 1024;

template <typename... Parts>
absl::Status Error(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

DType HeadType(const GenerateOptions& options) {
  if (options.kv_dtype.has_value()) return *options.kv_dtype;
  if (options.weights.quantized()) return DType::kBF16;
  return options.weights == DType::kF32 ? DType::kF32 : DType::kF16;
}

absl::Status CheckOptions(const GenerateOptions& options) {
  if (options.prompt.empty() && options.score.empty()) {
    return Error("the prompt is empty: see --prompt");
  }
  if (options.tokens < 0) {
    return Error("--tokens is ", options.tokens, ", expected 0 or more");
  }
  if (options.random_weights && !options.model.empty()) {
    return Error("--model and --random-weights exclude each other");
  }
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return Error("--threads is ", options.threads, ", expected 0 to ",
                 kMaxThreads);
  }
  if (!std::isfinite(options.temperature) || options.temperature < 0) {
    return Error("--temperature is ", options.temperature,
                 ", expected 0 or more");
  }
  if (options.top_k < 0) {
    return Error("--top-k is ", options.top_k, ", expected 0 or more");
  }
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return Error("--top-p is ", options.top_p,
                 ", expected more than 0 and at most 1");
  }
  if (options.weights.type == QuantizationType::kMx &&
      HeadType(options) == DType::kF16) {
    return Error("--kv-dtype is f16, expected bf16 or f32 with --weights ",
                 Name(options.weights));
  }
  return absl::OkStatus();
}

// A model's file: in memory, or a mapped one.
struct ModelFile {
  std::string name;
  std::string bytes;  // those of `gguf`, if it is in memory
  std::optional<GgufFile> gguf;

  // `status` of something that was read from the file.
  absl::Status Named(const absl::Status& status) const {
    return absl::Status(status.code(),
                        absl::StrCat(name, ": ", status.message()));
  }
};

absl::StatusOr<std::string> DefaultModel(std::ostream& report, bool live) {
  absl::StatusOr<std::string> path = ModelFolder();
  if (path.ok()) path = FetchModel(ModelSource(), *path, report, live);
  if (path.ok()) return path;
  return absl::UnavailableError(absl::StrCat(
      "the default model cannot be had: ", path.status().message(),
      "; give another one by --model FILE, or try --random-weights"));
}

// `file` stays where it is, as the short bytes of a moved string would not.
absl::Status OpenModel(const GenerateOptions& options, std::ostream& report,
                       bool live, ModelFile& file) {
  absl::StatusOr<GgufFile> gguf = absl::InternalError("not opened");
  if (options.random_weights) {
    file.name = "random weights";
    file.bytes = RandomModelFile(TinyConfig(), options.seed);
    gguf =
        GgufFile::Parse({reinterpret_cast<const std::byte*>(file.bytes.data()),
                         file.bytes.size()});
  } else {
    const absl::StatusOr<std::string> path =
        options.model.empty() ? DefaultModel(report, live) : options.model;
    if (!path.ok()) return path.status();
    file.name = *path;
    gguf = GgufFile::Open(*path);
  }
  if (!gguf.ok()) return gguf.status();
  file.gguf.emplace(*std::move(gguf));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int32_t>> EncodePrompt(
    const GenerateOptions& options, const GgufFile& file,
    const Tokenizer& tokenizer) {
  std::vector<int32_t> tokens;
  if (options.chat) {
    const absl::StatusOr<std::string_view> chat_template =
        file.Get<std::string_view>("tokenizer.chat_template");
    if (!chat_template.ok()) {
      return Error("--chat: ", chat_template.status().message());
    }
    const absl::StatusOr<ChatPrompt> prompt =
        RenderChat(*chat_template, options.prompt);
    if (!prompt.ok()) return prompt.status();
    tokens =
        tokenizer.Encode(prompt->text, {.parse_special = true,
                                        .literal_begin = prompt->literal_begin,
                                        .literal_end = prompt->literal_end});
  } else {
    tokens = tokenizer.Encode(options.prompt);
  }
  if (tokens.empty()) return Error("the prompt has no tokens");
  return tokens;
}

// Work and the time that it took.
struct Speed {
  int64_t tokens = 0;
  double bytes = 0;
  double seconds = 0;

  double TokensPerSecond() const {
    return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
  }
  double BytesPerSecond() const { return seconds > 0 ? bytes / seconds : 0; }
};

// Adds the time of its life to `speed`.
class Timer {
 public:
  explicit Timer(Speed& speed)
      : speed_(speed), start_(std::chrono::steady_clock::now()) {}
  ~Timer() {
    speed_.seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_)
            .count();
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  Speed& speed_;
  std::chrono::steady_clock::time_point start_;
};

// How often the system has taken a processor from a thread of this process.
int64_t Preemptions() {
  struct rusage usage;
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_nivcsw : 0;
}

// Prompt and answer of one run.
class Run {
 public:
  Run(const GenerateOptions& options, const Tokenizer& tokenizer,
      const Model& model, std::vector<int32_t> prompt, HostContext& context)
      : options_(options),
        tokenizer_(tokenizer),
        context_(context),
        tokens_(std::move(prompt)),
        new_tokens_(std::min(options.tokens, model.config().context - Size())),
        decoder_(model, HeadType(options), Size() + new_tokens_, context),
        logits_(DType::kF32, {dumps() ? decoder_.capacity() : 1,
                              model.config().vocabulary}) {}

  absl::Status Generate(std::ostream& text) {
    if (!options_.chat) text << options_.prompt << std::flush;
    absl::Status status = Append(tokens_, prompt_speed_);
    StreamingDecoder streaming(tokenizer_);
    for (int64_t i = 0; status.ok() && i < new_tokens_; ++i) {
      const absl::StatusOr<int32_t> token = Sample(static_cast<int32_t>(i));
      if (!token.ok()) return token.status();
      tokens_.push_back(*token);
      const bool ends = tokenizer_.IsEnd(*token);
      if (!ends) text << streaming.Add(*token) << std::flush;
      // Nothing follows the last token, but its logits may be wanted.
      const bool last = ends || i + 1 == new_tokens_;
      if (!last || dumps()) status = Append({*token}, decode_speed_);
      if (last) break;
    }
    text << streaming.Finish() << "\n" << std::flush;
    return status;
  }

  absl::Status DumpLogits() const {
    if (!dumps()) return absl::OkStatus();
    const ConstTensor tokens(tokens_.data(), DType::kI32, {Size()});
    return WriteSafetensors(
        options_.dump_logits,
        {{"logits", logits_.view().Slice(0, 0, decoder_.length())},
         {"tokens", tokens}});
  }

  void Report(std::ostream& report) {
    report << absl::StrFormat("prompt: %d tokens, %.1f tokens/s\n",
                              prompt_speed_.tokens,
                              prompt_speed_.TokensPerSecond());
    if (decode_speed_.tokens == 0) return;
    const double used = decode_speed_.BytesPerSecond();
    report << absl::StrFormat("decode: %d tokens, %.1f tokens/s, %.1f GB/s",
                              decode_speed_.tokens,
                              decode_speed_.TokensPerSecond(), used * 1e-9);
    if (options_.measure_bandwidth) {
      const double limit = MeasureReadBandwidth(context_.pool());
      report << absl::StrFormat(", %.0f%% of the %.1f GB/s that memory gives",
                                100 * used / limit, limit * 1e-9);
    }
    report << "\n";
  }

 private:
  bool dumps() const { return !options_.dump_logits.empty(); }
  int64_t Size() const { return static_cast<int64_t>(tokens_.size()); }

  absl::Status Append(absl::Span<const int32_t> tokens, Speed& speed) {
    const int64_t count = static_cast<int64_t>(tokens.size());
    const Tensor logits =
        dumps() ? logits_.view().Slice(0, decoder_.length(), count)
                : logits_.view();
    UpdateSpinning();
    const Timer timer(speed);
    const absl::Status status = decoder_.Append(tokens, logits, context_);
    speed.tokens += count;
    speed.bytes += static_cast<double>(decoder_.StepBytes());
    return status;
  }

  void UpdateSpinning() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> seconds = now - spin_updated_;
    spin_updated_ = now;
    const bool pays = spin_policy_.Next(Preemptions(), seconds.count());
    // Without a processor for each, they would spin in each other's way.
    const bool spinning =
        pays && context_.num_threads() <= AvailableProcessors();
    if (spinning == spinning_) return;
    spinning_ = spinning;
    context_.pool().SetSpinning(spinning);
  }

  // The token after the last; `step` have been drawn before it.
  absl::StatusOr<int32_t> Sample(int32_t step) {
    const int64_t row = dumps() ? decoder_.length() - 1 : 0;
    const int64_t request_id = 0;
    int32_t token = -1;
    const Timer timer(step > 0 ? decode_speed_ : prompt_speed_);
    const absl::Status status =
        SampleTokens({.logits = logits_.view().Slice(0, row, 1),
                      .step = ConstTensor(&step, DType::kI32, {1}),
                      .request_id = ConstTensor(&request_id, DType::kI64, {1}),
                      .tokens = Tensor(&token, DType::kI32, {1}),
                      .temperature = options_.temperature,
                      .top_k = options_.top_k,
                      .top_p = options_.top_p,
                      .seed = options_.seed},
                     context_);
    if (!status.ok()) return status;
    if (token < 0) return Error("the model's logits are not finite");
    return token;
  }

  const GenerateOptions& options_;
  const Tokenizer& tokenizer_;
  HostContext& context_;
  std::vector<int32_t> tokens_;
  int64_t new_tokens_;
  Decoder decoder_;
  Buffer logits_;  // [1, V]; [capacity, V] if they are dumped
  SpinPolicy spin_policy_{Preemptions()};
  std::chrono::steady_clock::time_point spin_updated_ =
      std::chrono::steady_clock::now();
  bool spinning_ = false;
  Speed prompt_speed_;
  Speed decode_speed_;
};

absl::Status Score(const GenerateOptions& options, const ModelFile& file,
                   const Tokenizer& tokenizer, std::ostream& report) {
  const absl::StatusOr<MappedFile> text = MappedFile::Open(options.score);
  if (!text.ok()) return text.status();
  const std::vector<int32_t> tokens =
      tokenizer.Encode({reinterpret_cast<const char*>(text->bytes().data()),
                        text->bytes().size()});
  HostContext context(options.threads);
  const absl::StatusOr<Model> model =
      Model::Load(*file.gguf, options.weights, context);
  if (!model.ok()) return file.Named(model.status());
  constexpr int64_t kWindow = 1024;
  const absl::StatusOr<TextScore> score =
      ScoreText(*model, tokens, kWindow, HeadType(options), context);
  if (!score.ok()) return score.status();
  report << absl::StrFormat(
      "perplexity: %.3f of %d tokens, weights %s, %.1f MB\n", score->perplexity,
      score->tokens, Name(options.weights),
      static_cast<double>(model->WeightBytes()) * 1e-6);
  return absl::OkStatus();
}

}  // namespace

absl::Status Generate(const GenerateOptions& options, std::ostream& text,
                      std::ostream& report, bool live) {
  absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  ModelFile file;
  status = OpenModel(options, report, live, file);
  if (!status.ok()) return status;
  const absl::StatusOr<ModelConfig> config = ReadModelConfig(*file.gguf);
  if (!config.ok()) return file.Named(config.status());
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::FromGguf(*file.gguf);
  if (!tokenizer.ok()) return file.Named(tokenizer.status());
  if (tokenizer->vocab_size() > config->vocabulary) {
    return file.Named(Error("the tokenizer has ", tokenizer->vocab_size(),
                            " tokens, but the model ", config->vocabulary));
  }
  if (!options.score.empty()) {
    return Score(options, file, *tokenizer, report);
  }
  const absl::StatusOr<std::vector<int32_t>> prompt =
      EncodePrompt(options, *file.gguf, *tokenizer);
  if (!prompt.ok()) return prompt.status();
  if (static_cast<int64_t>(prompt->size()) > config->context) {
    return Error("the prompt has ", prompt->size(),
                 " tokens, but the model's context ", config->context);
  }
  HostContext context(options.threads);
  const absl::StatusOr<Model> model =
      Model::Load(*file.gguf, options.weights, context);
  if (!model.ok()) return file.Named(model.status());

  Run run(options, *tokenizer, *model, *prompt, context);
  status = run.Generate(text);
  if (status.ok()) status = run.DumpLogits();
  if (status.ok()) run.Report(report);
  return status;
}

}  // namespace tilework
