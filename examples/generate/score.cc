// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/score.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/decoder.h"
#include "tilework/examples/generate/model.h"

namespace tilework {
namespace {

// Logits of so many tokens are kept at a time.
constexpr int64_t kChunk = 128;

// -ln of the probability of `token`.
double Surprise(absl::Span<const float> logits, int32_t token) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) {
    sum += std::exp(static_cast<double>(logit - largest));
  }
  const float of_token = logits[static_cast<size_t>(token)];
  return std::log(sum) - static_cast<double>(of_token - largest);
}

// Adds the surprises of all tokens of a window but the first.
absl::Status AddWindow(const Model& model, absl::Span<const int32_t> tokens,
                       DType heads, const Tensor& logits, double& sum,
                       HostContext& context) {
  // The last token foresees nothing.
  const int64_t given = std::ssize(tokens) - 1;
  Decoder decoder(model, heads, given, context);
  for (int64_t first = 0; first < given; first += kChunk) {
    const int64_t count = std::min(kChunk, given - first);
    const Tensor rows = logits.Slice(0, 0, count);
    const absl::Status status = decoder.Append(
        tokens.subspan(static_cast<size_t>(first), static_cast<size_t>(count)),
        rows, context);
    if (!status.ok()) return status;
    for (int64_t i = 0; i < count; ++i) {
      sum += Surprise({rows.At<float>(i), static_cast<size_t>(rows.dim(1))},
                      tokens[static_cast<size_t>(first + i + 1)]);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TextScore> ScoreText(const Model& model,
                                    absl::Span<const int32_t> tokens,
                                    int64_t window, DType heads,
                                    HostContext& context) {
  if (tokens.size() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the text has ", tokens.size(), " tokens, expected at least 2"));
  }
  const int64_t size = std::clamp<int64_t>(window, 2, model.config().context);
  Buffer logits(DType::kF32, {kChunk, model.config().vocabulary});
  TextScore score;
  double sum = 0;
  while (tokens.size() >= 2) {
    const auto part = tokens.subspan(0, static_cast<size_t>(size));
    const absl::Status status =
        AddWindow(model, part, heads, logits.view(), sum, context);
    if (!status.ok()) return status;
    score.tokens += std::ssize(part) - 1;
    tokens.remove_prefix(part.size());
  }
  score.perplexity = std::exp(sum / static_cast<double>(score.tokens));
  return score;
}

}  // namespace tilework
