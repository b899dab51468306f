// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_EXAMPLES_GENERATE_SCORE_H_
#define TILEWORK_EXAMPLES_GENERATE_SCORE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/examples/generate/model.h"

namespace tilework {

// How well a model foresees a text.
struct TextScore {
  int64_t tokens = 0;     // that were foreseen
  double perplexity = 0;  // e^(the mean of -ln of their probabilities)
};

// The text is cut into windows of at most `window` tokens (and at most the
// model's context); the first token of each is given. Heads and caches are of
// `heads`. InvalidArgument for fewer than two tokens.
absl::StatusOr<TextScore> ScoreText(const Model& model,
                                    absl::Span<const int32_t> tokens,
                                    int64_t window, DType heads,
                                    HostContext& context);

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_SCORE_H_
